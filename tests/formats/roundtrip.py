"""What the format tests share: an object goes through a payload and comes back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from jsk_saver.formats import Encoded, Formats, Reading
from jsk_saver.formats.folders import write_folder
from jsk_saver.payload import Payload

#: For tests that register nothing.
FORMATS = Formats()


class Trip(NamedTuple):
    """What came back, what the format said, and the bytes in between."""

    value: Any
    encoded: Encoded
    data: bytes


def trip(
    name: str, obj: Any, *, formats: Formats | None = None, on_disk: bool = False, **reading: Any
) -> Trip:
    """Save and load ``obj`` as the saver does: its state travels as JSON, its format by name.

    ``on_disk`` keeps the bytes in a temporary file from the first one on, as those of large objects.
    """
    formats = formats or FORMATS
    chosen = formats.choose(name, obj)
    with Payload(memory_limit=-1) if on_disk else Payload() as payload:
        encoded = formats.encode(chosen, obj, payload, name)
        payload.finish()
        assert (payload.path is not None) == on_disk or not payload.size
        state = json.loads(json.dumps(encoded.state, allow_nan=False))
        json.dumps(encoded.facts, allow_nan=False)
        wish = Reading(name, encoded.type, state, **reading)
        value = formats.decode(formats.by_name(chosen.name), payload, wish, allow_pickle=True)
        return Trip(value, encoded, payload.getvalue())


def read(name: str, data: bytes, *, formats: Formats | None = None, **options: Any) -> Any:
    """Load a file that the kit did not write."""
    formats = formats or FORMATS
    allow_pickle = options.pop("allow_pickle", False)
    with Payload.of_bytes(data) as payload:
        return formats.decode(formats.for_extension(name), payload, Reading(name, **options), allow_pickle)


def save(name: str, obj: Any, path: Path) -> Path:
    """Save ``obj`` as a file of the same bytes, for other programs to open."""
    path = path / name
    path.write_bytes(trip(name, obj).data)
    return path


def packed(folder: Path) -> Payload:
    """Return a folder as the zip it is saved as."""
    payload = Payload()
    write_folder(folder, payload)
    return payload.finish()
