"""What a format is: one way to turn one family of objects into file bytes and back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from jsk_saver.payload import Payload
from jsk_saver.record import JSON


@dataclass(frozen=True, slots=True)
class Encoded:
    """What a format says about an object it has just written.

    Parameters
    ----------
    type
        What will come back, such as ``pandas.DataFrame``; shown to people and given to ``decode``.
    state
        What ``decode`` needs beside the bytes (JSON; kept in the record). Keep it small: more than a few
        hundred bytes cost a second request on S3.
    facts
        What can be searched for: ``{"rows": 1000, "columns": 8}``.
    """

    type: str
    state: JSON = field(default_factory=dict)
    facts: JSON = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reading:
    """What ``get`` knows and wants, for a format's ``decode``.

    Parameters
    ----------
    name
        The file name, for messages.
    type, state
        As ``encode`` returned them; empty for a file that the kit did not write.
    columns
        Only these columns of a table, in this order.
    as_
        ``"pandas"``, ``"polars"``, ``"arrow"`` to get a table as another type than was put.
    """

    name: str
    type: str = ""
    state: JSON = field(default_factory=dict)
    columns: list[str] | None = None
    as_: str | None = None


class Format(ABC):
    """One way to turn one family of objects into file bytes and back.

    A subclass imports what it needs inside its methods: registering a format costs nothing.
    """

    #: Short name, kept in the record: ``csv``.
    name: ClassVar[str]
    #: Lower-case, with the dot: ``(".csv",)``.
    extensions: ClassVar[tuple[str, ...]]
    #: Whether loading may run code that the file brings along (pickle and its kin).
    runs_code: ClassVar[bool] = False
    #: Whether the library behind it may end the process on an altered byte, instead of raising an error:
    #: then the digest is compared before decoding, not beside it.
    fragile: ClassVar[bool] = False
    #: Whether ``columns=`` and ``as_=`` mean something.
    tabular: ClassVar[bool] = False

    @abstractmethod
    def accepts(self, obj: Any) -> bool:
        """Tell, without importing anything, whether this format can hold ``obj``."""

    @abstractmethod
    def encode(self, obj: Any, payload: Payload, name: str) -> Encoded:
        """Write ``obj`` to ``payload`` (a binary file to write in order) and say what it was.

        Raises
        ------
        CannotRepresent
            If the object would not come back the same, naming the place and a format that can.
        """

    @abstractmethod
    def decode(self, payload: Payload, reading: Reading) -> Any:
        """Return the object whose bytes are in ``payload``.

        Anything a damaged or foreign file raises is turned into a clear error by the caller.
        """


def qualified_name(obj: Any) -> str:
    """Return the name of the type of ``obj`` with its module, such as ``numpy.ndarray``."""
    kind = type(obj)
    return f"{kind.__module__}.{kind.__qualname__}"


def is_a(obj: Any, *names: str) -> bool:
    """Tell whether ``obj`` is an instance of a class named ``module.Class``, importing nothing.

    ``module`` may be the top-level package only: ``pandas.DataFrame`` matches
    ``pandas.core.frame.DataFrame``.

    Examples
    --------
    >>> import collections
    >>> is_a(collections.OrderedDict(), "builtins.dict")
    True
    """
    for kind in type(obj).__mro__:
        for name in names:
            package, _, rest = name.partition(".")
            if kind.__module__.partition(".")[0] == package and kind.__qualname__ == rest.rpartition(".")[2]:
                return True
    return False


def file_name(name: str) -> str:
    """Return the last part of a file name."""
    return Path(name).name
