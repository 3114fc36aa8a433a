"""The result as a table for people and as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.rows import Row

HEADINGS = ("measure", "jsk_saver", "peer", "theirs", "ratio", "target", "")


def write(folder: Path, machine: dict[str, Any], rows: Sequence[Row]) -> tuple[Path, Path]:
    """Write ``results.md`` and ``results.json`` into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    for_people, for_programs = folder / "results.md", folder / "results.json"
    for_people.write_text(markdown(machine, rows), encoding="utf-8")
    result = {"machine": machine, "rows": [row.to_json() for row in rows]}
    for_programs.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return for_people, for_programs


def markdown(machine: dict[str, Any], rows: Sequence[Row]) -> str:
    """Return the whole page."""
    targets = [row for row in rows if row.met is not None]
    missed = [row for row in targets if not row.met]
    parts = [
        "# Measured",
        f"{len(targets) - len(missed)} of {len(targets)} targets met. How: [README.md](README.md).",
        _machine(machine),
        table(targets),
        _notes("Why a target is missed", [(row, row.reason or "not explained yet") for row in missed]),
        "## For information",
        table([row for row in rows if row.met is None]),
        _notes("Notes", [(row, row.note) for row in rows if row.note]),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def table(rows: Sequence[Row]) -> str:
    """Return the lines as a Markdown table."""
    lines = ["| " + " | ".join(HEADINGS) + " |", "|" + " --- |" * len(HEADINGS)]
    for row in rows:
        verdict = {True: "ok", False: "**MISSED**", None: ""}[row.met]
        cells = (row.measure, row.ours, row.peer, row.theirs, row.ratio, row.target, verdict)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def line(row: Row) -> str:
    """Return one line for the terminal."""
    against = f"{row.peer} {row.theirs}".strip()
    parts = [row.ours, f"({against})" if against else "", row.ratio, row.target and f"target {row.target}"]
    return f"{row.verdict:>15}  {row.measure}: " + "  ".join(part for part in parts if part)


def _machine(machine: dict[str, Any]) -> str:
    libraries = ", ".join(f"{name} {version}" for name, version in machine["libraries"].items())
    return (
        f"{machine['date']} on {machine['processor']}, {machine['cores']} cores, {machine['memory']}, "
        f"{machine['system']}, Python {machine['python']}; {libraries}. "
        f"S3 server: {machine['server']}, on the same machine. Load before: {machine['load_before']}."
    )


def _notes(title: str, notes: Sequence[tuple[Row, str]]) -> str:
    if not notes:
        return ""
    lines = [f"- **{row.measure}{f' ({row.peer})' if row.peer else ''}**: {text}" for row, text in notes]
    return f"## {title}\n\n" + "\n".join(lines)
