"""What matplotlib figures of trials are made of: text that is only text, points, legends, scales."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from jsk_saver.human import one_line, shorten
from jsk_saver.tracking.plotting import palette
from jsk_saver.tracking.plotting.columns import Column
from jsk_saver.tracking.plotting.labels import LONGEST
from jsk_saver.tracking.plotting.panels import Shade
from jsk_saver.tracking.plotting.ticks import axis, tick_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FAINT = "#d9dce1"
MOST_TICKS = 20


def text(said: str) -> str:
    """Return text that matplotlib shows as it is: no formulas, nothing hidden from a legend."""
    said = one_line(said).replace("$", r"\$")
    return f" {said}" if said.startswith("_") else said


def colors_of(shade: Shade) -> list[str]:
    """Return the colour of each trial."""
    if shade.scale is not None:
        return palette.shades(shade.scale)
    return [palette.color_of(place) for place in shade.places]


def dots(
    ax: Axes, x: Sequence[float], y: Sequence[float], shade: Shade, colors: Sequence[str], size: float
) -> list[Any]:
    """Draw a point per trial; return what to show in a legend."""
    if shade.scale is not None:
        return [ax.scatter(x, y, c=colors, s=size, alpha=0.85, linewidths=0, zorder=2)]
    handles = []
    for place in range(len(shade.entries)):
        chosen = [at for at, other in enumerate(shade.places) if other == place]
        marker = palette.MARKERS[palette.round_of(place)][1]
        handles.append(
            ax.scatter(
                [x[at] for at in chosen],
                [y[at] for at in chosen],
                c=palette.color_of(place),
                s=size,
                marker=marker,
                alpha=0.85,
                linewidths=0,
                zorder=2,
            )
        )
    return handles


def star(ax: Axes, x: float, y: float) -> None:
    """Mark the best trial."""
    ax.plot([x], [y], "*", color=palette.BEST, markersize=13, markeredgecolor="white", zorder=6)


def say_best(ax: Axes, label: str, pad: float = 6) -> None:
    """Say which trial is the best, above the plot, where it hides nothing."""
    said = text(f"★ best: {shorten(label, LONGEST)}")
    ax.set_title(said, loc="right", fontsize=9, color=palette.BEST, pad=pad)


def legend(ax: Axes, shade: Shade, handles: Any, axes: Any = None) -> None:
    """Say what colours stand for: in a legend, or beside a scale."""
    if shade.scale is not None:
        colorbar(ax, shade.scale, axes)
        return
    if len(shade.entries) < 2:
        return
    from matplotlib.lines import Line2D

    proxies = [
        Line2D([], [], color=palette.color_of(place), linestyle=palette.DASHES[palette.round_of(place)][1])
        for place in range(len(shade.entries))
    ]
    usable = handles if handles is not None and len(handles) == len(shade.entries) else proxies
    owner = ax.figure if axes is not None else ax
    where = {"loc": "outside right upper"} if axes is not None else {
        "loc": "upper left", "bbox_to_anchor": (1.01, 1.0), "borderaxespad": 0.0,
    }  # fmt: skip
    owner.legend(
        usable, [text(entry) for entry in shade.entries], title=text(shade.title) or None, frameon=False,
        fontsize=8.5, title_fontsize=9, alignment="left", **where,
    )  # fmt: skip


def colorbar(ax: Axes, column: Column, axes: Any) -> None:
    """Draw a scale of colours with its marks."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LinearSegmentedColormap, Normalize

    mapped = ScalarMappable(Normalize(0, 1), LinearSegmentedColormap.from_list("jsk", list(palette.SCALE)))
    bar = ax.figure.colorbar(mapped, ax=axes if axes is not None else ax, pad=0.02, fraction=0.05, aspect=30)
    marks = [(at, said) for at, said in axis(column).marks if at >= 0]
    bar.set_ticks([at for at, _ in marks], labels=[text(said) for _, said in marks], fontsize=8)
    bar.set_label(text(shorten(one_line(column.name), LONGEST)), fontsize=9)
    bar.outline.set_visible(False)


def set_scales(ax: Axes, log: str) -> None:
    """Set the axes that go by powers of ten; what is not positive is left out, unless all is."""
    if "y" in log and ax.dataLim.y1 > 0:
        ax.set_yscale("log", nonpositive="mask")
    if "x" in log and ax.dataLim.x1 > 0:
        ax.set_xscale("log", nonpositive="mask")


def whole_marks(ax: Axes, column: Column) -> None:
    """Mark whole numbers only, where there are no others."""
    from matplotlib.ticker import MaxNLocator

    marks = ax.xaxis.get_major_locator()
    if isinstance(marks, MaxNLocator) and all(value.is_integer() for value in column.known):
        marks.set_params(integer=True)


def log_of(column: Column, which: str, log: str) -> str:
    """Return the axis (``"x"`` or ``"y"``) if a column is to go by powers of ten on it, else nothing."""
    return which if column.is_wide or (log and column.is_metric) else ""


def categories(ax: Axes, x: Column, y: Column | None) -> None:
    """Write categories at the axes, as many as can be read."""
    for column, put, limit in ((x, ax.set_xticks, ax.set_xlim), (y, ax.set_yticks, ax.set_ylim)):
        if column is None or not column.categories:
            continue
        every = -(-len(column.categories) // MOST_TICKS)
        places = range(0, len(column.categories), every)
        turned = column is x and sum(len(tick_text(said)) for said in column.categories[::every]) > 40
        style: dict[str, Any] = {"rotation": 30, "ha": "right"} if turned else {}
        put(places, [text(tick_text(column.categories[at])) for at in places], **style)
        limit(-0.5, len(column.categories) - 0.5)


def grid(ax: Axes) -> None:
    """Draw faint lines behind everything."""
    ax.grid(True, color=FAINT, linewidth=0.6)
    ax.set_axisbelow(True)
