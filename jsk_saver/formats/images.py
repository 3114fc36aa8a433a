"""Pictures: png, jpg, svg, pdf, and gif, webp, tiff and bmp through Pillow.

A Pillow image comes back pixel for pixel in the same mode, or is refused; jpg alone loses a little, and its
type says so. A Matplotlib figure is saved as the picture it draws: a raster comes back as a Pillow image, an
svg as :class:`Svg`, a pdf as :class:`Pdf`, both of which show themselves in a notebook. To get a figure
itself back, save it as .pkl as well.
"""

from __future__ import annotations

import base64
import io
from typing import Any, ClassVar

from jsk_saver.errors import CannotRepresent
from jsk_saver.formats.base import Encoded, Format, Reading, is_a
from jsk_saver.formats.naming import type_name
from jsk_saver.formats.streams import opened
from jsk_saver.formats.text import exact_text, utf8
from jsk_saver.payload import Payload
from jsk_saver.record import JSON

_FIGURE = "matplotlib.Figure"
_IMAGE = "PIL.Image.Image"


class Svg(str):
    """The text of an SVG picture, which shows itself in a notebook."""

    __slots__ = ()

    def _repr_svg_(self) -> str:
        return str(self)


class Pdf(bytes):
    """The bytes of a PDF document, which shows itself in a notebook."""

    __slots__ = ()

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {
            "application/pdf": base64.b64encode(self).decode("ascii"),
            "text/plain": f"PDF, {len(self):,} bytes",
        }

    def __repr__(self) -> str:
        return f"<Pdf, {len(self):,} bytes>"


class Raster(Format):
    """What the pixel formats have in common; each is a subclass."""

    #: What Pillow calls the format, and what it is told so that nothing is lost.
    pillow: ClassVar[str]
    options: ClassVar[JSON] = {}
    #: Whether Matplotlib draws figures into it.
    figures: ClassVar[bool] = False
    #: What comes back, for the record.
    gives: ClassVar[str] = _IMAGE
    #: A format that can hold what this one cannot.
    instead: ClassVar[str] = ".tiff, .npy or .pkl"

    def accepts(self, obj: Any) -> bool:
        """Tell whether ``obj`` is a Pillow image, or a Matplotlib figure where those can be drawn."""
        return is_a(obj, "PIL.Image") or (self.figures and is_a(obj, _FIGURE))

    def encode(self, obj: Any, payload: Payload, name: str) -> Encoded:
        """Draw or write the picture."""
        if is_a(obj, _FIGURE):
            data = _draw(obj, self.extensions[0][1:])
            payload.write(data)
            return Encoded(f"{type_name(obj)} → {_IMAGE}", facts=_facts(_open(data, self.pillow)))
        self.check(obj, name)
        try:
            data = self.pixels(obj)
        except (OSError, KeyError, ValueError, SystemError) as error:
            raise CannotRepresent(
                f"{self.pillow} holds no image of mode {obj.mode} and size {obj.size} ({error}).",
                hint=f"Save it as {self.instead}.",
            ) from error
        again = _open(data, self.pillow)
        again.load()
        self.compare(obj, again, name)
        payload.write(data)
        return Encoded(self.gives, facts=_facts(obj))

    def decode(self, payload: Payload, reading: Reading) -> Any:
        """Return a Pillow image that no longer needs the file."""
        with opened(payload) as file:
            image = _open(file.read(), self.pillow if reading.type else None)
            image.load()
            # Several frames can only be read from the file they are in, which stays in memory with them.
            return image if getattr(image, "n_frames", 1) > 1 else image.copy()

    def check(self, obj: Any, name: str) -> None:
        """Refuse what is known not to come back."""
        if getattr(obj, "n_frames", 1) > 1:
            raise CannotRepresent(
                f"The image has {obj.n_frames} frames, and Pillow would change all but the first.",
                hint=f'saver.put("{name}", Path("…"))    # the file as it is',
            )

    def pixels(self, obj: Any) -> bytes:
        """Return the picture as file bytes."""
        buffer = io.BytesIO()
        extra = {key: obj.info[key] for key in ("dpi", "exif", "icc_profile") if obj.info.get(key)}
        obj.save(buffer, self.pillow, **extra, **self.options)
        return buffer.getvalue()

    def compare(self, obj: Any, again: Any, name: str) -> None:
        """Refuse an image that came back from its own bytes with another mode, size, palette or pixel."""
        changed = [
            what
            for what, differs in (
                ("mode", obj.mode != again.mode),
                ("size", obj.size != again.size),
                ("pixels", obj.mode == again.mode and obj.tobytes() != again.tobytes()),
                ("palette", obj.mode == again.mode == "P" and _colours(obj) != _colours(again)),
            )
            if differs
        ]
        if changed:
            raise CannotRepresent(
                f"An image of mode {obj.mode} would come back from {name!r} with another {changed[0]}"
                f"{f' ({again.mode})' if changed[0] == 'mode' else ''}.",
                hint=f"Save it as {self.instead}.",
            )


class Png(Raster):
    """PNG: every pixel kept."""

    name = "png"
    extensions = (".png",)
    pillow = "PNG"
    figures = True

    def pixels(self, obj: Any) -> bytes:
        """Return the picture as file bytes, its texts included."""
        from PIL.PngImagePlugin import PngInfo

        texts = PngInfo()
        for key, text in obj.info.items():
            if isinstance(text, str) and 0 < len(key) < 80 and key.isascii():
                texts.add_itxt(key, str(text))
        buffer = io.BytesIO()
        extra = {key: obj.info[key] for key in ("dpi", "exif", "icc_profile") if obj.info.get(key)}
        obj.save(buffer, "PNG", pnginfo=texts, **extra)
        return buffer.getvalue()


