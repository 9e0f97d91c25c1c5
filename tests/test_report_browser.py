"""The page in a real browser: nothing fetched, nothing wrong, nothing too wide."""

import html
import json
import os
import re
import shutil
import subprocess
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from fairaudit.report.html import HtmlWriter
from tests.test_report_html_parts import everything

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))),
    None,
)
AXE = os.environ.get("FAIRAUDIT_AXE")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--enable-logging=stderr",
)
NARROW = 360

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="no Chromium is on the PATH"),
]

# The page is looked at from outside, so that its own policy stays in force.
FRAME = """<!doctype html><html lang="en"><link rel="icon" href="data:,">
<body data-found="">
<iframe src="page.html" style="width:WIDTHpx;height:900px;border:0"></iframe>
<script>
addEventListener("load", function () {
  var inner = document.querySelector("iframe").contentWindow, page = inner.document;
  page.querySelectorAll("details").forEach(function (one) { one.open = true; });
  var seen = inner.performance.getEntriesByType("resource").map(function (one) {
    return one.name; });
  var button = page.querySelector("table.sort thead th:nth-child(3) button");
  if (button) button.click();
  document.body.setAttribute("data-found", JSON.stringify({
    title: page.title, width: page.documentElement.scrollWidth,
    view: page.documentElement.clientWidth,
    seen: seen.filter(function (name) { return !name.startsWith("data:"); }),
    wide: Array.from(page.querySelectorAll("main *, header *")).filter(function (one) {
      return !one.closest(".scroll") && one.scrollWidth > one.clientWidth + 1 &&
        one.clientWidth > 0; }).map(function (one) { return one.outerHTML.slice(0, 90);
    }),
    sorted: page.querySelectorAll("th[aria-sort=ascending]").length
  }));
});
</script></body></html>
"""
AXE_CALL = """<script>axe.run().then(function (found) {
  document.body.setAttribute("data-found", JSON.stringify(found.violations.map(
    function (one) { return [one.id, one.nodes.map(function (n) { return n.html; })]; }
  )));
});</script>"""


class Handler(SimpleHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        super().do_GET()

    def log_message(self, *_):
        """Say nothing on the standard error of the tests."""


@contextmanager
def served(folder):
    """Serve a folder on this machine; yield its address and the paths asked for."""
    handler = partial(Handler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.asked = []
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", server.asked
        server.shutdown()
        thread.join()


def run(folder, address, *flags):
    command = [BROWSER, *FLAGS, f"--user-data-dir={folder / 'profile'}", *flags]
    return subprocess.run(
        [*command, address],
        capture_output=True,
        text=True,
        timeout=180,
        check=True,
    )


def found(dom):
    return json.loads(html.unescape(re.search('data-found="([^"]*)"', dom).group(1)))


def look(folder, text):
    """Return what the frame saw of a page, what it fetched, and the console."""
    (folder / "page.html").write_text(text, encoding="utf-8")
    frame = folder / "frame.html"
    frame.write_text(FRAME.replace("WIDTH", str(NARROW)), encoding="utf-8")
    with served(folder) as (address, asked):
        page = f"{address}/frame.html"
        done = run(folder, page, "--virtual-time-budget=5000", "--dump-dom")
    console = [line for line in done.stderr.splitlines() if ":CONSOLE" in line]
    seen = found(done.stdout)
    fetched = [path for path in asked if path not in {"/frame.html", "/page.html"}]
    return seen, [*fetched, *seen["seen"]], console


@pytest.fixture(scope="module")
def text():
    return HtmlWriter().render(everything())


@pytest.fixture(scope="module")
def looked(text, tmp_path_factory):
    return look(tmp_path_factory.mktemp("page"), text)


def test_page_opens_without_requests_and_without_console_messages(looked):
    seen, fetched, console = looked
    assert seen["title"].startswith("Bias audit of ")
    assert fetched == []
    assert console == []


def test_no_sideways_scrolling_at_360_pixels(looked):
    assert looked[0]["view"] == NARROW
    assert looked[0]["width"] <= NARROW, looked[0]["wide"]


def test_tables_sort_where_scripts_run(looked):
    assert looked[0]["sorted"] == 1


def test_the_test_would_see_requests_messages_and_wide_pages(tmp_path):
    bad = (
        "<!doctype html><title>Bad</title><body>"
        "<img src='missing.png'><img src='http://else.invalid/x.png'>"
        "<div style='width:900px'>wide</div>"
        "<script>console.error('oh')</script>"
    )
    seen, fetched, console = look(tmp_path, bad)
    assert {Path(name).name for name in fetched} == {"missing.png", "x.png"}
    assert seen["width"] > NARROW
    assert any("oh" in line for line in console)


def test_page_prints(text, tmp_path):
    page, out = tmp_path / "page.html", tmp_path / "page.pdf"
    page.write_text(text, encoding="utf-8")
    run(tmp_path, page.as_uri(), f"--print-to-pdf={out}", "--no-pdf-header-footer")
    printed = out.read_bytes()
    assert printed.startswith(b"%PDF")
    assert len(printed) > 20_000


@pytest.mark.skipif(not AXE, reason="FAIRAUDIT_AXE does not name a file of axe-core")
@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_no_violation(text, tmp_path, dark):
    script = Path(AXE).read_text(encoding="utf-8").replace("</script", "<\\/script")
    page = tmp_path / "page.html"
    free = re.sub('<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
    opened = free.replace('<details class="', '<details open class="')
    both = f"<script>{script}</script>{AXE_CALL}</body>"
    page.write_text(opened.replace("</body>", both), encoding="utf-8")
    scheme = f"--blink-settings=preferredColorScheme={int(not dark)}"
    dom = run(
        tmp_path, page.as_uri(), scheme, "--virtual-time-budget=60000", "--dump-dom"
    )
    assert found(dom.stdout) == []
