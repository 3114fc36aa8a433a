"""A filter for Git that takes the output out of notebooks: from standard input to standard output."""

from __future__ import annotations

import json
import sys


def without_output(text: str) -> str:
    """Return a notebook without output and counts; what is no notebook comes back as it is."""
    try:
        notebook = json.loads(text)
        cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    except (ValueError, KeyError, TypeError):
        return text
    for cell in cells:
        cell["outputs"], cell["execution_count"] = [], None
        cell.get("metadata", {}).pop("execution", None)
    return json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    sys.stdout.write(without_output(sys.stdin.read()))
