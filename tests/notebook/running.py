"""Run cells in a real kernel, and keep every message on the way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from traitlets.config import Config


class Runner(NotebookClient):
    """A client that remembers what each display showed, one after the other."""

    def __init__(self, folder: Path, *sources: str, allow_errors: bool = False) -> None:
        cells = [nbformat.v4.new_code_cell(source) for source in sources]
        sockets = Config({"KernelManager": {"transport": "ipc", "ip": str(folder / "kernel")}})
        super().__init__(
            nbformat.v4.new_notebook(cells=cells),
            kernel_name="python3",
            allow_errors=allow_errors,
            resources={"metadata": {"path": str(folder)}},
            config=sockets,
        )
        self.shown: list[str] = []

    def process_message(self, msg: dict[str, Any], cell: Any, cell_index: int) -> Any:
        """Remember the HTML, then go on."""
        if msg["msg_type"] in ("display_data", "update_display_data"):
            self.shown.append(msg["content"]["data"].get("text/html", ""))
        return super().process_message(msg, cell, cell_index)

    @property
    def outputs(self) -> list[Any]:
        """What each cell shows in the end."""
        return [cell.outputs for cell in self.nb.cells]

    def tables(self) -> list[str]:
        """Return the live tables as they stay in the notebook."""
        found = [
            output.get("data", {}).get("text/html", "") for outputs in self.outputs for output in outputs
        ]
        return [html for html in found if "jsk-live" in html]
