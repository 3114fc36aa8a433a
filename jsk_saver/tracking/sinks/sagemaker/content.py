"""Events of a trial as parameters, artifacts, tags and status of SageMaker."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import math
import mimetypes
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from jsk_saver.tracking.journal import layout
from jsk_saver.tracking.sinks.base import Batch, Refusals
from jsk_saver.tracking.sinks.sagemaker import limits

_MEDIA_TYPE = re.compile(r"[-\w]+/[-\w+]+")
#: What SageMaker's pattern takes: letters, spaces and digits of any script, and _ . : / = + - @.
_TAG = re.compile(r"[\w .:/=+\-@]*")
#: What the dot of SageMaker's patterns leaves out, other control characters, and halves of characters.
_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_STATUS = {"completed": "Completed", "failed": "Failed", "stopped": "Stopped", "lost": "Failed"}
#: In front of what the kit notes by itself, so that no parameter of the user's is hidden.
OWN = "jsk."


class Artifact(NamedTuple):
    """An artifact of a trial component."""

    value: str
    media_type: str | None


@dataclass(slots=True)
class Content:
    """What a batch says about a trial.

    Parameters
    ----------
    parameters
        Text or numbers.
    inputs, outputs
        Artifacts.
    tags
        Those to set; None takes one away.
    status
        SageMaker's word and a message; none if the batch says nothing about it.
    started, ended
        When, in seconds since 1970.
    """

    parameters: dict[str, str | float] = field(default_factory=dict)
    inputs: dict[str, Artifact] = field(default_factory=dict)
    outputs: dict[str, Artifact] = field(default_factory=dict)
    tags: dict[str, str | None] = field(default_factory=dict)
    status: tuple[str, str] | None = None
    started: float | None = None
    ended: float | None = None


def content(batch: Batch, refused: Refusals) -> Content:
    """Return what the events of a batch come to in SageMaker."""
    found = Content()
    folding = _Folding(found, batch.folder, refused)
    for event in batch.events:
        folding.take(event)
    return found


class _Folding:
    """Takes events into a content."""

    def __init__(self, found: Content, folder: str, refused: Refusals) -> None:
        self._found, self._folder, self._refused = found, folder, refused

    def take(self, event: dict[str, Any]) -> None:
        """Take one event, if SageMaker has a place for its kind."""
        take = _TAKE.get(event["kind"])
        if take is not None:
            take(self, event)

    def _start(self, event: dict[str, Any]) -> None:
        self._found.status, self._found.started = ("InProgress", ""), event["time"]
        own = {"status": "running", "parent": event.get("parent"), "host": event.get("host")}
        self._values(OWN, {name: value for name, value in own.items() if value})
        self._values(f"{OWN}link.", event.get("links", {}))

    def _end(self, event: dict[str, Any]) -> None:
        error = event.get("error", "")
        self._found.status, self._found.ended = (
            (_STATUS[event["status"]], one_line(error)[-limits.STATUS_MESSAGE :]),
            event["time"],
        )
        if len(error) > limits.STATUS_MESSAGE:
            self._values(OWN, {"error": error})
        self._values(OWN, {"status": event["status"]})

    def _params(self, event: dict[str, Any]) -> None:
        self._values("", event["values"])

    def _environment(self, event: dict[str, Any]) -> None:
        self._values(f"{OWN}environment.", event["values"])

    def _link(self, event: dict[str, Any]) -> None:
        self._values(f"{OWN}link.", event["values"])

    def _note(self, event: dict[str, Any]) -> None:
        moment = dt.datetime.fromtimestamp(event["time"], dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        self._values(f"{OWN}note.", {moment: event["text"]})

    def _tags(self, event: dict[str, Any]) -> None:
        taken = [name for name, value in event["values"].items() if value is None]
        self._found.tags |= dict.fromkeys(taken)
        self._found.tags |= tags(
            {name: event["values"][name] for name in event["values"] if name not in taken}, self._refused
        )

    def _input(self, event: dict[str, Any]) -> None:
        self._artifact(self._found.inputs, event["name"], event.get("version", ""), event.get("uri", ""))

    def _output(self, event: dict[str, Any]) -> None:
        self._artifact(self._found.outputs, event["name"], event.get("version", ""), event.get("uri", ""))

    def _file(self, event: dict[str, Any]) -> None:
        path = Path(self._folder) / layout.FILES / event["file"]
        self._artifact(self._found.outputs, f"{event['what']}/{event['file']}", "", path.as_uri())

    def _values(self, prefix: str, values: dict[str, Any]) -> None:
        for name, value in values.items():
            key = one_line(prefix + name)
            if isinstance(value, int | float) and not isinstance(value, bool) and _is_exact(value):
                self._found.parameters[key] = float(value)
                continue
            pieces = _pieces(one_line(_text(value)))
            longest = key + (f" [{len(pieces)}/{len(pieces)}]" if len(pieces) > 1 else "")
            if len(pieces) > limits.PIECES:
                self._refused.add(
                    f"parameter {key[:60]!r}",
                    f"It is longer than {limits.PIECES} values of {limits.PARAMETER_TEXT:,} characters, "
                    "which SageMaker takes each.",
                )
            elif len(longest) > limits.PARAMETER_KEY:
                self._refused.add(
                    f"parameter {key[:60]!r}…", f"SageMaker takes names of {limits.PARAMETER_KEY} characters."
                )
            elif len(pieces) == 1:
                self._found.parameters[key] = pieces[0]
            else:
                for number, piece in enumerate(pieces, start=1):
                    self._found.parameters[f"{key} [{number}/{len(pieces)}]"] = piece

    def _artifact(self, artifacts: dict[str, Artifact], name: str, version: str, uri: str) -> None:
        value = one_line(uri)
        if version and uri.startswith("s3://") and "versionId=" not in uri:
            value += f"?versionId={version}"
        if not 0 < len(value) <= limits.ARTIFACT_VALUE:
            self._refused.add(
                f"artifact {name[:60]!r}",
                f"Its address has {len(value):,} characters; SageMaker takes 1 to {limits.ARTIFACT_VALUE:,}.",
            )
            return
        # Every version of a name is an artifact of its own.
        key = one_line(f"{name} {version}" if version else name)
        if len(key) > limits.ARTIFACT_KEY:
            digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:16]
            key = f"{key[: limits.ARTIFACT_KEY - 18]}… {digest}"
        guessed = mimetypes.guess_type(name)[0] or ""
        fits = len(guessed) <= limits.MEDIA_TYPE and _MEDIA_TYPE.fullmatch(guessed)
        artifacts[key] = Artifact(value, guessed if fits else None)


_TAKE: dict[str, Callable[[_Folding, dict[str, Any]], None]] = {
    "start": _Folding._start,
    "end": _Folding._end,
    "params": _Folding._params,
    "environment": _Folding._environment,
    "link": _Folding._link,
    "note": _Folding._note,
    "tags": _Folding._tags,
    "input": _Folding._input,
    "output": _Folding._output,
    "file": _Folding._file,
}


# One value ------------------------------------------------------------------------------------------


def one_line(text: str) -> str:
    """Return a text as SageMaker's patterns take it: line ends and other control characters written out."""
    return _UNFIT.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)


def tags(values: dict[str, Any], refused: Refusals) -> dict[str, str]:
    """Return the tags that SageMaker takes."""
    said: dict[str, str] = {}
    for name, value in values.items():
        text = _text(value)
        if len(name) > limits.TAG_KEY or len(text) > limits.TAG_VALUE:
            refused.add(
                f"tag {name[:60]!r}",
                f"SageMaker takes tags of {limits.TAG_KEY} and values of {limits.TAG_VALUE} characters.",
            )
        elif not _TAG.fullmatch(name) or not _TAG.fullmatch(text) or name.lower().startswith("aws:"):
            refused.add(
                f"tag {name!r}", "SageMaker's tags are of letters, digits, spaces and _.:/=+-@, not aws:…."
            )
        else:
            said[name] = text
    return said


def _is_exact(value: float) -> bool:
    """Tell whether a number is the same as a 64-bit float."""
    try:
        return math.isfinite(value) and float(value) == value
    except OverflowError:
        return False


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _pieces(text: str) -> list[str]:
    size = limits.PARAMETER_TEXT
    return [text[at : at + size] for at in range(0, len(text), size)] or [""]
