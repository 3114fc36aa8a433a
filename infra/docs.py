"""Inputs and outputs of Terraform modules, as tables in their READMEs (terraform-docs form).

``python infra/docs.py`` writes them between the two marks of every README below ``infra`` that has them;
``--check`` only says which are out of date, and ends with code 1 if any is. It reads what ``terraform fmt``
has laid out: a block begins with its kind in the first column, and ends with ``}`` in it.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

BEGIN, END = "<!-- BEGIN_TF_DOCS -->", "<!-- END_TF_DOCS -->"
_BLOCK = re.compile(r'^(variable|output|resource|module|data) ((?:"[^"]+" ?)+)\{\n(.*?)^\}', re.M | re.S)
_CLOSING = {"{": "}", "[": "]", "(": ")"}


def main(arguments: list[str] | None = None) -> int:
    """Write or check every README; return the exit code."""
    parser = argparse.ArgumentParser(description="Inputs and outputs of Terraform modules in their READMEs.")
    parser.add_argument("--check", action="store_true", help="change nothing; code 1 if one is out of date")
    check = parser.parse_args(arguments).check
    stale = [readme for readme in sorted(Path(__file__).parent.rglob("README.md")) if _stale(readme)]
    for readme in stale:
        sys.stdout.write(f"{readme}: {'out of date; python infra/docs.py' if check else 'written'}\n")
        if not check:
            readme.write_text(with_tables(readme), encoding="utf-8")
    return int(check and bool(stale))


def _stale(readme: Path) -> bool:
    text = readme.read_text(encoding="utf-8")
    return BEGIN in text and with_tables(readme) != text


def with_tables(readme: Path) -> str:
    """Return the text of a README with the tables of its folder between the marks."""
    before, _, rest = readme.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{tables(readme.parent)}{END}{after}"


def tables(folder: Path) -> str:
    """Return the tables of a module.

    Parameters
    ----------
    folder
        Of the module.

    Returns
    -------
    str
        Markdown: modules, resources, inputs and outputs; what a module has none of is left out.
    """
    blocks = [
        block for file in sorted(folder.glob("*.tf")) for block in _BLOCK.findall(file.read_text("utf-8"))
    ]
    return "\n".join(_sections(blocks))


def _sections(blocks: list[tuple[str, str, str]]) -> Iterator[str]:
    named = {kind: [(label.replace('"', "").split(), body) for k, label, body in blocks if k == kind]
             for kind in ("module", "resource", "data", "variable", "output")}  # fmt: skip
    if named["module"]:
        sources = [(f"`{label[0]}`", _value(body, "source").strip('"')) for label, body in named["module"]]
        yield _table("Modules", ("Name", "Source"), sources)
    made = [(f"`{label[0]}.{label[1]}`", kind) for kind in ("resource", "data") for label, _ in named[kind]]
    if made:
        yield _table("Resources", ("Name", "Type"), made)
    if named["variable"]:
        inputs = [_input(label[0], body) for label, body in named["variable"]]
        yield _table("Inputs", ("Name", "Description", "Type", "Default", "Required"), inputs)
    if named["output"]:
        outputs = [(f"`{label[0]}`", _description(body)) for label, body in named["output"]]
        yield _table("Outputs", ("Name", "Description"), outputs)


def _input(name: str, body: str) -> tuple[str, ...]:
    default = _value(body, "default")
    return (
        f"`{name}`", _description(body), f"`{_value(body, 'type')}`",
        f"`{default}`" if default else "n/a", "no" if default else "yes",
    )  # fmt: skip


def _description(body: str) -> str:
    return _value(body, "description").strip('"').replace('\\"', '"')


def _value(body: str, name: str) -> str:
    """Return the expression of an argument of a block, in one line; nothing if it has none."""
    match = re.search(rf"^  {name} +=", body, re.M)
    if match is None:
        return ""
    lines, waiting = [], []
    for line in body[match.end() :].splitlines():
        lines.append(line.strip())
        for sign in re.sub(r'"(?:\\.|[^"\\])*"', "", line):
            if sign in _CLOSING:
                waiting.append(_CLOSING[sign])
            elif waiting and sign == waiting[-1]:
                waiting.pop()
        if not waiting:
            break
    return _in_one_line(lines)


def _in_one_line(lines: list[str]) -> str:
    text = lines[0]
    for line in lines[1:]:
        between = "" if text.endswith(("[", "(")) or line.startswith(("]", ")")) else " "
        comma = "" if text.endswith((*_CLOSING, ",")) or line.startswith(tuple(_CLOSING.values())) else ","
        text = text.removesuffix(",") if line.startswith(tuple(_CLOSING.values())) else text
        text += comma + between + line
    return re.sub(r" {2,}", " ", text).strip()


def _table(title: str, head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *sorted(rows)]
    cells = ("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in lines)
    return f"### {title}\n\n" + "\n".join(cells) + "\n"


if __name__ == "__main__":
    sys.exit(main())
