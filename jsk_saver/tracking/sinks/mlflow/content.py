"""Events of a trial as parameters, tags, files and status of a run."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from jsk_saver.tracking.journal import layout, reading
from jsk_saver.tracking.sinks.base import Batch, Refusals
from jsk_saver.tracking.sinks.mlflow import naming
from jsk_saver.wording import flatten

_STATUS = {"completed": "FINISHED", "failed": "FAILED", "stopped": "KILLED", "lost": "FAILED"}
#: In front of what the kit notes by itself; the first says whose run it is.
OWN, IDENTITY = "jsk.", "jsk.trial"
NOTES = "mlflow.note.content"
_ENVIRONMENT = {
    "commit": "mlflow.source.git.commit",
    "branch": "mlflow.source.git.branch",
    "remote": "mlflow.source.git.repoURL",
    "notebook": "mlflow.source.name",
    "user": "mlflow.user",
}


class Upload(NamedTuple):
    """A file for the run's artifacts: one on the disk, or a text.

    ``path`` names it there; what cannot be sent is told under ``what``.
    """

    what: str
    path: str
    source: Path | None
    text: str = ""


class Version(NamedTuple):
    """A version that the trial read."""

    name: str
    digest: str
    source: str


@dataclass(slots=True)
class Content:
    """What a batch comes to.

    Parameters
    ----------
    params, tags
        Under MLflow's names; a tag that is None is taken away.
    inputs
        For the run's datasets.
    uploads
        For its artifacts.
    status
        MLflow's word; empty if the batch says nothing about it.
    ended
        In seconds since 1970; None while the trial runs.
    """

    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str | None] = field(default_factory=dict)
    inputs: list[Version] = field(default_factory=list)
    uploads: list[Upload] = field(default_factory=list)
    status: str = ""
    ended: float | None = None


def content(batch: Batch, refused: Refusals) -> Content:
    """Return what the events of a batch come to in MLflow."""
    folding = _Folding(batch, refused)
    for event in batch.events:
        take = _TAKE.get(event["kind"])
        if take is not None:
            take(folding, event)
    folding.whole()
    return folding.found


class _Folding:
    """Takes events into a content."""

    def __init__(self, batch: Batch, refused: Refusals) -> None:
        self.found = Content()
        self._folder, self._refused = Path(batch.folder), refused
        self._kinds = {event["kind"] for event in batch.events}

    def start(self, event: dict[str, Any]) -> None:
        self.found.status, self.found.ended = "RUNNING", None
        own = {"status": "running", "host": event.get("host"), "parent": event.get("parent")}
        self._tags(OWN, {name: value for name, value in own.items() if value})
        self._tags(f"{OWN}link.", event.get("links", {}))

    def end(self, event: dict[str, Any]) -> None:
        self.found.status, self.found.ended = _STATUS[event["status"]], event["time"]
        self._tags(OWN, {"status": event["status"]})
        error = str(event.get("error", ""))
        if error:
            # What went wrong is said at the end of a traceback.
            self.found.tags[f"{OWN}error"] = naming.cut(
                error[-naming.LONGEST_TAG :], naming.LONGEST_TAG, "", None
            )
            if len(error) > naming.LONGEST_TAG:
                self.found.uploads.append(Upload("the traceback", "error.txt", None, error))

    def params(self, event: dict[str, Any]) -> None:
        for name, value in event["values"].items():
            said = naming.cut(
                naming.text(value), naming.LONGEST_PARAM, f"the parameter {name!r}", self._refused
            )
            self.found.params[naming.key(name, "parameter", self._refused)] = said

    def tags(self, event: dict[str, Any]) -> None:
        for name, value in event["values"].items():
            if name == IDENTITY:
                self._refused.add(f"the tag {name!r}", "The kit finds the run by it.")
            elif value is None:
                self.found.tags[naming.key(name, "tag", self._refused)] = None
            else:
                self._tags("", {name: value})

    def link(self, event: dict[str, Any]) -> None:
        self._tags(f"{OWN}link.", event["values"])

    def input(self, event: dict[str, Any]) -> None:
        known = {"uri": event.get("uri", ""), "version": event.get("version", "")}
        digest = (
            known["version"] if len(known["version"]) <= naming.LONGEST_DIGEST else event.get("digest", "")
        )
        name = event["name"][: naming.LONGEST_DATASET]
        self.found.inputs.append(
            Version(name, digest[: naming.LONGEST_DIGEST] or "unknown", json.dumps(known))
        )

    def file(self, event: dict[str, Any]) -> None:
        what = f"the {event['what']} {event['name']!r}"
        source = self._folder / layout.FILES / event["file"]
        if source.exists():
            self.found.uploads.append(Upload(what, f"{event['what']}s", source))
        else:
            self._refused.add(what, f"{source} is not there any more.")

    def whole(self) -> None:
        """Say what is one text or several in MLflow: all of it, each time something is added."""
        if "note" in self._kinds:
            notes = "\n\n".join(event["text"] for event in self._every("note"))
            self.found.tags[NOTES] = naming.cut(notes, naming.LONGEST_TAG, "", None)
            if len(notes) > naming.LONGEST_TAG:
                self.found.uploads.append(Upload("the notes", "notes.md", None, notes))
        if "environment" in self._kinds:
            self._environment()
        for direction in {"input", "output"} & self._kinds:
            said: dict[str, list[str]] = {}
            for event in self._every(direction):
                lines = said.setdefault(event["name"], [])
                line = f"{event.get('version', '')} {event.get('uri', '')}".strip()
                lines += [line] if line not in lines else []
            self._tags(f"{direction}.", {name: "\n".join(lines) for name, lines in said.items()})

    def _environment(self) -> None:
        found: dict[str, Any] = {}
        for event in self._every("environment"):
            found |= event["values"]
        for name, value in flatten(found):
            key = naming.key(f"environment.{name}", "tag", self._refused)
            self.found.tags[key] = naming.cut(naming.text(value), naming.LONGEST_TAG, "", None)
        for name, tag in _ENVIRONMENT.items():
            if found.get(name):
                self.found.tags[tag] = naming.cut(naming.text(found[name]), naming.LONGEST_TAG, "", None)
        is_notebook = str(found.get("notebook", "")).endswith(".ipynb")
        self.found.tags["mlflow.source.type"] = "NOTEBOOK" if is_notebook else "LOCAL"
        whole = json.dumps(found, ensure_ascii=False, indent=1)
        self.found.uploads.append(Upload("the environment", "environment.json", None, whole))

    def _every(self, kind: str) -> Iterator[dict[str, Any]]:
        """Yield the events of a kind since the trial began: the journal has them all."""
        for path in layout.writers(self._folder):
            yield from (event for _, event in reading.events(path) if event["kind"] == kind)

    def _tags(self, prefix: str, values: dict[str, Any]) -> None:
        for name, value in values.items():
            key = naming.key(f"{prefix}{name}", "tag", self._refused)
            what = f"the tag {prefix + name!r}"
            self.found.tags[key] = naming.cut(naming.text(value), naming.LONGEST_TAG, what, self._refused)


_TAKE: dict[str, Callable[[_Folding, dict[str, Any]], None]] = {
    "start": _Folding.start,
    "end": _Folding.end,
    "params": _Folding.params,
    "tags": _Folding.tags,
    "link": _Folding.link,
    "input": _Folding.input,
    "file": _Folding.file,
}
