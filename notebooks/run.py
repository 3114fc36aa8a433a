"""Run a notebook from top to bottom, as a new user would, and show what it left in the store.

usage: run.py NOTEBOOK FOLDER

Writes the executed notebook and its HTML into FOLDER, then asks the `jsk` command, in processes of its
own, what is in the store the notebook wrote to.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from traitlets.config import Config

#: What is asked after which notebook, under which title.
SHOWN = {
    "01_first_steps": [
        ("Saved", ["search"]),
        ("Found", ["search", "accuracy:>=0.9 sort:-accuracy"]),
        ("Versions", ["history", "data/wines.csv"]),
    ],
    "02_finding_and_comparing": [
        ("Saved", ["search", "experiment:iris-kmeans sort:k"]),
        ("Story", ["describe", "models/irises.skops"]),
    ],
}


def run(notebook: Path, folder: Path) -> tuple[Path, Path]:
    """Execute ``notebook`` where it stands and return the executed copy and its HTML."""
    book = nbformat.read(notebook, as_version=4)
    executed, page = folder / notebook.name, folder / f"{notebook.stem}.html"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        execute(book, notebook)
    finally:  # after a failure, the cell that failed is what one wants to see
        nbformat.write(book, executed)
        html, _ = HTMLExporter().from_notebook_node(book)
        page.write_text(html, encoding="utf-8")
    return executed, page


def execute(book: nbformat.NotebookNode, notebook: Path) -> None:
    """Run every cell of ``book`` in a new kernel that only this user can talk to."""
    os.environ["JSK_NOTEBOOK"] = str(notebook.resolve())
    with tempfile.TemporaryDirectory() as sockets:  # a short path: the system allows a hundred characters
        os.environ["JUPYTER_RUNTIME_DIR"] = sockets
        NotebookClient(
            book,
            kernel_name="python3",
            resources={"metadata": {"path": notebook.parent}},
            config=Config({"KernelManager": {"transport": "ipc", "ip": f"{sockets}/kernel"}}),
        ).execute()


def show(title: str, arguments: list[str]) -> int:
    """Run the `jsk` command beside this Python, under a title, and return its exit code."""
    command = [str(Path(sys.executable).with_name("jsk")), *arguments]
    words = " ".join(f"'{word}'" if " " in word else word for word in arguments)
    print(f"\n{title}: jsk {words}", flush=True)
    return subprocess.run(command, check=False).returncode


def main() -> None:
    """Run, show, and say where things are."""
    notebook, folder = Path(sys.argv[1]), Path(sys.argv[2])
    print(f"Running {notebook} ...", flush=True)
    began = time.monotonic()
    executed, page = run(notebook, folder)
    print(f"done in {time.monotonic() - began:.0f} s")
    asked = SHOWN.get(notebook.stem, [("Saved", ["search"])])
    failed = [title for title, arguments in asked if show(title, arguments)]
    print(f"\nExecuted notebook: {executed}\nAs a web page:     {page}")
    if failed:
        sys.exit(f"jsk failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
