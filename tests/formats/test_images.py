"""Pictures come back pixel for pixel, and figures as the picture they draw."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import PIL
import pytest
from matplotlib.figure import Figure
from PIL import Image

from jsk_saver.errors import CannotRepresent, JskError, UnknownFormat
from jsk_saver.formats.images import Pdf, Svg
from tests.formats.roundtrip import read, trip

RANDOM = np.random.default_rng(0)
RGB = RANDOM.integers(0, 256, (7, 5, 3), dtype=np.uint8)


def image(mode: str) -> Image.Image:
    """Return a small image of noise in any mode."""
    if mode in ("F", "I"):
        values = RANDOM.integers(-70_000, 70_000, (7, 5)).astype("f4" if mode == "F" else "i4")
        return Image.fromarray(values)
    if mode == "I;16":
        return Image.fromarray(RANDOM.integers(0, 2**16, (7, 5), dtype=np.uint16))
    if mode == "LA":
        return Image.fromarray(RGB).convert("LA")
    if mode == "RGBA":
        return Image.fromarray(RANDOM.integers(0, 256, (7, 5, 4), dtype=np.uint8))
    if mode == "P":
        return Image.fromarray(RGB).quantize(12)
    return Image.fromarray(RGB).convert(mode)


def figure() -> Figure:
    drawn = Figure(figsize=(3, 2), dpi=100)
    axes = drawn.add_subplot()
    axes.plot([1, 2, 3], [2, 1, 3])
    axes.set_title("größe & <more>")
    return drawn


LOSSLESS = {
    ".png": ["1", "L", "LA", "I;16", "P", "RGB", "RGBA"],
    ".tiff": ["1", "L", "LA", "I;16", "I", "F", "P", "RGB", "RGBA", "CMYK", "LAB"],
    ".webp": ["RGB", "RGBA"],
    ".gif": ["P"],
    ".bmp": ["1", "L", "P", "RGB"],
}


@pytest.mark.parametrize(
    ("extension", "mode"), [(end, mode) for end, modes in LOSSLESS.items() for mode in modes]
)
def test_images_come_back_pixel_for_pixel_in_the_same_mode(extension: str, mode: str) -> None:
    put = image(mode)
    back = trip(f"a{extension}", put)
    assert type(back.value) is Image.Image
    assert (back.value.mode, back.value.size) == (mode, (5, 7))
    assert back.value.tobytes() == put.tobytes()
    assert back.value.convert("RGBA").tobytes() == put.convert("RGBA").tobytes() or mode in ("F", "I", "LAB")
    assert back.encoded.type == "PIL.Image.Image"
    assert back.encoded.facts == {"width": 5, "height": 7, "mode": mode}


@pytest.mark.parametrize(
    ("name", "mode", "instead"),
    [
        ("a.png", "F", ".tiff"),
        ("a.png", "CMYK", ".tiff"),
        ("a.webp", "L", ".png"),
        ("a.png", "LAB", ".tiff"),
        ("a.png", "I", ".tiff"),
        ("a.gif", "RGB", ".png"),
        ("a.gif", "L", ".png"),
        ("a.bmp", "CMYK", ".png"),
        ("a.bmp", "RGBA", ".png"),
    ],
)
def test_modes_that_a_format_would_change_are_refused_with_one_that_keeps_them(
    name: str, mode: str, instead: str
) -> None:
    with pytest.raises(CannotRepresent) as refused:
        trip(name, image(mode))
    assert instead in str(refused.value)


def test_transparency_of_a_palette_and_texts_survive_png() -> None:
    put = image("P")
    put.info["transparency"] = 3
    put.info["Author"] = "größe"
    put.info["dpi"] = (72, 72)
    back = trip("a.png", put).value
    assert back.convert("RGBA").tobytes() == put.convert("RGBA").tobytes()
    assert back.info["Author"] == "größe"
    assert back.info["dpi"] == pytest.approx((72, 72), abs=0.1)
    again = trip("a.png", back).value
    assert again.info["Author"] == "größe"


def test_jpeg_is_lossy_and_its_type_says_so() -> None:
    smooth = Image.fromarray(np.linspace(0, 255, 64 * 64 * 3).reshape(64, 64, 3).astype(np.uint8))
    back = trip("a.jpg", smooth)
    assert back.encoded.type == "PIL.Image.Image (lossy)"
    assert (back.value.mode, back.value.size) == ("RGB", (64, 64))
    assert np.abs(np.asarray(back.value).astype(int) - np.asarray(smooth)).max() < 16


@pytest.mark.parametrize("mode", ["RGBA", "P", "1", "F", "LA", "I;16"])
def test_modes_that_jpeg_cannot_hold_are_refused_naming_png(mode: str) -> None:
    with pytest.raises(CannotRepresent, match="JPEG holds no image of mode") as refused:
        trip("holiday/a.jpeg", image(mode))
    assert 'saver.put("holiday/a.png", image)' in str(refused.value)


def test_a_very_large_image_can_be_read_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    put = image("RGB")
    assert trip("a.png", put).value.tobytes() == put.tobytes()
    # A foreign one is still looked at with suspicion.
    buffer = io.BytesIO()
    put.save(buffer, "PNG")
    with pytest.raises(JskError, match="DecompressionBomb"):
        read("a.png", buffer.getvalue())


def test_animations_are_refused_with_the_call_that_keeps_them(tmp_path: Path) -> None:
    frames = [image("RGBA").convert("RGB").quantize(8) for _ in range(3)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    with pytest.raises(CannotRepresent, match="3 frames") as refused:
        trip("a.gif", Image.open(tmp_path / "a.gif"))
    assert 'saver.put("a.gif", Path(' in str(refused.value)
    foreign = read("a.gif", (tmp_path / "a.gif").read_bytes())
    assert foreign.n_frames == 3
    foreign.seek(2)


# Figures ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("extension", [".png", ".jpg", ".jpeg", ".webp", ".tiff"])
def test_a_figure_comes_back_as_the_picture_it_draws(extension: str) -> None:
    back = trip(f"a{extension}", figure(), on_disk=True)
    assert back.value.size == (300, 200)
    assert len(set(back.value.convert("L").tobytes())) > 20
    assert back.encoded.type == "matplotlib.figure.Figure → PIL.Image.Image"


def test_a_figure_as_svg_comes_back_as_text_that_shows_itself() -> None:
    back = trip("a.svg", figure())
    assert isinstance(back.value, Svg)
    assert back.value._repr_svg_() == str(back.value)
    assert "<svg" in back.value
    assert back.encoded.type == "matplotlib.figure.Figure → Svg"
    assert type(trip("a.svg", back.value).value) is Svg


def test_a_figure_as_pdf_comes_back_as_a_document_that_shows_itself() -> None:
    back = trip("a.pdf", figure())
    assert isinstance(back.value, Pdf)
    shown = back.value._repr_mimebundle_()
    assert base64.b64decode(shown["application/pdf"]) == back.value
    assert back.value.startswith(b"%PDF")
    assert repr(back.value) == f"<Pdf, {len(back.value):,} bytes>"
    assert trip("a.pdf", back.value).value == back.value


@pytest.mark.parametrize("extension", [".png", ".jpg", ".svg", ".pdf", ".tiff", ".webp"])
def test_the_same_figure_is_the_same_bytes(extension: str) -> None:
    assert trip(f"a{extension}", figure()).data == trip(f"a{extension}", figure()).data


def test_drawing_changes_no_settings_of_matplotlib() -> None:
    before = dict(mpl.rcParams)
    trip("a.svg", figure())
    assert dict(mpl.rcParams) == before


def test_an_image_as_pdf_is_a_document_and_the_same_bytes_each_time() -> None:
    back = trip("a.pdf", image("RGB"))
    assert back.encoded.type == "PIL.Image.Image → Pdf"
    assert back.data == trip("a.pdf", Image.frombytes("RGB", (5, 7), image("RGB").tobytes())).data


def test_svg_text_comes_back_as_text_and_things_with_an_svg_face_as_svg() -> None:
    text = '<svg xmlns="http://www.w3.org/2000/svg"/>\r\n'
    assert type(trip("a.svg", text).value) is str
    assert trip("a.svg", text).value == text

    class Face:
        def _repr_svg_(self) -> str | None:
            return text

    class NoFace:
        def _repr_svg_(self) -> None:
            return None

    back = trip("a.svg", Face())
    assert isinstance(back.value, Svg)
    assert back.value == text
    assert back.encoded.type.endswith("Face → Svg")
    with pytest.raises(CannotRepresent, match="no SVG to show"):
        trip("a.svg", NoFace())
    assert isinstance(read("a.svg", text.encode()), Svg)


@pytest.mark.parametrize("extension", [".png", ".jpg", ".svg", ".pdf", ".html", ".json", ".skops"])
@pytest.mark.parametrize("data", [b"\x89PNG raw", bytearray(b"raw"), memoryview(b"raw")])
def test_bytes_under_any_extension_are_kept_as_they_are(extension: str, data: Any) -> None:
    back = trip(f"a{extension}", data)
    assert back.value == data
    assert type(back.value) is (bytes if isinstance(data, memoryview) else type(data))
    assert back.data == bytes(data)


def test_objects_that_are_no_pictures_are_refused_with_what_fits() -> None:
    with pytest.raises(UnknownFormat, match=r"No format for \.png takes a dict") as refused:
        trip("a.png", {"a": 1})
    assert ".json" in str(refused.value)
    with pytest.raises(
        UnknownFormat, match=r"No format for \.gif takes a matplotlib\.figure\.Figure"
    ) as refused:
        trip("a.gif", figure())
    assert ".png" in str(refused.value)


def test_foreign_and_damaged_pictures() -> None:
    buffer = io.BytesIO()
    image("RGB").save(buffer, "PNG")
    assert read("a.png", buffer.getvalue()).size == (5, 7)
    for name in ("a.png", "a.jpg", "a.tiff"):
        with pytest.raises(JskError, match="cannot be read as"):
            read(name, b"no picture")
    with pytest.raises(JskError, match="cannot be read as png"):
        read("a.png", buffer.getvalue()[:-30])
    assert json.dumps(trip("a.png", image("L")).encoded.facts)


def advice(name: str, obj: Any) -> str:
    with pytest.raises(UnknownFormat) as refused:
        trip(name, obj)
    return str(refused.value)


def test_only_formats_that_draw_a_figure_are_advised_for_one() -> None:
    for name in ("a.gif", "a.html", "a.csv"):
        said = advice(name, figure())
        assert ".html" not in said.partition("can be saved as")[2]
        assert ".png" in said


def test_axes_and_pyplot_are_refused_with_the_figure_to_save_instead() -> None:
    import matplotlib.pyplot as plt

    axes = figure().axes[0]
    assert 'saver.put("a.svg", axes.figure)' in advice("a.svg", axes)
    assert 'saver.put("b/a.png", axes.figure)' in advice("b/a.html", axes)
    assert isinstance(trip("a.svg", axes.figure).value, Svg)
    several = np.array([axes, axes], dtype=object)
    assert 'saver.put("a.png", axes.flat[0].figure)' in advice("a.png", several)
    assert trip("a.png", several.flat[0].figure).value.size
    for name, drawn in (("a.png", "a.png"), ("a.joblib", "a.png"), ("a.pkl", "a.png"), ("a.pdf", "a.pdf")):
        assert f'saver.put("{drawn}", plt.gcf())' in advice(name, plt)


@pytest.mark.parametrize(
    "array",
    [
        np.arange(12, dtype=np.uint8).reshape(2, 2, 3),
        np.arange(4, dtype=np.uint8).reshape(2, 2),
        np.array([[True, False], [False, True]]),
        np.linspace(0, 1, 4).reshape(2, 2),
        np.arange(12).reshape(2, 2, 3),
    ],
    ids=["rgb", "grey", "black and white", "floats", "integers"],
)
def test_an_array_of_pixels_is_refused_with_the_call_that_makes_an_image_of_it(array: Any) -> None:
    said = advice("a.png", array)
    call = said.partition('saver.put("a.png", ')[2].partition("    #")[0].partition("\n")[0].removesuffix(")")
    made = eval(call, {"PIL": PIL, "array": array})  # the advice must work as it is written
    assert made.size == (2, 2)
    assert trip("a.png", made).value.tobytes() == made.tobytes()


def test_an_array_that_is_no_picture_is_not_said_to_be_one() -> None:
    assert "fromarray" not in advice("a.png", np.zeros((2, 2, 2, 2)))
