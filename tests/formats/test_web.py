"""Pages open without a network, and come back as the figure that was put."""

from __future__ import annotations

import copy
import datetime as dt
import html.parser
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import plotly.express as px
import plotly.graph_objects as go
import pytest
from PIL import Image

from jsk_saver.errors import CannotRepresent, UnknownFormat
from jsk_saver.formats.web import Html
from tests.formats.roundtrip import read, save, trip

NASTY = "</script><script>alert(1)</script><!-- größe {title} \u2028"


class Parser(html.parser.HTMLParser):
    """Collects what a browser would run or fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.scripts = 0
        self.fetched: list[str] = []
        self.saved = ""
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        self.fetched += [value or "" for key, value in attrs if key in ("src", "href")]
        self._inside = ("id", "jsk-figure") in attrs

    def handle_data(self, data: str) -> None:
        self.saved += data if self._inside else ""

    def handle_endtag(self, tag: str) -> None:
        self._inside = False


def page(data: bytes) -> Parser:
    parser = Parser()
    parser.feed(data.decode())
    return parser


# Plotly ----------------------------------------------------------------------------------------------


def rich_figure() -> go.Figure:
    figure = px.scatter(
        px.data.iris(),
        x="sepal_width",
        y="sepal_length",
        color="species",
        hover_data=["petal_width"],
        marginal_y="box",
        title=NASTY,
    )
    figure.add_bar(x=pd.date_range("2024", periods=3), y=pd.Series([1, 2, 3]), text=["a", None, NASTY])
    figure.add_bar(
        x=np.array([1, 2], "i8"), y=np.array([0.5, np.nan], "f4"), marker={"color": ["red", "blue"]}
    )
    figure.add_surface(z=np.arange(6, dtype="u1").reshape(2, 3))
    figure.add_heatmap(z=[[1, None], [np.float64(2), 3]])
    figure.add_bar(x=np.array([True, False]), y=np.array(["x", "y"], dtype=object))
    figure.add_scatter(x=[dt.date(2024, 1, 1), dt.datetime(2024, 1, 2, 3)], y=(1, 2))
    figure.frames = [go.Frame(data=[go.Bar(y=np.array([2**40, 1]))], name="one")]
    return figure


def test_a_plotly_figure_comes_back_equal_with_the_same_types() -> None:
    put = rich_figure()
    back = trip("a.html", put)
    assert type(back.value) is go.Figure
    assert back.value == put
    assert json.loads(back.value.to_json()) == json.loads(put.to_json())
    for mine, theirs in zip(put.data, back.value.data, strict=True):
        for axis in ("x", "y", "z"):
            if axis in mine and mine[axis] is not None:
                assert type(theirs[axis]) is type(mine[axis])
                assert getattr(theirs[axis], "dtype", None) == getattr(mine[axis], "dtype", None)
                np.testing.assert_array_equal(theirs[axis], mine[axis])
    assert back.value.data[-1].x == put.data[-1].x
    assert back.value.frames[0].data[0].y.tolist() == [2**40, 1]
    assert back.encoded.type == "plotly.graph_objects.Figure"


@pytest.mark.parametrize(
    "figure",
    [
        go.Figure(),
        px.bar(x=["a", "b"], y=[1, 3]),
        px.imshow(np.zeros((4, 5, 3), np.uint8)),
        px.line(pd.DataFrame({"t": pd.date_range("2024", periods=4, tz="UTC"), "v": range(4)}), x="t", y="v"),
        px.choropleth(locations=["DEU"], color=[1]),
        px.scatter(
            px.data.gapminder().query("year < 1960"), x="gdpPercap", y="lifeExp", animation_frame="year"
        ),
        px.sunburst(names=["a", "b"], parents=["", "a"]),
    ],
    ids=["empty", "bar", "image", "times", "map", "animation", "sunburst"],
)
def test_plotly_figures_of_every_kind_come_back(figure: go.Figure) -> None:
    back = trip("a.html", figure).value
    # Plotly's own copy leaves out what is empty, such as the centre of a map that was not moved.
    assert back == copy.deepcopy(figure)
    assert json.loads(back.to_json()) == json.loads(copy.deepcopy(figure).to_json())


# Altair ----------------------------------------------------------------------------------------------


def chart(rows: int = 3) -> alt.Chart:
    table = pd.DataFrame({"a": range(rows), "b": [at / 3 for at in range(rows)], "c": [NASTY] * rows})
    return alt.Chart(table, title=NASTY).mark_point().encode(x="a", y="b", color="c")


@pytest.mark.parametrize(
    "kind",
    ["Chart", "LayerChart", "HConcatChart", "VConcatChart", "ConcatChart", "FacetChart", "RepeatChart"],
)
def test_altair_charts_of_every_kind_come_back(kind: str) -> None:
    put: Any = {
        "Chart": chart().interactive(),
        "LayerChart": chart() + chart().mark_line(),
        "HConcatChart": chart() | chart(),
        "VConcatChart": chart() & chart(),
        "ConcatChart": alt.concat(chart(), chart()),
        "FacetChart": chart().facet("c:N"),
        "RepeatChart": chart().repeat(["a", "b"]),
    }[kind]
    back = trip("a.html", put, on_disk=True)
    assert type(back.value) is type(put) is getattr(alt, kind)
    assert back.value.to_dict() == put.to_dict()
    assert back.encoded.type == f"altair.{kind}"


def test_a_chart_keeps_all_its_data_whatever_altair_is_set_to() -> None:
    back = trip("a.html", chart(6000)).value
    with alt.data_transformers.enable("default", max_rows=None):
        (rows,) = back.to_dict()["datasets"].values()
    assert len(rows) == 6000
    assert alt.data_transformers.active == "default"


# Pages -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("figure", [rich_figure(), chart()], ids=["plotly", "altair"])
def test_a_page_needs_no_network_and_no_text_in_the_data_ends_its_script(figure: Any) -> None:
    back = trip("plots/größe & <x>.html", figure)
    parsed = page(back.data)
    assert parsed.fetched == []
    assert parsed.scripts == 3
    assert json.loads(parsed.saved)["library"] in ("plotly", "altair")
    assert b"<title>gr\xc3\xb6\xc3\x9fe &amp; &lt;x&gt;.html</title>" in back.data
    assert back.data == trip("plots/größe & <x>.html", figure).data


CHROME = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chrome")


@pytest.mark.slow
@pytest.mark.skipif(CHROME is None, reason="no Chromium on this machine to open the pages with")
@pytest.mark.parametrize("figure", [px.bar(x=["a", "b"], y=[1, 3]), chart()], ids=["plotly", "altair"])
def test_a_browser_without_network_draws_the_page(figure: Any, tmp_path: Path) -> None:
    assert CHROME is not None
    path = save("a.html", figure, tmp_path)
    command = [
        CHROME,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={tmp_path / 'profile'}",
    ]
    command += ["--host-resolver-rules=MAP * 127.0.0.1:9", "--virtual-time-budget=8000"]
    command += ["--window-size=800,500", f"--screenshot={tmp_path / 'a.png'}", path.as_uri()]
    ran = subprocess.run(command, capture_output=True, timeout=120, check=False)
    if not (tmp_path / "a.png").exists():
        pytest.skip(f"Chromium does not start here: {ran.stderr[-300:]!r}")
    colours = Image.open(tmp_path / "a.png").convert("RGB").getcolors(2**24)
    assert colours is not None
    assert len(colours) > 20, "the page is blank"


def test_a_page_saved_by_the_kit_and_uploaded_by_hand_is_still_a_figure() -> None:
    assert read("a.html", trip("a.html", px.bar(x=["a"], y=[1])).data) == px.bar(x=["a"], y=[1])
    assert type(read("a.html", b"<p>x</p>")) is Html


def test_html_text_comes_back_as_text_even_if_it_holds_a_saved_figure() -> None:
    text = trip("a.html", chart()).data.decode()
    back = trip("a.html", text).value
    assert type(back) is str
    assert back == text
    assert type(trip("a.htm", Html("<b>x</b>")).value) is Html


def test_a_styled_table_comes_back_as_html_that_shows_itself() -> None:
    styled = pd.DataFrame({"a": [1, 2]}).style.highlight_max()
    back = trip("a.html", styled)
    assert isinstance(back.value, Html)
    assert "<table" in back.value._repr_html_()
    assert back.encoded.type == "pandas.io.formats.style.Styler → Html"


def test_tables_are_refused_because_html_shows_only_some_of_their_rows() -> None:
    with pytest.raises(UnknownFormat, match=r"No format for \.html takes a pandas.DataFrame") as refused:
        trip("a.html", pd.DataFrame({"a": range(100)}))
    assert ".parquet" in str(refused.value)


def test_an_object_whose_html_face_is_empty_is_refused() -> None:
    class Blank:
        def _repr_html_(self) -> None:
            return None

    with pytest.raises(CannotRepresent, match="no HTML to show"):
        trip("a.html", Blank())
