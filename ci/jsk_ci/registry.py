"""One repository of an image registry: what its tags mean, and new tags for what is there.

Speaks the OCI distribution specification, 1.1, and reads and keeps Docker's manifests as well. Manifests
are passed on as the bytes they are, and every digest is computed here rather than believed.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

from jsk_ci import registry_login
from jsk_ci.errors import ProjectError, RegistryError, TagTaken
from jsk_ci.references import Reference
from jsk_ci.registry_http import Connection, json_of, said
from jsk_ci.targets import PLATFORM

_IMAGES = (
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
)
_LISTS = (
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.index.v1+json",
)
_ACCEPT = {"Accept": ", ".join((*_IMAGES, *_LISTS))}
#: Tags that mean one image for ever, whatever is asked: fingerprints and releases.
_PERMANENT = re.compile(r"fp-[0-9a-f]+|v?\d+\.\d+\.\d+(?:-rc\.\d+)?")
_DIGEST = "Docker-Content-Digest"
#: No repository has more pages of tags; one that says so goes round in circles.
_PAGES = 10_000


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a registry keeps of an image, exactly as it is.

    Parameters
    ----------
    content
        Its bytes.
    media_type
        Docker's or OCI's; of one image or of a list.
    digest
        ``sha256:…`` of the bytes.
    """

    content: bytes
    media_type: str
    digest: str

    @property
    def document(self) -> dict[str, Any]:
        """The manifest as JSON."""
        found: dict[str, Any] = json.loads(self.content)
        return found

    @property
    def is_list(self) -> bool:
        """Whether it names manifests of several platforms."""
        return self.media_type in _LISTS

    @property
    def blobs(self) -> list[dict[str, Any]]:
        """Descriptors of its configuration and its layers."""
        told = self.document
        return [told["config"], *told.get("layers", [])] if not self.is_list else []

    @property
    def children(self) -> list[dict[str, Any]]:
        """Descriptors of the manifests that a list names."""
        return list(self.document.get("manifests", [])) if self.is_list else []


