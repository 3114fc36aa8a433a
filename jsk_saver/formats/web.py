"""html: pages that open in any browser without a network, and come back as the figure that was put.

A Plotly or Altair figure is saved as one page that carries its drawing library and the figure's own
specification. The browser draws from that specification, and ``get`` rebuilds the figure from it, so that
nothing is in the page twice. (Only Plotly's maps fetch their outlines when they are drawn.) Text is kept as
it is; objects that only have an HTML face (a styled pandas table) come back as that HTML text.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Callable
from typing import Any

from jsk_saver.errors import CannotRepresent
from jsk_saver.formats.base import Encoded, Format, Reading, file_name, is_a
from jsk_saver.formats.naming import type_name
from jsk_saver.formats.records import is_table
from jsk_saver.formats.shapes import Shape, Walk, restore
from jsk_saver.formats.text import exact_text, utf8
from jsk_saver.payload import Payload

_PAGE = """<!doctype html>
<html>
<head>
<meta charset="utf-8">
<title>{title}</title>
<style>
html, body, #figure {{ height: 100%; margin: 0 }}
#figure {{ width: 100%; padding: 8px; box-sizing: border-box }}
</style>
<script>{library}</script>
</head>
<body>
<div id="figure"></div>
<script type="application/json" id="jsk-figure">{figure}</script>
<script>
const saved = JSON.parse(document.getElementById("jsk-figure").textContent);
{draw}
</script>
</body>
</html>
"""
_SAVED = re.compile(rb'<script type="application/json" id="jsk-figure">(.*?)</script>', re.DOTALL)
_DRAW = {
    "plotly": 'Plotly.newPlot("figure", {responsive: true, ...saved.figure});',
    "altair": 'vegaEmbed("#figure", saved.figure, {mode: "vega-lite"}).catch(console.error);',
}


class Html(str):
    """HTML text, which shows itself in a notebook."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return str(self)


class HtmlFile(Format):
    """HTML pages: Plotly and Altair figures, text, and anything with an HTML face but tables."""

    name = "html"
    extensions = (".html", ".htm")

    def accepts(self, obj: Any) -> bool:
        """Tell whether ``obj`` is a figure, text, or has an HTML face that shows all of it."""
        if _library(obj) or isinstance(obj, str):
            return True
        # The HTML face of a table shows its first and last rows only; Matplotlib's figures have an empty one.
        faceless = is_table(obj) or is_a(obj, "matplotlib.Figure")
        return callable(getattr(type(obj), "_repr_html_", None)) and not faceless

    def encode(self, obj: Any, payload: Payload, name: str) -> Encoded:
        """Write the page."""
        library = _library(obj)
        if library:
            payload.write(_page(obj, library, name))
            return Encoded(_comes_back_as(obj, library), {"figure": library})
        if isinstance(obj, str):
            payload.write(utf8(obj if isinstance(obj, Html) else exact_text(obj, name)))
            return Encoded(type(obj).__name__, {"face": True} if isinstance(obj, Html) else {})
        text = obj._repr_html_()
        if not isinstance(text, str):
            raise CannotRepresent(f"The {type_name(obj)} has no HTML to show.", hint="Save it as .pkl.")
        payload.write(utf8(text))
        return Encoded(f"{type_name(obj)} → Html", {"face": True})

    def decode(self, payload: Payload, reading: Reading) -> Any:
        """Return the figure, or the text."""
        page = payload.getvalue()
        saved = _SAVED.search(page) if reading.state.get("figure") or not reading.type else None
        if saved:
            spec = json.loads(saved.group(1))
            return _REBUILD[spec["library"]](spec["figure"], spec["shape"], spec["type"])
        text = page.decode("utf-8")
        return Html(text) if reading.state.get("face") or not reading.type else text


# Inside ----------------------------------------------------------------------------------------------


def _library(obj: Any) -> str | None:
    """Return which library a figure belongs to."""
    if is_a(obj, "plotly.BaseFigure"):
        return "plotly"
    return "altair" if is_a(obj, "altair.TopLevelMixin") else None


