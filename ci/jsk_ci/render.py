"""A pipeline as GitLab will see it: includes put in, inputs filled in, ``extends`` followed.

Only what is in this repository and the kit's own templates can be seen; a component or a project's file is
taken for the kit's if it has the name of one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from jsk_ci import inputs, resources
from jsk_ci.errors import ProjectError

#: GitLab's own limits.
_MOST_INCLUDES, _DEEPEST_EXTENDS = 150, 11
_COMPONENT = re.compile(r"[^@\s]+/([\w-]+)@[^@\s]+")
#: Keywords of a pipeline's first level that are no jobs.
_GLOBAL = {
    "after_script", "before_script", "cache", "default", "image", "include", "pages", "services", "spec",
    "stages", "variables", "workflow",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reference:
    """``!reference [job, keyword]``, which stays as it is written."""

    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rendered:
    """A pipeline.

    Parameters
    ----------
    content
        Of the first level: jobs without hidden ones, and keywords for all of them.
    unseen
        Includes that could not be followed, and why.
    notes
        What GitLab may see otherwise.
    """

    content: Mapping[str, Any]
    unseen: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def jobs(self) -> dict[str, Any]:
        """The jobs, by name."""
        return {name: job for name, job in self.content.items() if name not in _GLOBAL}

    def text(self) -> str:
        """Return it as YAML."""
        return yaml.dump(
            dict(self.content), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000
        )


def render(file: Path, root: Path | None = None, given: Mapping[str, Any] | None = None) -> Rendered:
    """Return the pipeline that a file describes.

    Parameters
    ----------
    file
        A ``.gitlab-ci.yml``, or a template.
    root
        The repository's folder, which local includes start from; that of ``file`` by default.
    given
        Values of the file's own inputs.

    Raises
    ------
    ProjectError
        If a file is missing or no YAML, an input is unknown, missing or wrong, or ``extends`` leads nowhere.
    """
    work = _Reader((root or file.parent).resolve())
    content = work.read(file.resolve(), dict(given or {}))
    for name, job in list(content.items()):
        if name not in _GLOBAL and isinstance(job, dict):
            content[name] = _extended(content, name, job, 0)
    shown = {name: value for name, value in content.items() if not name.startswith(".")}
    return Rendered(shown, tuple(work.unseen), tuple(work.notes))


@dataclass
class _Reader:
    """Reads a file and what it includes."""

    root: Path
    unseen: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    count: int = 0

    def read(self, file: Path, given: Mapping[str, Any]) -> dict[str, Any]:
        self.count += 1
        if self.count > _MOST_INCLUDES:
            raise ProjectError(f"More than {_MOST_INCLUDES} files are included; does one include itself?")
        spec, body = load(file)
        body = inputs.fill(spec, body, given, self._name(file))
        merged: dict[str, Any] = {}
        for entry in _entries(body.pop("include", [])):
            for found in self._follow(entry):
                merged = merge(merged, self.read(found, entry.get("inputs") or {}))
        return dict(merge(merged, body))

    def _follow(self, entry: Mapping[str, Any]) -> list[Path]:
        """Return the files that an include means, as far as they can be seen."""
        if entry.get("rules"):
            self.notes.append(f"{_shown(entry)} has rules, and is taken as included")
        if "local" in entry:
            return self._local(str(entry["local"]))
        if match := _COMPONENT.fullmatch(str(entry.get("component", ""))):
            names = [f"{match[1]}.yml"]
        elif "project" in entry:
            files = entry.get("file", [])
            names = [Path(name).name for name in ([files] if isinstance(files, str) else files)]
        else:
            names = []
        found = [path for name in names if (path := resources.folder("templates") / name).is_file()]
        if not found or len(found) < len(names):
            self.unseen.append(f"{_shown(entry)} is elsewhere: its jobs are not shown")
        return found

    def _local(self, name: str) -> list[Path]:
        pattern = name.lstrip("/")
        found = sorted(path for path in self.root.glob(pattern) if path.is_file())
        if not found:
            raise ProjectError(f"{self.root / pattern} is included, and is not there.")
        return found

    def _name(self, file: Path) -> str:
        return str(file.relative_to(self.root)) if file.is_relative_to(self.root) else file.name


def load(file: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the inputs that a file asks for, and its body.

    Raises
    ------
    ProjectError
        If it cannot be read, or is no pipeline.
    """
    try:
        documents = list(yaml.load_all(file.read_text(encoding="utf-8"), _Loader))
    except FileNotFoundError as error:
        raise ProjectError(f"There is no {file}.", hint="jsk-ci render .gitlab-ci.yml") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ProjectError(f"{file} cannot be read: {error}.") from error
    if not documents or not all(isinstance(document, dict) for document in documents):
        raise ProjectError(f"{file} is no pipeline: it must be a mapping.")
    spec = (documents[0].get("spec") or {}).get("inputs") or {} if "spec" in documents[0] else {}
    body = documents[-1] if "spec" not in documents[0] or len(documents) > 1 else {}
    return spec, dict(body)


def merge(old: Any, new: Any) -> Any:
    """Return ``old`` with what ``new`` says: mappings are merged, all else is replaced, as GitLab does."""
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return new
    merged = dict(old)
    for key, value in new.items():
        merged[key] = merge(merged[key], value) if key in merged else value
    return merged


def _extended(content: Mapping[str, Any], name: str, job: Mapping[str, Any], depth: int) -> dict[str, Any]:
    """Return a job with what it extends: the last that is named wins, and the job itself over all."""
    if depth >= _DEEPEST_EXTENDS:
        raise ProjectError(f"{name} extends more than {_DEEPEST_EXTENDS} jobs; does one extend itself?")
    parents = job.get("extends", [])
    merged: dict[str, Any] = {}
    for parent in [parents] if isinstance(parents, str) else parents:
        if not isinstance(content.get(parent), dict):
            raise ProjectError(f"{name} extends {parent!r}, which is not there.")
        merged = merge(merged, _extended(content, parent, content[parent], depth + 1))
    return dict(merge(merged, {key: value for key, value in job.items() if key != "extends"}))


def _entries(include: Any) -> Sequence[Mapping[str, Any]]:
    listed = include if isinstance(include, list) else [include]
    found = []
    for entry in listed:
        if isinstance(entry, str):
            found.append({"remote" if re.match("https?:", entry) else "local": entry})
        elif isinstance(entry, dict):
            found.append(entry)
        else:
            raise ProjectError(f"The include {entry!r} is not understood.")
    return found


def _shown(entry: Mapping[str, Any]) -> str:
    told = {key: value for key, value in entry.items() if key not in ("inputs", "rules")}
    return ", ".join(f"{key} {value}" for key, value in told.items())


class _Loader(yaml.SafeLoader):
    """YAML with ``!reference``."""


class _Dumper(yaml.SafeDumper):
    """YAML with ``!reference``, and scripts of several lines as people write them."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - nobody reads anchors gladly
        return True


def _reference(loader: yaml.SafeLoader, node: yaml.SequenceNode) -> Reference:
    return Reference(tuple(map(str, loader.construct_sequence(node))))


def _write_reference(dumper: yaml.SafeDumper, value: Reference) -> yaml.Node:
    return dumper.represent_sequence("!reference", list(value.path), flow_style=True)


def _write_text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Loader.add_constructor("!reference", _reference)
_Dumper.add_representer(Reference, _write_reference)
_Dumper.add_representer(str, _write_text)