class Jpeg(Raster):
    """JPEG at high quality: small, and a little different from what was put, as its type says."""

    name = "jpg"
    extensions = (".jpg", ".jpeg")
    pillow = "JPEG"
    options: ClassVar[JSON] = {"quality": 95, "subsampling": 0}
    figures = True
    gives = f"{_IMAGE} (lossy)"

    def check(self, obj: Any, name: str) -> None:
        """Refuse the modes that JPEG has no room for."""
        super().check(obj, name)
        if obj.mode not in ("L", "RGB", "CMYK"):
            raise CannotRepresent(
                f"JPEG holds no image of mode {obj.mode} (only L, RGB and CMYK).",
                hint=f'saver.put("{name.rpartition(".")[0]}.png", image), or image.convert("RGB")',
            )

    def compare(self, obj: Any, again: Any, name: str) -> None:
        """Compare everything but the pixels."""
        if (obj.mode, obj.size) != (again.mode, again.size):
            raise CannotRepresent(
                f"The image would come back from {name!r} changed.", hint="Save it as .png."
            )


class Webp(Raster):
    """WebP, lossless."""

    name = "webp"
    extensions = (".webp",)
    pillow = "WEBP"
    options: ClassVar[JSON] = {"lossless": True, "exact": True}
    figures = True
    instead = ".png or .tiff"


class Tiff(Raster):
    """TIFF, compressed without loss: holds every mode, floats included."""

    name = "tiff"
    extensions = (".tiff", ".tif")
    pillow = "TIFF"
    options: ClassVar[JSON] = {"compression": "tiff_adobe_deflate"}
    figures = True
    instead = ".npy or .pkl"


class Gif(Raster):
    """GIF: images with a palette."""

    name = "gif"
    extensions = (".gif",)
    pillow = "GIF"
    instead = ".png or .webp"


class Bmp(Raster):
    """BMP."""

    name = "bmp"
    extensions = (".bmp",)
    pillow = "BMP"
    instead = ".png or .tiff"


class SvgFile(Format):
    """SVG: Matplotlib figures, SVG text, and anything that shows itself as SVG."""

    name = "svg"
    extensions = (".svg",)

    def accepts(self, obj: Any) -> bool:
        """Tell whether ``obj`` is a figure, text, or has an SVG face."""
        return isinstance(obj, str) or is_a(obj, _FIGURE) or callable(getattr(type(obj), "_repr_svg_", None))

    def encode(self, obj: Any, payload: Payload, name: str) -> Encoded:
        """Write the picture as text."""
        if is_a(obj, _FIGURE):
            payload.write(_draw(obj, "svg"))
            return Encoded(f"{type_name(obj)} → Svg", {"svg": True})
        if isinstance(obj, str):
            payload.write(utf8(obj if isinstance(obj, Svg) else exact_text(obj, name)))
            return Encoded(type(obj).__name__, {"svg": True} if isinstance(obj, Svg) else {})
        text = obj._repr_svg_()
        if not isinstance(text, str):
            raise CannotRepresent(
                f"The {type_name(obj)} has no SVG to show.", hint=f'saver.put("{name[:-4]}.pkl", obj)'
            )
        payload.write(utf8(text))
        return Encoded(f"{type_name(obj)} → Svg", {"svg": True})

    def decode(self, payload: Payload, reading: Reading) -> str:
        """Return the text, as one that shows itself unless plain text was put."""
        text = payload.getvalue().decode("utf-8")
        return Svg(text) if reading.state.get("svg") or not reading.type else text


class PdfFile(Format):
    """PDF: Matplotlib figures and Pillow images, as documents."""

    name = "pdf"
    extensions = (".pdf",)

    def accepts(self, obj: Any) -> bool:
        """Tell whether ``obj`` is a figure, an image, or a document that came from here."""
        return is_a(obj, _FIGURE, "PIL.Image") or isinstance(obj, Pdf)

    def encode(self, obj: Any, payload: Payload, name: str) -> Encoded:  # noqa: ARG002
        """Write the document."""
        if isinstance(obj, Pdf):
            payload.write(bytes(obj))
            return Encoded("Pdf")
        if is_a(obj, _FIGURE):
            payload.write(_draw(obj, "pdf"))
        else:
            import time

            buffer, epoch = io.BytesIO(), time.gmtime(0)
            obj.save(buffer, "PDF", creationDate=epoch, modDate=epoch)
            payload.write(buffer.getvalue())
        return Encoded(f"{type_name(obj)} → Pdf")

    def decode(self, payload: Payload, reading: Reading) -> Pdf:  # noqa: ARG002
        """Return the document, as bytes that show themselves."""
        return Pdf(payload.getvalue())


# Inside ----------------------------------------------------------------------------------------------


def _draw(figure: Any, kind: str) -> bytes:
    """Return what a figure draws; the same figure always gives the same bytes."""
    import matplotlib as mpl

    no_date: JSON = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind, {})
    buffer = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": "jsk"}):
        figure.savefig(buffer, format=kind, metadata=no_date or None)
    return buffer.getvalue()


def _open(data: bytes, kind: str | None) -> Any:
    """Return an image; without its ``kind`` it is foreign, and Pillow guards against bombs."""
    from PIL import Image

    if kind is None:
        return Image.open(io.BytesIO(data))
    Image.init()
    # Not Image.open: it would refuse to read back a very large image that the caller could save.
    factory = Image.OPEN[kind][0]
    return factory(io.BytesIO(data), "")


def _colours(image: Any) -> bytes:
    """Return the colour of every pixel: files drop the end of a palette that no pixel uses."""
    colours: bytes = image.convert("RGBA").tobytes()
    return colours


def _facts(image: Any) -> JSON:
    return {"width": image.size[0], "height": image.size[1], "mode": image.mode}
