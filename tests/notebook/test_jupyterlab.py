"""The tutorial in JupyterLab, as a user meets it: opened in a browser, run, looked at, saved."""

from __future__ import annotations

import os
import secrets
import shutil
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.servers.browser import chromium, screenshot
from tests.servers.processes import Processes, free_port

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
TUTORIAL = "02_finding_and_comparing.ipynb"
#: Milliseconds that a page and a whole notebook may take on a busy machine.
_PAGE, _NOTEBOOK = 60_000, 300_000


class Lab:
    """JupyterLab on the loopback, with homes of its own."""

    def __init__(self, folder: Path) -> None:
        self.work = folder / "work"
        self.work.mkdir()
        shutil.copy(ROOT / "notebooks" / TUTORIAL, self.work)
        self._ask_for_no_news(folder / "settings")
        self.port, self.token = free_port(), secrets.token_hex(16)
        self.log = folder / "lab.log"
        self.processes = Processes()
        self._environment = dict(os.environ) | {
            "HOME": str(folder),
            "JSK_HOME": str(folder / "jsk"),
            "JUPYTER_CONFIG_DIR": str(folder / "config"),
            "JUPYTER_DATA_DIR": str(folder / "data"),
            "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
            "IPYTHONDIR": str(folder / "ipython"),
            "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        }

    def _ask_for_no_news(self, settings: Path) -> None:
        path = settings / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
        path.parent.mkdir(parents=True)
        path.write_text('{"fetchNews": "false", "checkForUpdates": false}', encoding="utf-8")

    def __enter__(self) -> Lab:
        command = [
            sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1", f"--port={self.port}",
            "--ServerApp.port_retries=0", f"--ServerApp.root_dir={self.work}", "--allow-root",
            f"--IdentityProvider.token={self.token}", "--LabApp.extension_manager=readonly",
        ]  # fmt: skip
        self.processes.start(command, self.log, self._environment)
        self.processes.wait_until(self._answers, "jupyter lab", 90)
        return self

    def __exit__(self, *_: object) -> None:
        self.processes.stop()

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api", timeout=5):
                return True
        except OSError:
            return False

    def address(self, notebook: str) -> str:
        """Return where a notebook opens, with nothing else open beside it."""
        return f"http://127.0.0.1:{self.port}/lab/tree/{notebook}?reset&token={self.token}"


@pytest.fixture
def lab(tmp_path) -> Iterator[Lab]:
    with Lab(tmp_path) as running:
        yield running


@pytest.fixture
def page() -> Iterator[Any]:
    with chromium() as browser:
        page = browser.new_context(viewport={"width": 1360, "height": 1000}).new_page()
        page.set_default_timeout(_PAGE)
        try:
            yield page
        finally:
            screenshot(page, "jupyterlab-last")  # after a failure, what one wants to see


def _run_all(page: Any, lab: Lab, notebook: str) -> None:
    """Open a notebook and choose "Run All Cells" from the menu."""
    page.goto(lab.address(notebook))
    _kernel_is(page, "Idle")
    page.locator(".lm-MenuBar-itemLabel", has_text="Run").first.click()
    page.locator(".lm-Menu-itemLabel").get_by_text("Run All Cells", exact=True).click()


def _kernel_is(page: Any, status: str, timeout: int = _PAGE) -> None:
    """Wait for what the status bar says."""
    page.locator("#jp-main-statusbar").get_by_text(f"| {status}").wait_for(timeout=timeout)


def _show(page: Any, selector: str) -> Any:
    """Scroll from the top until something is there to be seen: cells far away are not in the page."""
    cells = page.locator(".jp-NotebookPanel .jp-WindowedPanel-outer")
    cells.evaluate("panel => panel.scrollTo(0, 0)")
    for _ in range(60):
        page.wait_for_timeout(250)
        found = page.locator(f".jp-NotebookPanel {selector}").first
        if found.count():
            found.scroll_into_view_if_needed()
            page.wait_for_timeout(500)
            return found
        cells.evaluate("panel => panel.scrollBy(0, 400)")
    pytest.fail(f"There is no {selector} in the notebook.")


def _save(page: Any, lab: Lab, notebook: str) -> Any:
    """Save as a user does, and return what is on the disk."""
    path = lab.work / notebook
    before = path.stat().st_mtime_ns
    page.keyboard.press("Control+s")
    for _ in range(120):
        page.wait_for_timeout(250)
        if path.stat().st_mtime_ns != before:
            return nbformat.read(path, as_version=4)
    return pytest.fail("The notebook was not saved.")


def test_the_tutorial_runs_and_its_tables_and_plots_stay_in_the_saved_notebook(page, lab):
    _run_all(page, lab, TUTORIAL)
    _kernel_is(page, "Busy")
    _kernel_is(page, "Idle", _NOTEBOOK)

    several = _show(page, "table.jsk-live:has-text('silhouette')")
    assert several.locator("tr").count() == 7
    assert several.get_by_text("completed").count() == 6
    screenshot(page, "jupyterlab-trials")
    plot = _show(page, ".jp-RenderedImage img")
    assert plot.evaluate("image => image.naturalWidth") > 300
    screenshot(page, "jupyterlab-plot")
    one = _show(page, "table.jsk-live:has-text('metric')")
    assert one.locator("svg path").count() == 2
    assert one.locator("svg").first.bounding_box()["width"] == 120
    several = _show(page, "table.jsk-live:has-text('width')")
    assert (
        several.locator("td").evaluate_all("cells => cells.filter(it => it.scrollWidth > it.clientWidth)")
        == []
    )
    screenshot(page, "jupyterlab-curves")

    saved = _save(page, lab, TUTORIAL)
    code = [cell for cell in saved.cells if cell.cell_type == "code"]
    assert [cell.id for cell in code if cell.execution_count is None] == []
    outputs = [output for cell in code for output in cell.outputs]
    assert [output for output in outputs if output.output_type == "error"] == []
    tables = [output.data["text/html"] for output in outputs if "jsk-live" in str(output.get("data"))]
    assert [(table.count("completed"), table.count("running")) for table in tables] == [
        (6, 0),
        (1, 0),
        (3, 0),
    ]
    assert all("<svg" in table for table in tables[1:])
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 2


def test_the_table_moves_while_a_trial_runs_and_is_there_when_the_notebook_is_opened_again(page, lab):
    cells = [
        "%load_ext jsk_saver",
        "%%trial slow k=5\nimport time\n"
        "for step in range(40):\n    trial.log_metric('loss', 1 / (step + 1))\n    time.sleep(0.1)",
    ]
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(made, lab.work / "slow.ipynb")

    _run_all(page, lab, "slow.ipynb")
    page.get_by_text("running").wait_for()
    first = page.locator("table.jsk-live").inner_text()
    page.wait_for_function("first => document.querySelector('table.jsk-live').innerText !== first", arg=first)
    assert page.get_by_text("running").count() == 1
    screenshot(page, "jupyterlab-running")
    page.get_by_text("completed").wait_for()
    _save(page, lab, "slow.ipynb")

    page.goto("about:blank")
    page.goto(lab.address("slow.ipynb"))
    page.get_by_text("completed").wait_for()
    assert page.locator("table.jsk-live svg path").count() == 1


def test_the_tab_key_offers_the_names_of_what_was_saved(page, lab):
    cells = [
        "from jsk_saver import saver\n%load_ext jsk_saver\n"
        "for name in ('irises', 'wines'):\n    saver.put(f'data/{name}.json', [1], metadata={'rows': 1})",
        "",
    ]
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(made, lab.work / "tab.ipynb")

    _run_all(page, lab, "tab.ipynb")
    page.locator(".jp-InputPrompt", has_text="[1]:").wait_for()
    editor = page.locator(".jp-NotebookPanel .jp-Cell .cm-content").nth(1)
    editor.click()
    page.keyboard.type('saver.get("da')
    page.keyboard.press("Tab")
    offered = page.locator(".jp-Completer-item")
    offered.first.wait_for()
    screenshot(page, "jupyterlab-tab")
    assert [item.strip() for item in offered.locator(".jp-Completer-match").all_inner_texts()] == [
        "data/irises.json",
        "data/wines.json",
    ]
    assert {item.strip() for item in offered.locator(".jp-Completer-typeExtended").all_inner_texts()} == {
        "file"
    }
    page.keyboard.press("Enter")
    offered.first.wait_for(state="hidden")
    assert editor.inner_text().startswith('saver.get("data/irises.json')