class Repository:
    """A repository in a registry.

    Parameters
    ----------
    name
        Registry and repository; its tag and digest do not count.
    connection
        To the registry, to share a login; otherwise a new one.
    """

    def __init__(self, name: Reference, connection: Connection | None = None) -> None:
        self.name = Reference(name.registry, name.repository)
        self.connection = connection or Connection(name.registry)

    # Looking ----------------------------------------------------------------------------------------

    def digest(self, reference: str) -> str | None:
        """Return the digest under a tag (or a digest, if it is there); None if there is nothing.

        Raises
        ------
        RegistryError
            If the registry refuses or does not answer. That is never the same as "nothing".
        """
        answer = self.send("HEAD", f"manifests/{reference}", expect=(200, 404), headers=_ACCEPT)
        if answer.status_code == 404:
            return None
        told = answer.headers.get(_DIGEST, "")
        return told if re.fullmatch(r"sha256:[0-9a-f]{64}", told) else self.manifest(reference).digest

    def manifest(self, reference: str) -> Manifest:
        """Return the manifest under a tag or digest.

        Raises
        ------
        RegistryError
            If it is not there, or its bytes are not those of the digest.
        """
        answer = self.send("GET", f"manifests/{reference}", expect=(200, 404), headers=_ACCEPT)
        if answer.status_code == 404:
            raise RegistryError(f"There is no {self._spell(reference)}.")
        digest = f"sha256:{hashlib.sha256(answer.content).hexdigest()}"
        told = reference if reference.startswith("sha256:") else answer.headers.get(_DIGEST, digest)
        if told != digest:
            raise self._lie(reference, told, digest)
        document = json_of(answer, self.name.registry)
        media_type = document.get("mediaType") or answer.headers.get("Content-Type", "").partition(";")[0]
        if media_type not in (*_IMAGES, *_LISTS):
            raise RegistryError(
                f"{self._spell(reference)} is no image: its type is {media_type or 'not said'}."
            )
        return Manifest(answer.content, media_type, digest)

    def image(self, reference: str) -> Manifest:
        """Return the manifest of the one image for our platform; looked up if there are several.

        Raises
        ------
        RegistryError
            As :meth:`manifest`.
        ProjectError
            If there is none for the platform.
        """
        manifest = self.manifest(reference)
        if not manifest.is_list:
            return manifest
        system, machine = PLATFORM.split("/")
        for child in manifest.children:
            platform = child.get("platform", {})
            if (platform.get("os"), platform.get("architecture")) == (system, machine):
                return self.manifest(child["digest"])
        raise ProjectError(f"{self._spell(reference)} has no image for {PLATFORM}.")

    def configuration(self, manifest: Manifest) -> dict[str, Any]:
        """Return the configuration of an image, checked against its digest."""
        digest = manifest.document["config"]["digest"]
        answer = self.send("GET", f"blobs/{digest}", expect=(200,))
        found = f"sha256:{hashlib.sha256(answer.content).hexdigest()}"
        if found != digest:
            raise self._lie(digest, digest, found)
        return json_of(answer, self.name.registry)

    def labels(self, reference: str) -> dict[str, str]:
        """Return the labels of the image under a tag or digest."""
        told = self.configuration(self.image(reference)).get("config") or {}
        return dict(told.get("Labels") or {})

    def layers(self, digest: str) -> list[str]:
        """Return the digests of an image's layers, uncompressed: alike however they were packed, and when."""
        found = self.configuration(self.image(digest)).get("rootfs") or {}
        return list(found.get("diff_ids") or [digest])

    def tags(self) -> list[str]:
        """Return all tags; none if the repository is not there yet."""
        found: dict[str, None] = {}
        path: str | None = "tags/list?n=1000"
        for _ in range(_PAGES):
            answer = self.send("GET", path or "", expect=(200, 404))
            if answer.status_code == 404:
                return []
            found.update(dict.fromkeys(json_of(answer, self.name.registry).get("tags") or []))
            path = answer.links.get("next", {}).get("url")
            if path is None:
                return list(found)
        raise RegistryError(f"The tags of {self.name} have no end.")

    # Changing ---------------------------------------------------------------------------------------

    def tag(self, digest: str, tag: str, *, moves: bool = False) -> bool:
        """Give an image that is here a further tag; no layer is sent. Tell whether the tag is new.

        Parameters
        ----------
        digest
            Of its manifest.
        tag
            Nothing happens if it means this image already.
        moves
            Take the tag from another image. Tags of fingerprints and releases are never moved.

        Raises
        ------
        TagTaken
            If it means another image.
        RegistryError
            If the image is not there, the registry refuses, or says that the tag means something else.
        """
        if not self.would_tag(digest, tag, moves=moves):
            return False
        try:
            self.put(self.manifest(digest), tag)
        except TagTaken as error:
            if moves:
                error.hint = (
                    "This registry does not let tags be moved (ECR: IMMUTABLE): no --moving-tag for it."
                )
            raise
        return True

    def would_tag(self, digest: str, tag: str, *, moves: bool = False) -> bool:
        """Tell whether :meth:`tag` would do anything; TagTaken if it may not."""
        self.name.with_tag(tag)
        there = self.digest(tag)
        if there not in (None, digest) and (not moves or _PERMANENT.fullmatch(tag)):
            raise self._taken(tag, str(there), digest)
        return there != digest

    def put(self, manifest: Manifest, reference: str) -> None:
        """Put a manifest, whose layers are here, under a tag or its digest, and look whether it is there."""
        answer = self.send(
            "PUT",
            f"manifests/{reference}",
            expect=(200, 201, 202, 400, 403, 405, 409),
            headers={"Content-Type": manifest.media_type},
            body=lambda: manifest.content,
            push=True,
        )
        refused = answer.status_code >= 400
        there = None if refused and not _is_about_tag(answer) else self.digest(reference)
        if there == manifest.digest:
            return
        if refused and there:
            raise self._taken(reference, there, manifest.digest)
        if refused:
            raise self.connection.refusal(answer)
        raise self._lie(reference, manifest.digest, there or "nothing")

    def delete(self, digest: str) -> bool:
        """Remove an image with all of its tags; tell whether it was there.

        Raises
        ------
        RegistryError
            If the registry does not allow it.
        """
        if registry_login.ecr_region(self.name.registry):
            return self._delete_from_ecr(digest)
        expect = (200, 202, 404, 405)
        answer = self.send("DELETE", f"manifests/{digest}", expect=expect, actions="delete")
        if answer.status_code == 405:
            raise RegistryError(
                f"{self.name.registry} does not let images be deleted.",
                kept=f"{self.name}@{digest} is still there.",
                hint="Allow it in the registry's configuration: storage.delete.enabled: true",
            )
        return bool(answer.status_code != 404)

    def _delete_from_ecr(self, digest: str) -> bool:
        """Delete through AWS' own API: ECR learned the registry's DELETE late (containers-roadmap 1229)."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer = registry_login.ecr_client(self.name.registry).batch_delete_image(
                registryId=self.name.registry.partition(".")[0],
                repositoryName=self.name.repository,
                imageIds=[{"imageDigest": digest}],
            )
        except (BotoCoreError, ClientError) as error:
            raise RegistryError(f"ECR did not delete {self.name}@{digest}: {error}") from error
        failures = [failure.get("failureCode") for failure in answer.get("failures", [])]
        if failures and failures != ["ImageNotFound"]:
            raise RegistryError(f"ECR did not delete {self.name}@{digest}: {failures[0]}.")
        return not failures

    # Plumbing ---------------------------------------------------------------------------------------

    def send(self, method: str, path: str, *, push: bool = False, actions: str = "", **how: Any) -> Any:
        """Send a request about this repository; ``path`` is below it, or from the registry's root."""
        allowed = actions or ("pull,push" if push else "pull")
        scope = f"repository:{self.name.repository}:{allowed}"
        if scopes := how.pop("scopes", None):
            scope = f"{scope} {scopes}"
        whole = path.startswith("/") or "://" in path
        return self.connection.send(
            method, path if whole else f"/v2/{self.name.repository}/{path}", scope=scope, **how
        )

    def _spell(self, reference: str) -> str:
        return f"{self.name}{'@' if reference.startswith('sha256:') else ':'}{reference}"

    def _taken(self, tag: str, there: str, wanted: str) -> TagTaken:
        hint = "Choose another tag; this one is never moved."
        if tag.startswith("fp-"):
            hint = "Run the whole pipeline anew: its plan finds the image that is there, and builds nothing."
        return TagTaken(
            f"The tag {tag} of {self.name} is taken by another image: {there}, not {wanted}.",
            kept=f"{self._spell(tag)} means what it meant.",
            hint=hint,
        )

    def _lie(self, reference: str, told: str, found: str) -> RegistryError:
        return RegistryError(
            f"{self.name.registry} is not to be believed: {self._spell(reference)} should be {told}, "
            f"and is {found}.",
            hint="Try again; if it stays so, the registry, or something before it, is broken.",
        )


def _is_about_tag(answer: Any) -> bool:
    """Tell whether a refusal may be for a tag that is there: ECR and others that keep tags immutable."""
    code, words = said(answer)
    return code == "TAG_INVALID" or "exist" in words.lower() or "immutable" in words.lower()


def of(registry: str, name: str) -> Reference:
    """Return the repository of the kernel ``name`` below ``registry``: ``registry.example.org/kernels``."""
    return Reference.parse(f"{registry.strip('/')}/{name}")
