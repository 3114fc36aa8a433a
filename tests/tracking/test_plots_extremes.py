"""Plots of values at the ends of what numbers are: no warning, no exception, something to read."""

from __future__ import annotations

import itertools
import math
import warnings
from pathlib import Path

import pytest

from jsk_saver.tracking import Experiment
from tests.tracking.browser import looking

pytest.importorskip("matplotlib", reason="matplotlib is not installed: pip install matplotlib")
pytest.importorskip("plotly", reason="plotly is not installed: pip install plotly")

NAN, INF = math.nan, math.inf
EXTREMES = {
    "huge": [[1e308, -1e308, 1.7e308], [-1e308, 1e308, 5e307]],
    "equal": [[0.5, 0.5], [0.5, 0.5]],
    "huge and equal": [[1e308, 1e308], [1e308, 1e308]],
    "nearly equal": [[1.0, 1.0 + 3e-16], [1.0, 1.0]],
    "tiny": [[5e-324, 1e-310], [2e-308, 0.0]],
    "nothing but nan": [[NAN, NAN], [NAN]],
    "nothing but infinities": [[INF, -INF], [INF]],
}


@pytest.mark.parametrize("rows", EXTREMES.values(), ids=EXTREMES)
def test_extreme_values_are_drawn_without_a_warning(experiment: Experiment, rows: list[list[float]]) -> None:
    for number, row in enumerate(rows):
        with experiment.trial(k=number, chosen=row[0]) as trial:
            for value in row:
                trial.log_metric("loss", value)
    experiment.goals["loss"] = "min"
    kinds = [("lines", "", ""), ("lines", "", "loss"), ("points", "chosen", ""), ("bars", "", "")]
    kinds += [("parallel", "", ""), ("scatter", "", "")]
    with warnings.catch_warnings(action="error"):
        for (kind, x, color), log in itertools.product(kinds, ("", "xy")):
            experiment.plot("loss", kind=kind, x=x, color=color, log=log)._repr_png_()
            experiment.plot("loss", kind=kind, x=x, color=color, log=log, interactive=True).to_json()


def test_what_is_too_large_for_an_axis_stands_at_its_end_and_the_plot_says_so(
    experiment: Experiment, tmp_path: Path
) -> None:
    for k, values in ((1, (1e308, -1e308)), (2, (1.0, 2.0))):
        with experiment.trial(k=k) as trial:
            for value in values:
                trial.log_metric("loss", value)
    figure = experiment.plot("loss")
    assert [list(line.get_ydata()) for line in figure.axes[0].lines] == [[1e300, -1e300], [1.0, 2.0]]
    assert "what is beyond ±1e+300 is drawn there" in figure.get_supxlabel()
    low, high = figure.axes[0].get_ylim()
    assert low < -1e300 < 1e300 < high < INF
    page = tmp_path / "huge.html"
    experiment.plot("loss", interactive=True).write_html(page)
    assert "beyond ±1e+300" in experiment.plot("loss", interactive=True).layout.title.text
    with looking(page) as look:
        look.page.wait_for_selector(".nsewdrag", state="attached")
        marks = look.page.locator(".ytick text").all_text_contents()
        look.page.screenshot(path=str(tmp_path / "huge.png"))
    assert len(marks) > 2, "an axis with its marks"
    assert "NaN" not in "".join(marks)
    assert look.complaints == []


def test_trials_without_a_finite_value_are_counted_in_the_plot(experiment: Experiment) -> None:
    for value in (NAN, INF):
        with experiment.trial() as trial:
            trial.log_metric("loss", 1.0)
            trial.log_metric("loss", value)
            trial.log_metric("auc", value)
    assert "2 values nan or infinite, not drawn" in experiment.plot("loss").get_supxlabel()
    assert "2 trials without a value left out" in experiment.plot("auc", kind="bars").get_supxlabel()
