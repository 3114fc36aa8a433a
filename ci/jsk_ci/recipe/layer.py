"""What runs in the first stage of a build: installs the locked packages, and lays out the image's one layer.

Runs with the Python of the image and the standard library alone. ``tools`` puts Poetry under ``/tools``.
``base`` makes an environment and puts it under ``/layer`` with all that an image of the kit has. ``delta``
changes the environment of the image it runs in, and puts there only the files that are new or changed, and a
list of those that are gone; unchanged files of an upgraded package stay in the layers of the base.
"""

from __future__ import annotations

import configparser
import csv
import hashlib
import json
import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

CONTEXT = Path("/context")
LAYER = Path("/layer")
TOOLS = Path("/tools")
SECRETS = Path("/run/secrets")
CACHE = Path("/var/cache/jsk")
HOME = Path("/opt/jsk")
ENVIRONMENT = HOME / "env"
PYTHON = ENVIRONMENT / "bin" / "python"
#: Where %kernel looks for it (jsk_ci/editing/poetry.py): apart from a notebook's packages.
POETRY = Path("/opt/poetry")
#: Where KernelGateway looks. A link, because an experiment replaces a link without a trace, whereas engines
#: note the time of day beside everything that a layer removes.
KERNELS = Path("/usr/local/share/jupyter/kernels")
UV = Path("/opt/uv")
#: User and group of Studio's notebooks.
OWNER = (1000, 100)
#: The one time of a base's files: 1 January 2020. Wheels cannot be older than 1980.
BASE_TIME = 1577836800
#: A delta's files are a day younger than its base's: builders that find changes by time and size alone would
#: otherwise not see a file that kept its length.
DAY = 86400
#: What the builder shows of a build that failed.
MARK = "jsk-build: "
State = dict[Path, tuple[object, ...]]


class Failed(Exception):
    """Something that a person has to mend; the message is shown as it is."""


def main(kind: str) -> None:
    """Lay out a layer of this kind."""
    settings = _settings()
    if kind == "tools":
        _tools(settings)
    else:
        told = json.loads((CONTEXT / "kernel.json").read_text(encoding="utf-8"))
        (_base if kind == "base" else _delta)(told, settings)


def _tools(settings: dict[str, str]) -> None:
    if shutil.which("git") is None:
        raise Failed("the container image has no git, which tells the commit that objects are saved at")
    _bootstrap(settings)
    _make(POETRY, settings)
    install = [str(UV / "bin/uv"), "pip", "install", "--python", str(POETRY / "bin/python"), "--no-deps"]
    listed = ["--require-hashes", "--only-binary=:all:", "-r", str(CONTEXT / "recipe/poetry.txt")]
    _locked([*install, *listed], settings)
    _tidy(POETRY)
    (TOOLS / "opt").mkdir(parents=True)
    shutil.move(POETRY, TOOLS / "opt/poetry")
    _normalise(TOOLS, BASE_TIME)


def _make(environment: Path, settings: dict[str, str]) -> None:
    _run([str(UV / "bin/uv"), "venv", "--quiet", "--python", sys.executable, str(environment)], settings)


def _base(told: dict[str, object], settings: dict[str, str]) -> None:
    _check_python(str(told["python"]))
    if KERNELS.exists():
        raise Failed(f"the container image has kernels of its own, in {KERNELS}")
    _make(ENVIRONMENT, settings)
    _install(settings)
    _check_installed(settings)
    _tidy(ENVIRONMENT)
    (LAYER / "opt/jsk").mkdir(parents=True)
    shutil.move(ENVIRONMENT, LAYER / "opt/jsk/env")
    _describe(LAYER, str(told["name"]))
    (LAYER / "opt/jsk/bin").mkdir()
    shutil.copy(CONTEXT / "recipe/start-jupyterlab", LAYER / "opt/jsk/bin")
    _user(LAYER)
    _normalise(LAYER, BASE_TIME)


def _delta(told: dict[str, object], settings: dict[str, str]) -> None:
    time = int((HOME / "packages.txt").stat().st_mtime) + DAY
    before = _state(ENVIRONMENT, told["replaced"])
    _bootstrap(settings)
    _install(settings)
    _check_installed(settings)
    _tidy(ENVIRONMENT)
    after = _state(ENVIRONMENT, [])
    files = LAYER / "files"
    for path in (path for path in sorted(after) if _differs(path, before, after)):
        _place(path, files / path.relative_to("/"))
    removed = sorted(str(path.relative_to("/")) for path in _gone(set(before) - set(after)))
    _describe(files, str(told["name"]))
    _normalise(files, time)
    shutil.copy(CONTEXT / "recipe/apply.py", LAYER)
    (LAYER / "changes.json").write_text(json.dumps({"removed": removed, "time": time}), encoding="utf-8")


