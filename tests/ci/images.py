"""Images that are made by hand, layer by layer, and put into a real registry: small, and of any kind."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from dataclasses import dataclass, field
from typing import Any

from jsk_ci.labels import Identity
from jsk_ci.references import Reference
from jsk_ci.registry import Manifest, Repository

DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
OCI = "application/vnd.oci.image.manifest.v1+json"
OCI_LIST = "application/vnd.oci.image.index.v1+json"
_PARTS = {
    DOCKER: (
        "application/vnd.docker.container.image.v1+json",
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
    ),
    OCI: ("application/vnd.oci.image.config.v1+json", "application/vnd.oci.image.layer.v1.tar+gzip"),
}


def digest(content: bytes) -> str:
    """Return the digest of bytes."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@dataclass
class Made:
    """An image that is not in a registry yet.

    Parameters
    ----------
    labels
        Of its configuration.
    files
        Of its one layer.
    media_type
        Of its manifest.
    """

    labels: dict[str, str] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=lambda: {"hello": b"world"})
    media_type: str = DOCKER

    @property
    def layer(self) -> bytes:
        """A compressed layer."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            for name, content in self.files.items():
                info = tarfile.TarInfo(name)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
        return gzip.compress(buffer.getvalue(), mtime=0)

    @property
    def configuration(self) -> bytes:
        """The image's configuration."""
        layers = {"type": "layers", "diff_ids": [digest(gzip.decompress(self.layer))]}
        told = {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Labels": self.labels},
            "rootfs": layers,
            "history": [{"created_by": "tests"}],
        }
        return json.dumps(told).encode()

    @property
    def manifest(self) -> Manifest:
        """Its manifest, with spaces as no JSON library would put them: they are part of the digest."""
        kinds = _PARTS[self.media_type]
        told: dict[str, Any] = {
            "schemaVersion": 2,
            "mediaType": self.media_type,
            "config": _descriptor(kinds[0], self.configuration),
            "layers": [_descriptor(kinds[1], self.layer)],
        }
        content = json.dumps(told, indent=5, separators=(" ,", " :  ")).encode()
        return Manifest(content, self.media_type, digest(content))

    def send(self, repository: Repository, *tags: str) -> str:
        """Put it into a repository, under tags or its digest, and return the digest."""
        for blob in (self.configuration, self.layer):
            send_blob(repository, blob)
        manifest = self.manifest
        for tag in tags or (manifest.digest,):
            repository.put(manifest, tag)
        return manifest.digest


def send_blob(repository: Repository, blob: bytes) -> None:
    """Put a layer into a repository."""
    begun = repository.send("POST", "blobs/uploads/", expect=(202,), push=True)
    place = begun.headers["Location"]
    joint = "&" if "?" in place else "?"
    path = f"{place}{joint}digest={digest(blob)}"
    repository.send("PUT", path, expect=(201,), body=lambda: blob, push=True)


def kernel_image(fingerprint: str, name: str = "iris", **told: Any) -> Made:
    """Return an image that says of itself what a kernel's image does."""
    identity = Identity(
        name=name,
        display_name=told.pop("display_name", name),
        kind=told.pop("kind", "experiment"),
        fingerprint=fingerprint,
        commit=told.pop("commit", ""),
        parent=told.pop("parent", ""),
        python=told.pop("python", "3.11"),
        packages=told.pop("packages", ""),
    )
    return Made(identity.labels(), **told)


def repository(host: str, path: str) -> Repository:
    """Return a repository of a registry."""
    return Repository(Reference.parse(f"{host}/{path}"))


def _descriptor(media_type: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "size": len(content), "digest": digest(content)}
