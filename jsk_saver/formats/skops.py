"""skops: scikit-learn estimators, saved so that loading them runs no code from the file.

Only what :mod:`jsk_saver.formats.trusted` lists is loaded, and whatever the caller adds with
``saver.formats.trust``. An estimator that could not be loaded again is refused at put.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable
from typing import Any, BinaryIO

from jsk_saver.errors import CannotRepresent, UntrustedObject
from jsk_saver.formats.base import Encoded, Format, Reading, is_a
from jsk_saver.formats.naming import type_name
from jsk_saver.formats.sound import unsound
from jsk_saver.formats.streams import Sink, opened
from jsk_saver.formats.trusted import misused, reason, untrusted
from jsk_saver.formats.unpicklable import pickles, refused
from jsk_saver.payload import BLOCK, Payload

_NO_TIME = (1980, 1, 1, 0, 0, 0)
_SCHEMA = "schema.json"


class Skops(Format):
    """Scikit-learn estimators, pipelines and searches, fitted or not.

    Parameters
    ----------
    trusted
        Names of further types that the caller has reviewed; may grow later.
    """

    name = "skops"
    extensions = (".skops",)

    def __init__(self, trusted: Iterable[str] = ()) -> None:
        self._trusted = trusted

    def accepts(self, obj: Any) -> bool:
        """Tell whether ``obj`` is an estimator."""
        return is_a(obj, "sklearn.BaseEstimator")

    def encode(self, obj: Any, payload: Payload, name: str) -> Encoded:
        """Write the estimator, once it has been loaded again from what will be written."""
        import sklearn
        import skops.io

        stem = name.rpartition(".")[0] or name
        hint = f'saver.put("{stem}.joblib", model)    # loads with allow_pickle=True'
        buffer = io.BytesIO()
        try:
            skops.io.dump(obj, buffer)
            named, unknown = self._named(buffer)
            again = None if unknown else _load(buffer, named)
        except (MemoryError, ImportError):
            raise
        except Exception as error:
            if not pickles(obj):
                raise refused(obj, "which neither skops nor a pickle can hold") from error
            raise CannotRepresent(
                f"skops cannot save this {type_name(obj)}: {type(error).__name__}: {error}".rstrip(".") + ".",
                hint=hint,
            ) from error
        if unknown:
            if not pickles(obj):
                raise refused(obj, "which neither skops nor a pickle can hold")
            raise CannotRepresent(
                f"This {type_name(obj)} holds what is not trusted on loading: {_listed(unknown)}.",
                hint=f"{hint}, or, if you have reviewed it: {_trust(unknown)}",
            )
        if type(again) is not type(obj):
            raise CannotRepresent(
                f"This {type_name(obj)} would come back from skops as a {type_name(again)}.", hint=hint
            )
        _canonical(buffer, payload)
        facts = {"estimator": type(obj).__name__, "sklearn_version": sklearn.__version__}
        return Encoded(type_name(obj), facts=facts)

    def decode(self, payload: Payload, reading: Reading) -> Any:
        """Return the estimator.

        Raises
        ------
        UntrustedObject
            If the file names types that nobody has reviewed, or was made to do harm.
        """
        with opened(payload) as file:
            with zipfile.ZipFile(file) as archive:
                wrong = misused(json.loads(archive.read(_SCHEMA)))
            if wrong:
                raise UntrustedObject(
                    f"{reading.name!r} was not written by skops from a real model: it uses {wrong}.",
                    hint="Ask whoever made it; nothing was loaded.",
                )
            named, unknown = self._named(file)
            if unknown:
                raise UntrustedObject(
                    f"{reading.name!r} holds types that nobody has reviewed: {_listed(unknown)}.",
                    kept="Nothing was loaded.",
                    hint=f'{_trust(unknown)}; saver.get("{reading.name}")    # only if you know these types',
                )
            model = _load(file, named)
        wrong = unsound(model)
        if wrong:
            raise UntrustedObject(
                f"{reading.name!r} holds {wrong}: no training writes that, and using it could crash Python.",
                hint="Ask whoever made it.",
            )
        return model

    def _named(self, file: BinaryIO) -> tuple[list[str], list[str]]:
        """Return the names in a file that skops does not trust by itself, and those nobody else does."""
        import skops.io

        # skops hands "file" on to zipfile, which takes open files as well as paths.
        named: list[str] = skops.io.get_untrusted_types(file=file)
        return named, untrusted(named, self._trusted)


def _load(file: BinaryIO, trusted: list[str]) -> Any:
    import skops.io

    file.seek(0)
    # Only the names that are in the file: skops searches the list again for every node of a model.
    return skops.io.load(file, trusted=trusted)


def _listed(names: list[str]) -> str:
    return ", ".join(f"{name} ({reason(name)})" if reason(name) else name for name in names)


def _trust(names: list[str]) -> str:
    return "saver.formats.trust({})".format(", ".join(f'"{name}"' for name in names))


def _canonical(source: BinaryIO, payload: Payload) -> None:
    """Write a skops file without what differs from one run to the next: memory addresses and times.

    The same model is so the same bytes, and ``if_changed`` can tell.
    """
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(Sink(payload), "w", zipfile.ZIP_STORED) as new:
        schema = json.loads(old.read(_SCHEMA))
        names: dict[str, str] = {}
        _renumber(schema, {}, names)
        for before, after in names.items():
            with (
                old.open(before) as member,
                new.open(zipfile.ZipInfo(after, _NO_TIME), "w", force_zip64=True) as out,
            ):
                while block := member.read(BLOCK):
                    out.write(block)
        new.writestr(zipfile.ZipInfo(_SCHEMA, _NO_TIME), json.dumps(schema, separators=(",", ":")))


def _renumber(part: Any, numbers: dict[int, int], names: dict[str, str]) -> None:
    """Replace addresses by the order in which they come, and name the files after them."""
    if isinstance(part, dict):
        if isinstance(part.get("__id__"), int):
            part["__id__"] = numbers.setdefault(part["__id__"], len(numbers) + 1)
        if "__loader__" in part and isinstance(part.get("file"), str):
            suffix = part["file"].rpartition(".")[2]
            part["file"] = names.setdefault(part["file"], f"{len(names) + 1}.{suffix}")
        for child in part.values():
            _renumber(child, numbers, names)
    elif isinstance(part, list):
        for child in part:
            _renumber(child, numbers, names)