def _settings() -> dict[str, str]:
    """Return the environment of pip and uv: index, certificates and passwords that the build was given."""
    settings = {
        **os.environ,
        "HOME": "/root",
        "NO_COLOR": "1",
        "PIP_CACHE_DIR": str(CACHE / "pip"),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_ROOT_USER_ACTION": "ignore",
        "SOURCE_DATE_EPOCH": str(BASE_TIME),
        "UV_CACHE_DIR": str(CACHE / "uv"),
        "UV_COMPILE_BYTECODE": "0",
        # Every file is checked against the lock, so that an index may offer whatever it likes.
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_LINK_MODE": "copy",
        "UV_NO_CONFIG": "1",
        "UV_NO_PROGRESS": "1",
        "UV_PYTHON_DOWNLOADS": "never",
    }
    if (SECRETS / "ca").exists():
        settings["PIP_CERT"] = settings["SSL_CERT_FILE"] = str(SECRETS / "ca")
    if (SECRETS / "netrc").exists():
        settings["NETRC"] = str(SECRETS / "netrc")
    if (SECRETS / "pip").exists():
        settings["PIP_CONFIG_FILE"] = str(SECRETS / "pip")
        settings |= _uv_settings(SECRETS / "pip")
    return settings


def _uv_settings(file: Path) -> dict[str, str]:
    """Return what a pip.conf means to uv, which does not read it."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(file)
    told = dict(parser.items("global")) if parser.has_section("global") else {}
    names = {
        "index-url": "UV_DEFAULT_INDEX",
        "extra-index-url": "UV_INDEX",
        "trusted-host": "UV_INSECURE_HOST",
    }
    return {names[key]: " ".join(value.split()) for key, value in told.items() if key in names}


def _bootstrap(settings: dict[str, str]) -> None:
    """Get uv, by hash, into this stage alone, with the pip of the Python below the environment."""
    pip = [os.path.realpath(sys.executable), "-B", "-m", "pip", "install", "--quiet", "--no-compile"]
    listed = ["--require-hashes", "--only-binary=:all:", "-r", str(CONTEXT / "recipe/uv.txt")]
    _run([*pip, "--target", str(UV), *listed], settings)


def _install(settings: dict[str, str]) -> None:
    """Install what the lock names, and then the path dependencies, built with pinned back ends."""
    settings = {**settings, "UV_PYTHON": str(PYTHON)}
    constraints = CONTEXT / "build-constraints.txt"
    pins = ["--build-constraints", str(constraints)] if constraints.exists() else []
    install = [str(UV / "bin/uv"), "pip", "install", "--no-deps", *pins]
    if (CONTEXT / "requirements.txt").read_text(encoding="utf-8").strip():
        _locked([*install, "--require-hashes", "-r", str(CONTEXT / "requirements.txt")], settings)
    sources = sorted(str(path) for path in (CONTEXT / "sources").glob("*"))
    if sources:
        _run([*install, "--reinstall", "--no-config", *sources], settings)


def _locked(command: list[str], settings: dict[str, str]) -> None:
    """Install what the lock names; asked again where the index, as it is remembered, does not have it yet."""
    try:
        _run(command, settings)
    except Failed as error:
        if not re.search("no version of|not found in the package registry", str(error)):
            raise
        _run([*command, "--refresh"], settings)


def _check_python(wanted: str) -> None:
    found = ".".join(str(part) for part in sys.version_info[:3])
    if found != wanted and not found.startswith(wanted + "."):
        raise Failed(f"the container image has Python {found}, and the project asks for {wanted}")


def _check_installed(settings: dict[str, str]) -> None:
    """Compare what is installed with the list that the image's label will carry."""
    listed = _run([str(UV / "bin/uv"), "pip", "list", "--python", str(PYTHON), "--format", "json"], settings)
    found = {_normal(item["name"]): item["version"] for item in json.loads(listed)}
    lines = (CONTEXT / "packages.txt").read_text(encoding="utf-8").split()
    wanted = dict(line.split("==", 1) for line in lines)
    different = sorted(name for name in found.keys() | wanted.keys() if found.get(name) != wanted.get(name))
    if different:
        told = ", ".join(f"{name}: {found.get(name)} instead of {wanted.get(name)}" for name in different)
        raise Failed(f"what was installed is not what the lock says: {told}")


def _tidy(environment: Path) -> None:
    """Remove what differs between two installations of the same packages: byte code and uv's own notes."""
    for name in (".lock", ".gitignore", "CACHEDIR.TAG"):
        (environment / name).unlink(missing_ok=True)
    for folder in [path for path in environment.rglob("__pycache__") if path.is_dir()]:
        shutil.rmtree(folder)
    for record in sorted(environment.glob("lib/python3*/site-packages/*.dist-info/RECORD")):
        (record.parent / "uv_cache.json").unlink(missing_ok=True)
        lines = record.read_text(encoding="utf-8").splitlines()
        kept = sorted(line for line in lines if "/uv_cache.json," not in line and not _is_byte_code(line))
        text = "".join(f"{line}\n" for line in kept)
        if text != record.read_bytes().decode("utf-8"):
            record.write_text(text, encoding="utf-8")


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _is_byte_code(line: str) -> bool:
    return next(csv.reader([line]), [""])[0].endswith(".pyc")


