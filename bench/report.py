"""The result as a table for people and as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.rows import Row

HEADINGS = ("measure", "jsk_saver", "peer", "theirs", "ratio", "target", "")


#: Rows by the group they belong to.
Groups = Mapping[str, Sequence[Row]]


def write(
    folder: Path, order: Sequence[str], machine: Mapping[str, Any], measured: Groups
) -> tuple[Path, Path]:
    """Write ``results.md`` and ``results.json`` into ``folder``; groups not measured now stay as they were.

    Parameters
    ----------
    folder
        Made if it is not there.
    order
        All groups, as they are to be shown.
    machine
        What was measured on: :func:`bench.machine.describe`.
    measured
        What came out.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for_people, for_programs = folder / "results.md", folder / "results.json"
    runs = [run for run in (_without(run, measured) for run in _read(for_programs)) if run["groups"]]
    runs.append({"machine": dict(machine), "groups": dict(measured)})
    runs.sort(key=lambda run: min(order.index(name) for name in run["groups"]))
    for_people.write_text(markdown(runs), encoding="utf-8")
    written = [
        {**run, "groups": {name: [row.to_json() for row in rows] for name, rows in run["groups"].items()}}
        for run in runs
    ]
    text = json.dumps({"runs": written}, indent=1, ensure_ascii=False)
    for_programs.write_text(text + "\n", encoding="utf-8")
    return for_people, for_programs


def _read(file: Path) -> list[dict[str, Any]]:
    if not file.exists():
        return []
    found: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))["runs"]
    for run in found:
        run["groups"] = {name: [Row.of(row) for row in rows] for name, rows in run["groups"].items()}
    return found


def _without(run: dict[str, Any], names: Collection[str]) -> dict[str, Any]:
    return {**run, "groups": {name: rows for name, rows in run["groups"].items() if name not in names}}


def markdown(runs: Sequence[Mapping[str, Any]]) -> str:
    """Return the whole page, a section for each run."""
    every = [row for run in runs for row in _rows(run) if row.met is not None]
    parts = [
        "# Measured",
        f"{sum(bool(row.met) for row in every)} of {len(every)} targets met. How: [README.md](README.md).",
        *(_section(run) for run in runs),
    ]
    return "\n\n".join(parts) + "\n"


def _section(run: Mapping[str, Any]) -> str:
    rows = _rows(run)
    missed = [row for row in rows if row.met is False]
    more = [row for row in rows if row.met is None]
    parts = [
        "## " + ", ".join(run["groups"]),
        _machine(run["machine"]),
        table([row for row in rows if row.met is not None]),
        _notes("Why a target is missed", [(row, row.reason or "not explained yet") for row in missed]),
        "### For information\n\n" + table(more) if more else "",
        _notes("Notes", [(row, row.note) for row in rows if row.note]),
    ]
    return "\n\n".join(part for part in parts if part)


def _rows(run: Mapping[str, Any]) -> list[Row]:
    return [row for rows in run["groups"].values() for row in rows]


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


def _machine(machine: Mapping[str, Any]) -> str:
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
    return f"### {title}\n\n" + "\n".join(lines)
