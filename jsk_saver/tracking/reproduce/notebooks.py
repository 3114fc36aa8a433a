"""Run a notebook with a given Python: ``python -m … NOTEBOOK PYTHON EXECUTED``.

Parameters go into a cell of their own behind the one that is tagged ``parameters``, as papermill does it.
"""

from __future__ import annotations

import ast
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

_TAG, _INJECTED = "parameters", "injected-parameters"


def execute(notebook: Path, python: str, executed: Path) -> int:
    """Run every cell, write the executed notebook, and return what to exit with."""
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError
    from traitlets.config import Config

    book = nbformat.read(notebook, as_version=4)  # type: ignore[no-untyped-call]
    inject(book, json.loads(os.environ.get("JSK_PARAMS", "{}")))
    with tempfile.TemporaryDirectory() as folder:  # a short path: the system allows a hundred characters
        _add_kernel(Path(folder), python)
        os.environ["JUPYTER_PATH"] = folder
        os.environ["JUPYTER_RUNTIME_DIR"] = folder
        client = NotebookClient(
            book,
            kernel_name="jsk-reproduce",
            timeout=None,
            resources={"metadata": {"path": str(notebook.parent)}},
            # Sockets in a folder of ours: nobody else can talk to the kernel.
            config=Config({"KernelManager": {"transport": "ipc", "ip": f"{folder}/kernel"}}),
        )
        try:
            client.execute()
        except CellExecutionError as error:
            sys.stderr.write(f"{error}\n")
            return 1
        finally:
            nbformat.write(book, executed)  # type: ignore[no-untyped-call]
    return 0


def inject(book: Any, params: dict[str, Any]) -> None:
    """Set those parameters that the cell tagged ``parameters`` sets, or one that papermill has added.

    As papermill does it, they go where it has put some before, else behind the tagged cell. What it set then
    stays: not all of it need be a parameter of the trial. Nothing is set without such a cell.
    """
    tagged = _first(book, _TAG)
    place = _first(book, _INJECTED)
    before = book.cells[place].source if place is not None else ""
    names = _assigned(before) | (_assigned(book.cells[tagged].source) if tagged is not None else set())
    lines = [f"{name} = {value!r}" for name, value in params.items() if name in names]
    if not lines:
        return
    text = "# Parameters of the trial that is reproduced\n" + "\n".join(lines)
    if place is not None:
        book.cells[place].source = f"{before}\n\n{text}"
    elif tagged is not None:
        import nbformat

        metadata = {"tags": [_INJECTED]}
        cell = nbformat.v4.new_code_cell(text, metadata=metadata)  # type: ignore[no-untyped-call]
        book.cells.insert(tagged + 1, cell)


def _first(book: Any, tag: str) -> int | None:
    return next((place for place, cell in enumerate(book.cells) if tag in _tags(cell)), None)


def _tags(cell: Any) -> list[str]:
    return list(cell.get("metadata", {}).get("tags", []))


def _assigned(source: str) -> set[str]:
    try:
        tree = ast.parse(source)
    except SyntaxError:  # a magic; then nothing is known
        return set()
    return {
        node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }


def _add_kernel(folder: Path, python: str) -> None:
    place = folder / "kernels" / "jsk-reproduce"
    place.mkdir(parents=True)
    command = [python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": command, "display_name": "JSK reproduce", "language": "python"}
    (place / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(execute(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])))
