"""One image from one repository into another: the same bytes, mounted where they are there already."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from jsk_ci.errors import RegistryError
from jsk_ci.registry import Manifest, Repository
from jsk_ci.registry_http import Silent

#: Layers that nobody may pass on; whoever starts the image fetches them where they are.
_FOREIGN = ("foreign", "nondistributable")


def copy(source: Repository, digest: str, target: Repository) -> int:
    """Copy an image by digest, without a tag, and return how many bytes were sent.

    The manifest comes last: a copy that is cut short leaves layers that nothing refers to, which the next
    attempt finds and does not send again.

    Raises
    ------
    RegistryError
        If either registry fails, or gives other bytes than the digest says.
    """
    if source.name == target.name:
        return 0
    if target.digest(digest):
        return 0
    manifest = source.manifest(digest)
    sent = sum(copy(source, child["digest"], target) for child in manifest.children)
    sent += sum(_blob(source, blob, target) for blob in _owned(manifest))
    target.put(manifest, digest)
    return sent


def _owned(manifest: Manifest) -> list[dict[str, Any]]:
    return [blob for blob in manifest.blobs if not any(word in blob["mediaType"] for word in _FOREIGN)]


def _blob(source: Repository, blob: Mapping[str, Any], target: Repository) -> int:
    """Send a layer unless it is there, and return the bytes of it.

    What a failure has cut short cannot be taken up at the same place, so each attempt begins anew.
    """
    digest, patience = blob["digest"], target.connection.patience
    for attempt in range(patience.attempts):
        if target.send("HEAD", f"blobs/{digest}", expect=(200, 404)).status_code == 200:
            return 0
        try:
            place = _begin(source, digest, target)
            return _send(source, digest, target, place) if place else 0
        except Silent:
            if attempt + 1 == patience.attempts:
                raise
            patience.wait(attempt, None)
    return 0


def _send(source: Repository, digest: str, target: Repository, place: str) -> int:
    readers: list[_Reader] = []

    def body() -> _Reader:
        readers.append(_Reader(source, digest))
        return readers[-1]

    target.send(
        "PUT",
        f"{place}{'&' if '?' in place else '?'}digest={quote(digest)}",
        expect=(201, 204),
        headers={"Content-Type": "application/octet-stream"},
        body=body,
        push=True,
        once=True,
    )
    readers[-1].check()
    return len(readers[-1])


def _begin(source: Repository, digest: str, target: Repository) -> str | None:
    """Start to send a layer; return where to, or None if the registry has mounted it from the source."""
    asked, scopes = "", None
    if source.name.registry == target.name.registry:
        asked = "?" + urlencode({"mount": digest, "from": source.name.repository})
        scopes = f"repository:{source.name.repository}:pull"
    answer = target.send("POST", f"blobs/uploads/{asked}", expect=(201, 202), push=True, scopes=scopes)
    if answer.status_code == 201:
        return None
    place = answer.headers.get("Location")
    if not place:
        raise RegistryError(f"{target.name.registry} does not say where to send layers.")
    return str(place)


class _Reader:
    """A layer of the source as it comes, with its length known and its digest computed."""

    def __init__(self, source: Repository, digest: str) -> None:
        self.digest, self.name = digest, source.name
        self._answer = source.send("GET", f"blobs/{digest}", expect=(200,), stream=True)
        self._hash = hashlib.sha256()
        self._length = int(self._answer.headers["Content-Length"])

    def __len__(self) -> int:
        return self._length

    def read(self, size: int = -1) -> bytes:
        block: bytes = self._answer.raw.read(size if size > 0 else None, decode_content=False)
        self._hash.update(block)
        return block

    def check(self) -> None:
        found = f"sha256:{self._hash.hexdigest()}"
        if found != self.digest:
            raise RegistryError(f"{self.name} gave {found} where {self.digest} was asked for.")
