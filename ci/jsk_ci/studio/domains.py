"""What a domain offers, and what must be changed so that it offers something else. No call is made here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from jsk_ci.errors import StudioError
from jsk_ci.studio.forms import Form

#: Where a domain says what it offers to users, and to shared spaces.
SCOPES = ("DefaultUserSettings", "DefaultSpaceSettings")
#: botocore's service model: CustomImages.
_MOST = 200


def offered(domain: Mapping[str, Any], image: str, forms: Sequence[Form]) -> dict[str, int | None]:
    """Return the version of an image that is offered, by place; None where it is not pinned."""
    return {
        f"{scope}.{form.settings}": entry.get("ImageVersionNumber")
        for scope, form, entries in _places(domain, forms)
        for entry in entries
        if entry["ImageName"] == image
    }


def change(domain: Mapping[str, Any], image: str, version: int, forms: Sequence[Form]) -> dict[str, Any]:
    """Return what ``update_domain`` must be told so that ``version`` is offered; nothing if it is.

    The blocks that change are whole, with all that was in them, because a list that is given replaces the
    one there; other blocks are not named. The first entry of the image is replaced where it stands, further
    ones go.

    Raises
    ------
    StudioError
        If the domain offers as many images as it can.
    """
    changed: dict[str, Any] = {}
    for scope, form, entries in _places(domain, forms):
        merged = _merged(entries, form.entry(image, version))
        if len(merged) > _MOST:
            raise StudioError(
                f"The domain offers {len(entries)} images in {scope}.{form.settings}, and takes no more.",
                kept="The domain was not changed.",
                hint="Detach images that nobody uses: SageMaker console, Domains, Environment.",
            )
        if merged != entries:
            block = domain.get(scope, {}).get(form.settings, {})
            changed.setdefault(scope, {})[form.settings] = {**block, "CustomImages": merged}
    return changed


def _places(
    domain: Mapping[str, Any], forms: Sequence[Form]
) -> Iterator[tuple[str, Form, list[dict[str, Any]]]]:
    for scope in SCOPES:
        # A domain without settings for shared spaces has none; giving it some is not for us.
        if scope == SCOPES[0] or domain.get(scope):
            for form in forms:
                block = domain.get(scope, {}).get(form.settings, {})
                yield scope, form, list(block.get("CustomImages", ()))


def _merged(entries: Sequence[dict[str, Any]], ours: dict[str, Any]) -> list[dict[str, Any]]:
    merged: list[dict[str, Any]] = []
    for entry in entries:
        if entry["ImageName"] != ours["ImageName"]:
            merged.append(entry)
        elif ours not in merged:
            merged.append(ours)
    return merged if ours in merged else [*merged, ours]
