"""Pack the kernel publisher for AWS Lambda: the same checkout and lock make the same bytes.

>>> # python infra/lambdas/package.py                  # -> build/attach_kernel.zip
>>> # python infra/lambdas/package.py --check FILE     # is FILE what this checkout makes?

Terraform compares the digest of the file, so that what has not changed is not deployed again. Files are
stored and not compressed, because not every zlib compresses alike; all have one time and one mode; no byte
code.
boto3 is in Lambda's runtime; ``requests`` and what it needs come from the environment this runs in.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import zipfile
from collections.abc import Iterator
from importlib import metadata
from io import BytesIO
from pathlib import Path

LAMBDAS = Path(__file__).resolve().parent
ROOT = LAMBDAS.parent.parent
TARGET = ROOT / "build" / "attach_kernel.zip"
#: What is packed of the checkout, and where it lies.
PACKAGES = {"attach_kernel": LAMBDAS, "jsk_ci": ROOT / "ci", "jsk_saver": ROOT}
#: Pure Python: what is compiled for this machine is left out, and all of them work without it.
REQUIREMENTS = ("certifi", "charset-normalizer", "idna", "requests", "urllib3")
#: The earliest time a zip can tell.
_TIME = (1980, 1, 1, 0, 0, 0)


def files() -> Iterator[tuple[str, Path]]:
    """Yield the name in the package, and the place on disk, of each file."""
    for name, folder in PACKAGES.items():
        for path in (folder / name).rglob("*.py"):
            yield path.relative_to(folder).as_posix(), path
    for name in REQUIREMENTS:
        for file in metadata.files(name) or ():
            if _is_wanted(file):
                yield file.as_posix(), Path(str(file.locate()))


def _is_wanted(file: metadata.PackagePath) -> bool:
    if ".." in file.parts:  # a script outside of site-packages
        return False
    licence = ".dist-info" in file.parts[0] and file.name.upper().startswith(("LICENSE", "LICENCE"))
    return licence or file.suffix in (".py", ".pem")


def pack() -> bytes:
    """Return the package.

    Examples
    --------
    >>> pack() == pack()
    True
    """
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, path in sorted(files()):
            info = zipfile.ZipInfo(name, _TIME)
            info.create_system, info.external_attr = 3, 0o644 << 16
            archive.writestr(info, path.read_bytes())
    return buffer.getvalue()


def main(arguments: list[str] | None = None) -> int:
    """Write the package, or compare it with a file."""
    parser = argparse.ArgumentParser(description="Pack the kernel publisher for AWS Lambda.")
    parser.add_argument("target", nargs="?", type=Path, default=TARGET, help="where to; build/ without it")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the file differs")
    parser.add_argument("--json", action="store_true", help="say it as JSON")
    asked = parser.parse_args(arguments)
    content = pack()
    same = asked.target.is_file() and asked.target.read_bytes() == content
    if not asked.check:
        asked.target.parent.mkdir(parents=True, exist_ok=True)
        asked.target.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    told = {"file": str(asked.target), "bytes": len(content), "sha256": digest, "same": same}
    text = f"{asked.target}  {len(content) / 1e6:.1f} MB  sha256:{digest[:12]}"
    sys.stdout.write(f"{json.dumps(told) if asked.json else text}\n")
    return 1 if asked.check and not same else 0


if __name__ == "__main__":
    sys.exit(main())