def _state(root: Path, replaced: object) -> State:
    """Return what tells every file and folder below ``root`` from another one of its name.

    The contents of packages named in ``replaced`` are hashed, because most of their files come again.
    """
    hashed = set(_files_of(set(replaced))) if isinstance(replaced, list) else set()
    return {path: _look(path, path in hashed) for path in _walk(root)}


def _look(path: Path, hashed: bool) -> tuple[object, ...]:
    status = path.lstat()
    if stat.S_ISDIR(status.st_mode):
        return ("folder",)
    if stat.S_ISLNK(status.st_mode):
        return ("link", str(path.readlink()))
    executable = bool(status.st_mode & 0o100)
    return ("file", status.st_mtime_ns, status.st_size, executable, _digest(path) if hashed else "")


def _differs(path: Path, before: State, after: State) -> bool:
    """Tell whether a file or link must be in the layer; folders come with what is in them."""
    old, new = before.get(path), after[path]
    if new[0] == "folder":
        return old is None and not any(path.iterdir())
    if old is None or old[0] != new[0] or old[0] == "link" or not old[-1]:
        return old != new
    return (old[2], old[3], old[4]) != (new[2], new[3], _digest(path))


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _walk(root: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(root):
        yield from (Path(folder, name) for name in [*folders, *names])


def _files_of(names: set[str]) -> Iterator[Path]:
    for record in ENVIRONMENT.glob("lib/python3*/site-packages/*.dist-info/RECORD"):
        if _normal(record.parent.name.split("-")[0]) in names:
            with record.open(encoding="utf-8", newline="") as lines:
                for row in csv.reader(lines):
                    yield Path(os.path.normpath(record.parent.parent / row[0]))


def _gone(paths: set[Path]) -> list[Path]:
    """Leave out what lies in a folder that is gone as a whole."""
    return [path for path in paths if not any(parent in paths for parent in path.parents)]


def _place(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir() and not source.is_symlink():
        target.mkdir()
    else:
        shutil.copy2(source, target, follow_symlinks=False)


def _describe(root: Path, name: str) -> None:
    """Write the lists of packages and the kernelspec."""
    (root / "opt/jsk").mkdir(parents=True, exist_ok=True)
    for file in ("packages.txt", "requirements.txt"):
        shutil.copyfile(CONTEXT / file, root / "opt/jsk" / file)
    spec = root / "opt/jsk/kernels" / name / name
    spec.mkdir(parents=True)
    shutil.copyfile(CONTEXT / "kernelspec.json", spec / "kernel.json")
    link = root / KERNELS.relative_to("/")
    link.parent.mkdir(parents=True)
    link.symlink_to(HOME / "kernels" / name)


def _user(root: Path) -> None:
    """Add Studio's user and its empty home, and the files that engines mount over, lest they make them."""
    (root / "etc").mkdir()
    for file, line, key in (
        ("passwd", "sagemaker-user:x:1000:100::/home/sagemaker-user:/bin/bash", r"(?m)^[^:]*:[^:]*:1000:"),
        ("group", "users:x:100:", r"(?m)^[^:]*:[^:]*:100:"),
    ):
        text = Path("/etc", file).read_text(encoding="utf-8")
        # Somebody else's user 1000 would be whom the notebook says it is.
        lines = [old for old in text.splitlines() if not (file == "passwd" and re.match(key, old))]
        if file == "passwd" or not re.search(key, text):
            lines.append(line)
        (root / "etc" / file).write_text("".join(f"{kept}\n" for kept in lines), encoding="utf-8")
    for name in ("hosts", "resolv.conf"):
        (root / "etc" / name).touch()
    (root / "home/sagemaker-user").mkdir(parents=True)


def _normalise(root: Path, time: int) -> None:
    """Give everything one time, plain modes, and its owner: notebooks may install into the environment."""
    owned = [root / "opt/jsk/env", root / "home/sagemaker-user"]
    for path in [*_walk(root), root]:
        mine = any(path == top or top in path.parents for top in owned)
        os.chown(path, *(OWNER if mine else (0, 0)), follow_symlinks=False)
        if not path.is_symlink():
            executable = path.is_dir() or path.stat().st_mode & 0o100
            path.chmod(0o755 if executable else 0o644)
        os.utime(path, (time, time), follow_symlinks=False)


def _run(command: list[str], settings: dict[str, str]) -> str:
    """Run a program, show what it prints, and return that; its last words are marked if it fails."""
    done = subprocess.run(command, env=settings, capture_output=True, text=True, check=False)
    sys.stdout.write(done.stderr)
    words = [line.rstrip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    if done.returncode:
        raise Failed("\n".join(words[-20:]) or f"{command[0]} ended with {done.returncode}")
    return done.stdout


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except Failed as error:
        for line in str(error).splitlines():
            print(MARK + line)  # noqa: T201 - the builder reads it
        sys.exit(1)
