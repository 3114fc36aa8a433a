"""Plots of trials: what is chosen by itself, what is drawn, and that hostile names stay text."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jsk_saver.errors import InvalidMetadata, NotFound
from jsk_saver.tracking import Experiment
from jsk_saver.tracking.plotting.columns import placed
from jsk_saver.tracking.plotting.curves import MOST_COLUMNS, curves
from jsk_saver.tracking.plotting.downsample import PER_COLUMN, kept
from tests.tracking.browser import hover, looking

pytest.importorskip("matplotlib", reason="matplotlib is not installed: pip install matplotlib")
pytest.importorskip("plotly", reason="plotly is not installed: pip install plotly")

HOSTILE = "<img src=x onerror=alert(1)>_$\\alpha$ %{x} \x1b[31m日本"


@pytest.fixture
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pictures")


@pytest.fixture
def trained(saver: Any) -> Callable[[int], Experiment]:
    def train(count: int) -> Experiment:
        made = Experiment(f"trained-{count}", goals={"loss": "min"}, saver=saver)
        random = np.random.default_rng(count)
        for number in range(count):
            lr, init = 10 ** random.uniform(-5, -1), ("random", "k-means++")[number % 2]
            with made.trial(lr=float(lr), init=init, k=2 + number % 5) as trial:
                for step in range(50):
                    noise = random.normal(0, 0.01)
                    trial.log_metric("loss", math.exp(-step / 12) + 0.1 * number / count + noise)
                trial.log_metric("accuracy", 1 - 0.5 * number / count)
        return made

    return train


# What is chosen --------------------------------------------------------------------------------------


def test_several_points_are_drawn_against_the_step_and_single_ones_against_what_varies(
    experiment: Experiment,
) -> None:
    for k in (2, 3, 5):
        with experiment.trial(k=k) as trial:
            trial.log_metric("inertia", 100 / k)
            for loss in (0.5, 0.25):
                trial.log_metric("loss", loss / k)
    (steps,) = experiment.plot("loss").axes
    assert (steps.get_xlabel(), steps.get_ylabel()) == ("step", "loss")
    assert list(steps.lines[0].get_ydata()) == [0.25, 0.125]
    assert [text.get_text() for text in steps.get_legend().get_texts()] == ["k=2", "k=3", "k=5"]
    (elbow,) = experiment.plot("inertia").axes
    assert (elbow.get_xlabel(), elbow.get_ylabel()) == ("k", "inertia")
    assert [tuple(point) for point in elbow.collections[0].get_offsets()] == [(2, 50), (3, 100 / 3), (5, 20)]
    (named,) = experiment.plot("loss", x="k").axes
    assert named.get_ylabel() == "loss (last)"


def test_without_a_parameter_that_varies_there_is_a_bar_per_trial(experiment: Experiment) -> None:
    for name, value in (("first", 1.0), ("second", 2.0)):
        with experiment.trial(name) as trial:
            trial.log_metric("auc", value)
    (axes,) = experiment.plot("auc").axes
    assert [bar.get_width() for bar in axes.patches] == [2.0, 1.0]
    assert [mark.get_text() for mark in axes.get_yticklabels()] == ["second", "first"]


def test_the_best_bar_comes_first(experiment: Experiment) -> None:
    experiment.goals["loss"] = "min"
    for name, value in (("a", 2.0), ("b", 0.5), ("c", 1.0)):
        with experiment.trial(name) as trial:
            trial.log_metric("loss", value)
    (axes,) = experiment.plot("loss", kind="bars").axes
    assert [mark.get_text() for mark in axes.get_yticklabels()] == ["b", "c", "a"]
    assert axes.get_xlim()[0] == 0.0
    drawn = experiment.plot("loss", kind="bars", interactive=True)
    assert (drawn.data[0].type, drawn.data[0].x) == ("bar", (0.5, 1.0, 2.0))
    assert drawn.layout.yaxis.ticktext == ("b", "c", "a")


def test_values_that_are_alike_are_points_on_an_axis_that_tells_them_apart(experiment: Experiment) -> None:
    for name, value in (("a", 0.93), ("b", 0.965), ("c", 0.94)):
        with experiment.trial(name) as trial:
            trial.log_metric("auc", value)
    (axes,) = experiment.plot("auc", kind="bars").axes
    assert axes.get_xlim()[0] > 0.9
    assert not axes.patches
    points = axes.collections[-1].get_offsets()
    assert [tuple(point) for point in points] == [(0.965, 0), (0.94, 1), (0.93, 2)]
    drawn = experiment.plot("auc", kind="bars", interactive=True)
    assert (drawn.data[0].type, drawn.data[0].x) == ("scatter", (0.965, 0.94, 0.93))


def test_labels_tell_all_that_varies_as_far_as_there_is_room(experiment: Experiment) -> None:
    for n in range(4):
        with experiment.trial(
            model=("rf", "gb")[n % 2], lr=0.1 * n, n=n, deep=n > 1, why="w" * 40 + str(n)
        ) as trial:
            trial.log_metric("auc", 1.0 + n)
    (axes,) = experiment.plot("auc", kind="bars").axes
    assert next(mark.get_text() for mark in axes.get_yticklabels()) == "model=gb, lr=0.3, n=3, deep=true"


def test_a_legend_has_no_group_without_a_point(experiment: Experiment) -> None:
    for n, model in enumerate(("rf", "gb", "svc", "rf", "gb")):
        with experiment.trial(n=n, model=model, **({} if model == "gb" else {"lr": 0.1 * (n + 1)})) as trial:
            trial.log_metric("other", n)
            if model != "svc":
                trial.log_metric("auc", n)
    (axes,) = experiment.plot("auc", x="lr", color="model").axes
    assert axes.get_legend() is None, "only rf has both"
    (axes,) = experiment.plot("auc", x="n", color="model").axes
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["gb", "rf"]
    figure = experiment.plot("auc", kind="scatter", color="model")
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["gb", "rf"]
    shown = [
        trace.name for trace in experiment.plot("auc", kind="scatter", color="model", interactive=True).data
    ]
    assert shown == ["gb", "rf"]


def test_the_cells_of_a_scatter_matrix_show_values_on_the_axes_that_they_share(
    experiment: Experiment,
) -> None:
    for n in range(6):
        with experiment.trial(k=10 * n, model="ab"[n % 2], lr=10.0**-n) as trial:
            trial.log_metric("auc", 0.9 + n / 100)
    figure = experiment.plot("auc", kind="scatter")
    figure.canvas.draw()
    cells = np.array(figure.axes[:16]).reshape(4, 4)
    for at in range(4):
        assert len({ax.get_xlim() for ax in cells[:, at]}) == 1, "a column has one x axis"
        row = [ax for place, ax in enumerate(cells[at]) if place != at]
        assert len({ax.get_ylim() for ax in row}) == 1, "a row has one y axis, but for the counts"
        assert len({(ax.get_yscale(), *ax.get_yticks()) for ax in row}) == 1
        assert [text.get_text() for text in row[0].get_yticklabels() if text.get_text()]
    low, high = cells[3][0].get_ylim()
    assert low < 0.9 < 0.95 < high
    assert cells[2][1].get_yscale() == cells[0][2].get_xscale() == "log"


@pytest.mark.parametrize("interactive", [False, True])
def test_fifteen_lines_are_told_apart_by_colour_and_dash(
    trained: Callable[[int], Experiment], interactive: bool
) -> None:
    figure = trained(15).plot("loss", interactive=interactive)
    if interactive:
        looks = {(trace.line.color, trace.line.dash) for trace in figure.data if trace.mode == "lines"}
    else:
        lines = [line for line in figure.axes[0].lines if line.get_marker() != "*"]
        looks = {(line.get_color(), line.get_linestyle()) for line in lines}
        assert len(figure.axes[0].get_legend().get_texts()) == 15
    assert len(looks) == 15


def test_search_chooses_the_trials(trained: Callable[[int], Experiment]) -> None:
    experiment = trained(10)
    (axes,) = experiment.plot("loss", "k:2").axes
    assert len([line for line in axes.lines if line.get_marker() != "*"]) == 2
    with pytest.raises(NotFound, match="no trial to plot"):
        experiment.plot("loss", "k:99")


def test_the_metric_with_a_goal_is_drawn_when_none_is_named_and_its_best_trial_is_marked(
    trained: Callable[[int], Experiment],
) -> None:
    experiment = trained(3)
    (axes,) = experiment.plot().axes
    assert axes.get_ylabel() == "loss"
    best = experiment.best("loss")
    (star,) = [line for line in axes.lines if line.get_marker() == "*"]
    assert (star.get_xdata()[0], star.get_ydata()[0]) == (
        best.metrics["loss"].min_step,
        best.metrics["loss"].min,
    )
    assert "best" in axes.get_title(loc="right")


def test_unknown_names_are_answered_with_those_that_there_are(trained: Callable[[int], Experiment]) -> None:
    experiment = trained(2)
    with pytest.raises(NotFound, match="loss, accuracy"):
        experiment.plot("los")
    with pytest.raises(NotFound, match="init, k, lr"):
        experiment.plot("loss", x="depth")
    with pytest.raises(InvalidMetadata, match="parallel"):
        experiment.plot("loss", kind="pie")
    with pytest.raises(InvalidMetadata):
        experiment.plot("loss", log="z")


@pytest.mark.parametrize("interactive", [False, True])
@pytest.mark.parametrize("kind", ["lines", "points", "bars", "parallel", "scatter"])
@pytest.mark.parametrize("log", [False, True, "xy"])
def test_every_kind_is_drawn_in_both_forms(
    trained: Callable[[int], Experiment], kind: str, interactive: bool, log: Any, pictures: Path
) -> None:
    metric = ["loss", "accuracy"] if kind == "lines" else "loss"
    figure = trained(14).plot(metric, kind=kind, interactive=interactive, log=log)
    if interactive:
        assert figure.to_json()
        assert len(figure.data) >= 1
    else:
        figure.savefig(pictures / "figure.png")
        assert (pictures / "figure.png").stat().st_size > 5000
        assert figure._repr_png_().startswith(b"\x89PNG")


# Values ----------------------------------------------------------------------------------------------


def test_words_are_categories_and_numbers_numbers() -> None:
    assert placed("k", [3, None, 1.5]).categories == ()
    words = placed("init", ["b", True, 3, None, "a"])
    assert words.categories == ("3", "a", "b", "true")
    assert words.values[:3] == (2.0, 3.0, 0.0)
    assert math.isnan(words.values[3])


def test_values_that_are_no_numbers_leave_gaps_and_are_told(experiment: Experiment) -> None:
    with experiment.trial(k=1) as trial:
        for value in (1.0, math.nan, 3.0, math.inf, 5.0):
            trial.log_metric("loss", value)
    figure = experiment.plot("loss")
    drawn = figure.axes[0].lines[0].get_ydata()
    assert [value if math.isfinite(value) else None for value in drawn] == [1.0, None, 3.0, None, 5.0]
    assert "2 values nan or infinite" in figure.get_supxlabel()
    assert "2 values nan or infinite" in experiment.plot("loss", interactive=True).layout.title.text


def test_a_nested_trial_has_the_parameters_of_what_it_is_nested_in(experiment: Experiment) -> None:
    for model in ("tree", "forest"):
        with experiment.trial(model=model) as outer:
            for fold in (0, 1):
                with outer.trial(fold=fold) as inner:
                    inner.log_metric("auc", 0.5 + fold / 10)
    (axes,) = experiment.plot("auc", x="model").axes
    assert [mark.get_text() for mark in axes.get_xticklabels()] == ["forest", "tree"]
    assert sum(len(points.get_offsets()) for points in axes.collections) == 4


def test_a_running_trial_is_drawn_as_far_as_it_is(experiment: Experiment) -> None:
    trial = experiment.trial(k=1)
    for loss in (3.0, 2.0):
        trial.log_metric("loss", loss)
    trial.flush()
    assert list(experiment.plot("loss").axes[0].lines[0].get_ydata()) == [3.0, 2.0]
    trial.finish()


def test_a_resumed_trial_is_one_line(experiment: Experiment) -> None:
    for values in ((3.0, 2.0), (1.0,)):
        with experiment.trial("long", resume=True) as trial:
            for loss in values:
                trial.log_metric("loss", loss)
    (line,) = experiment.plot("loss").axes[0].lines
    assert (list(line.get_xdata()), list(line.get_ydata())) == ([0, 1, 2], [3.0, 2.0, 1.0])


def test_a_metric_with_the_name_of_a_parameter_is_the_metric(experiment: Experiment) -> None:
    for k in (2, 3):
        with experiment.trial(k=k) as trial:
            trial.log_metric("k", 10.0 * k)
    (axes,) = experiment.plot("k", x="k").axes
    assert [tuple(point) for point in axes.collections[0].get_offsets()] == [(2, 20), (3, 30)]


# Many points -----------------------------------------------------------------------------------------


def test_spikes_stay_in_a_long_line_that_is_thinned_out(experiment: Experiment) -> None:
    with experiment.trial(k=1) as trial:
        for step in range(200_000):
            trial.log_metric("loss", {77_777: 9.0, 123_456: -9.0}.get(step, step / 1e6))
    (curve,) = curves(experiment.folder, experiment.trials(), "loss")
    assert curve.count == 200_000
    assert len(curve.x) <= MOST_COLUMNS * PER_COLUMN
    assert (curve.y.max(), curve.x[curve.y.argmax()]) == (9.0, 77_777)
    assert (curve.y.min(), curve.x[curve.y.argmin()]) == (-9.0, 123_456)
    assert (curve.x[0], curve.x[-1]) == (0, 199_999)


def test_of_each_column_first_last_smallest_and_largest_are_kept() -> None:
    random = np.random.default_rng(1)
    x, y = random.permutation(10_000).astype(float), random.normal(size=10_000)
    y[(x >= 5000) & (x < 5100)] = math.nan
    chosen = kept(x, y, 0, 9999, 100)
    column = np.minimum(x * (100 / 9999), 99).astype(int)
    for place in range(100):
        inside = np.flatnonzero((column == place) & np.isfinite(y))
        if not len(inside):
            continue
        wanted = {
            inside[x[inside].argmin()], inside[x[inside].argmax()],
            inside[y[inside].argmin()], inside[y[inside].argmax()],
        }  # fmt: skip
        assert wanted == {at for at in chosen if column[at] == place and np.isfinite(y[at])}
    assert np.isnan(y[chosen]).sum() >= 1, "a column of nothing but nan is a gap"
    assert (np.diff(x[chosen]) > 0).all()


# Looks -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [2, 12, 200])
def test_legends_can_be_read_with_few_trials_and_with_many(
    trained: Callable[[int], Experiment], count: int, pictures: Path
) -> None:
    experiment = trained(count)
    figure = experiment.plot("loss")
    figure.savefig(pictures / f"lines-{count}.png")
    experiment.plot(kind="parallel").savefig(pictures / f"parallel-{count}.png")
    legend = figure.axes[0].get_legend()
    if count <= 24:
        shown = [text.get_text() for text in legend.get_texts()]
        assert len(set(shown)) == count
        assert all(len(text) <= 40 for text in shown)
    else:
        assert legend.get_title().get_text() == "init", "a parameter with few values instead"
        assert [text.get_text() for text in legend.get_texts()] == ["k-means++", "random"]
    drawn = experiment.plot("loss", interactive=True).data
    assert sum(trace.showlegend is not False for trace in drawn) == (count if count <= 24 else 2)
    assert len(drawn) < 60


def test_hostile_names_are_text(experiment: Experiment, pictures: Path) -> None:
    name = HOSTILE.replace("\x1b", "")  # names are printable, values are what they are
    for value in ("a", HOSTILE):
        with experiment.trial(**{name: value, "_k": 1}) as trial:
            trial.log_metric(name, 1.0)
            trial.log_metric(name, 2.0)
    for kind in ("lines", "points", "bars", "parallel", "scatter"):
        with warnings.catch_warnings(action="ignore"):  # matplotlib's own font has no Japanese
            experiment.plot(kind=kind).savefig(pictures / f"{kind}.png")
        drawn = experiment.plot(kind=kind, interactive=True).to_json().replace("\\u003c", "<")
        if kind != "parallel":  # whose marks are plain text, as the report's own test sees in a browser
            assert "<img" not in drawn


def test_a_plot_is_a_figure_that_a_trial_keeps(trained: Callable[[int], Experiment]) -> None:
    experiment = trained(2)
    with experiment.trial("summary") as trial:
        trial.log_figure("still", experiment.plot("loss"))
        trial.log_figure("alive", experiment.plot("loss", interactive=True))
    kept_files = {file["name"]: file["file"] for file in experiment["summary"].files}
    assert kept_files == {"still": "still.png", "alive": "alive.html"}


def test_a_plot_in_a_notebook_draws_itself_in_the_exported_page_without_a_network(
    trained: Callable[[int], Experiment], pictures: Path
) -> None:
    figure = trained(3).plot("loss", interactive=True)
    shown = figure._repr_mimebundle_()["text/html"]
    # Exported notebooks carry require.js, which would catch a library that looks for it.
    stolen = "<script>window.define = () => { throw Error('caught'); }; window.define.amd = {};</script>"
    page = pictures / "notebook.html"
    page.write_text(
        f"<!DOCTYPE html><html><body>{stolen}{shown}{shown.replace('jsk-', 'two-')}</body></html>"
    )
    with looking(page) as look:
        look.page.wait_for_selector(".js-plotly-plot >> nth=1 >> .nsewdrag", state="attached")
        assert "step" in hover(look, ".js-plotly-plot")
    assert look.complaints == []


def test_exported_plots_stay_interactive_without_a_network(
    trained: Callable[[int], Experiment], pictures: Path
) -> None:
    page = pictures / "loss.html"
    trained(3).plot("loss", interactive=True).write_html(page)
    with looking(page) as look:
        look.page.wait_for_selector(".nsewdrag", state="attached")
        assert "step" in hover(look, ".js-plotly-plot")
        look.page.screenshot(path=str(pictures / "loss.png"))
    assert look.complaints == []