def _comes_back_as(figure: Any, library: str) -> str:
    if library == "altair":
        return type_name(figure)
    # Plotly hides its classes in private modules. A widget lives in one session; its figure comes back.
    kind = type(figure).__qualname__
    return f"plotly.graph_objects.{kind}{' → Figure' if kind == 'FigureWidget' else ''}"


def _page(figure: Any, library: str, name: str) -> bytes:
    text, shape, script = _plotly(figure) if library == "plotly" else _altair(figure)
    about = {"library": library, "type": type(figure).__qualname__, "shape": shape}
    saved = f'{json.dumps(about)[:-1]}, "figure": {text}}}'
    return utf8(
        _PAGE.format(
            title=html.escape(file_name(name)),
            library=script,
            # "<" only ever stands inside JSON's strings, where this says the same and ends no script.
            figure=saved.replace("<", "\\u003c"),
            draw=_DRAW[library],
        )
    )


# Plotly ----------------------------------------------------------------------------------------------


def _plotly(figure: Any) -> tuple[str, Shape, str]:
    """Return a figure as JSON, the types that JSON loses, and the library that draws it."""
    import plotly.io
    from plotly.offline import get_plotlyjs

    parts: dict[str, Any] = {
        "data": [trace.to_plotly_json() for trace in figure.data],
        "layout": figure.layout.to_plotly_json(),
        "frames": [frame.to_plotly_json() for frame in figure.frames],
    }
    walk = Walk("Plotly's JSON", finite=False, keys=(str,), leaf=_plotly_leaf)
    return plotly.io.to_json(figure, validate=False), walk.shape(parts), get_plotlyjs()


def _plotly_leaf(value: Any) -> str:
    """Name the type of an array; every other unknown value stays as Plotly writes it."""
    return f"array:{value.dtype.str}" if is_a(value, "numpy.ndarray") else ""


def _rebuild_plotly(figure: Any, shape: Shape, kind: str) -> Any:  # noqa: ARG001 - Altair's needs a kind
    import plotly.graph_objects as go

    return go.Figure(restore(figure, shape, _restore_array))


def _restore_array(name: str, value: Any) -> Any:
    import numpy as np

    dtype = np.dtype(name.removeprefix("array:"))
    if not isinstance(value, dict):
        return np.array(value, dtype)
    # Plotly's own form of a number array: base64 of the narrowest type that holds it.
    array = np.frombuffer(base64.b64decode(value["bdata"]), value["dtype"])
    if "shape" in value:
        array = array.reshape([int(length) for length in str(value["shape"]).split(",")])
    return array.astype(dtype)


# Altair ----------------------------------------------------------------------------------------------


def _altair(chart: Any) -> tuple[str, Shape, str]:
    """Return a chart as JSON with all its data, and the library that draws it."""
    import altair as alt
    import vl_convert

    with alt.data_transformers.enable("default", max_rows=None):
        text = json.dumps(chart.to_dict(), allow_nan=False)
    version: str | None = ".".join(alt.SCHEMA_VERSION.lstrip("v").split(".")[:2])
    if version not in vl_convert.get_vegalite_versions():
        version = None
    return text, None, vl_convert.javascript_bundle(vl_version=version)  # type: ignore[call-arg,unused-ignore]


def _rebuild_altair(figure: Any, shape: Shape, kind: str) -> Any:  # noqa: ARG001 - Plotly's needs a shape
    import altair as alt

    cls = getattr(alt, kind, alt.Chart)
    # The kind comes from the page, which anybody may have written.
    if not (isinstance(cls, type) and issubclass(cls, alt.TopLevelMixin)):
        cls = alt.Chart
    return cls.from_dict(figure)  # type: ignore[union-attr,unused-ignore]


_REBUILD: dict[str, Callable[[Any, Shape, str], Any]] = {"plotly": _rebuild_plotly, "altair": _rebuild_altair}
