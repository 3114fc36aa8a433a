"""A type of one's own, and formats for it: as two functions and as a class."""

from __future__ import annotations

from typing import Any, BinaryIO, ClassVar

from jsk_saver.formats import Encoded, Format, Reading
from jsk_saver.payload import Payload


class Shape:
    """A type of one's own, for formats of one's own."""

    def __init__(self, name: str) -> None:
        self.name = name


def write_shape(shape: Shape, file: BinaryIO) -> None:
    file.write(shape.name.encode())


def read_shape(file: BinaryIO) -> Shape:
    return Shape(file.read().decode())


SHAPE: dict[str, Any] = {"types": (Shape,), "encode": write_shape, "decode": read_shape}


class Written(Format):
    """A format as a class."""

    name = "written"
    extensions: ClassVar[tuple[str, ...]] = (".shape",)

    def accepts(self, obj: Any) -> bool:
        return isinstance(obj, Shape)

    def encode(self, obj: Any, payload: Payload, name: str) -> Encoded:
        payload.write(obj.name.encode())
        return Encoded("Shape", {"state": 1}, {"fact": 2})

    def decode(self, payload: Payload, reading: Reading) -> Any:
        assert reading.state == {"state": 1}
        return Shape(payload.getvalue().decode())
