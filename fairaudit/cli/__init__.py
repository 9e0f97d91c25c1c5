"""The command line: words in, one call, files out. One module a command."""

from typing import Annotated

import typer

from fairaudit.cli.compare import agree, compare
from fairaudit.cli.contexts import contexts
from fairaudit.cli.evaluate import evaluate
from fairaudit.cli.gate import gate, init
from fairaudit.cli.lists import datasets, metrics
from fairaudit.cli.report import report
from fairaudit.cli.train import train
from fairaudit.cli.validate import validate

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # rich help costs as much as all the rest of the start
    context_settings={"help_option_names": ["-h", "--help"]},
    help=(
        "Assess language models and text classifiers for social bias.\n\n"
        "Start with `fairaudit evaluate MODEL_DIR --data FILE`; "
        "`fairaudit metrics` and `fairaudit datasets` list what "
        "there is.\n\n"
        "Exit codes: 0 done, 1 some requested metric gave no result, 2 usage or data "
        "error, 130 interrupted."
    ),
)


def _version(wanted: bool) -> None:
    if wanted:
        from fairaudit import __version__

        typer.echo(f"fairaudit {__version__}")
        raise typer.Exit


@app.callback()
def common(
    *,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="Show version."
        ),
    ] = False,
) -> None:
    """Hold options of every command."""


for command in (
    evaluate,
    train,
    validate,
    contexts,
    compare,
    agree,
    gate,
    init,
    report,
    metrics,
    datasets,
):
    app.command()(command)
