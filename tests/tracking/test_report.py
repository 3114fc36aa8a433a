"""The report: one page, opened in a real browser as a colleague would who got it by mail."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import pytest
from matplotlib.figure import Figure

from jsk_saver import Saver
from jsk_saver.errors import InvalidName, StoreError
from jsk_saver.tracking import Experiment
from jsk_saver.tracking.report.ancestry import MOST_TRIALS, ancestry
from jsk_saver.tracking.report.artifacts import Artifacts
from jsk_saver.tracking.report.details import commit_address
from jsk_saver.tracking.report.text import link, markdown
from tests.tracking.browser import hover, looking

EVIL = "</script><img src=http://127.0.0.1:9/x onerror=alert(1)>&amp;'\""
COMMIT = "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567"


def _train(experiment: Experiment, count: int) -> None:
    random = np.random.default_rng(0)
    for number in range(count):
        try:
            with experiment.trial(k=2 + number % 7, init=("random", "k-means++")[number % 2]) as trial:
                for step in range(40):
                    trial.log_metric("inertia", 100 / (2 + number) * math.exp(-step / 9) + random.normal())
                trial.log_metric("silhouette", number / count)
                if number == 1:
                    raise ValueError(EVIL)
        except ValueError:
            pass


@pytest.fixture
def full(saver: Saver) -> Experiment:
    """An experiment with everything that a report tells, some of it hostile."""
    experiment = Experiment(
        "iris-kmeans",
        f"How many **clusters**? {EVIL}",
        {"squad": EVIL},
        goals={"inertia": "min"},
        saver=saver,
    )
    _train(experiment, 11)
    saver.put("data/iris.json", {"rows": 150})
    with experiment.trial("told-in-full", **{EVIL: EVIL, "k": 20}) as trial:
        trial.get("data/iris.json")
        trial.log_metric(EVIL, 1.0)
        trial.log_metric("inertia", -50.0)
        trial.note(f"# Lucky\n\nby *chance* {EVIL} [no](javascript:alert(2)) ![no](http://127.0.0.1:9/y.png)")
        trial.tag(stage=EVIL)
        figure = Figure(figsize=(3, 2))
        figure.subplots().plot([1, 3, 2])
        trial.log_figure("curve", figure)
        trial.log_table("scores", [{"class": EVIL, "f1": 0.5}])
        trial.log_text("words", f"first line\n{EVIL}")
        trial.log_environment(
            {"commit": COMMIT, "remote": "https://bo:secret@git.example.org/squad/iris.git"}
        )
        trial.put("model.json", {"k": 20})
    return experiment


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pictures")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_opens_without_errors_or_requests_and_draws_its_plots(
    full: Experiment, scheme: str, pictures: Path
) -> None:
    path = full.report(pictures / f"{scheme}.html")
    with looking(path, scheme=scheme) as look:
        page = look.page
        plots = page.locator(".draw")
        for number in range(plots.count()):
            plots.nth(number).scroll_into_view_if_needed()
            page.wait_for_selector(f".draw >> nth={number} >> .main-svg >> nth=0", state="attached")
        assert plots.count() >= 3
        assert "step" in hover(look, ".plot")
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert ground == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(20, 24, 29)")
        page.click('a[href="#trial-told-in-full"]')
        assert page.locator("#trial-told-in-full").evaluate("trial => trial.open")
        page.wait_for_timeout(500)
        page.screenshot(path=str(pictures / f"{scheme}.png"), full_page=True)
        page.screenshot(path=str(pictures / f"{scheme}-trial.png"))
    assert look.complaints == []


def test_the_table_sorts_and_filters(full: Experiment, tmp_path: Path) -> None:
    with looking(full.report(tmp_path / "report.html")) as look:
        page = look.page

        def column(title: str) -> list[str]:
            at = page.eval_on_selector_all(
                "#trials th", "heads => heads.map(head => head.textContent.trim())"
            ).index(title)
            rows = page.locator("#trials tbody tr:not([hidden])")
            return [rows.nth(row).locator("td").nth(at).inner_text() for row in range(rows.count())]

        for wanted in (False, True):
            page.click("#trials th >> text=/^inertia$/")
            values = [float(text) for text in column("inertia")]
            assert values == sorted(values, reverse=wanted)
        page.click("#trials th >> text=/^silhouette$/")
        assert column("silhouette")[-1] == "", "what is missing comes last"
        page.fill("#filter", "k=3 FAILED")
        assert column("status") == ["failed"]
        assert page.inner_text("#count") == "1 of 12"
        assert page.locator("details.trial:visible").count() == 1
        for line, count in {
            "k:3": 2,
            "k:>=7 k:<20": 2,
            "params.k:3 -failed": 1,
            "silhouette>0.7": 3,
            "silhouette:>0.7 OR status:failed": 4,
            "metrics.silhouette:0.5..0.8 init:random": 2,
            "init:k-* (k:3 OR k:5)": 2,
            "k:3,5": 4,
            "no:silhouette": 1,
            "k!=3": 10,
            "status:completed,failed": 12,
            'init:"random"': 6,
        }.items():
            page.fill("#filter", line)
            assert (line, len(column("status"))) == (line, count)
        page.fill("#filter", "acuracy:>0.9")
        assert page.inner_text("#count") == "0 of 12 (no column acuracy)"
        page.fill("#filter", "")
        assert len(column("status")) == 12
        best = page.locator("#trials td.best").first
        assert best.inner_text() == "-50"
    assert look.complaints == []


def test_everything_about_a_trial_is_told(full: Experiment, tmp_path: Path) -> None:
    with looking(full.report(tmp_path / "report.html")) as look:
        told = look.page.locator("#trial-told-in-full")
        told.locator("summary").click()
        text = told.inner_text()
        assert EVIL in text
        assert "first line" in text
        assert told.locator("h1").inner_text() == "Lucky"
        assert told.locator("em").inner_text() == "chance"
        assert told.locator("figure img").evaluate("image => image.naturalWidth") > 100
        assert told.locator("figure td").all_inner_texts() == [EVIL, "0.5"]
        commit = told.locator(f"a >> text={COMMIT}")
        assert commit.get_attribute("href") == f"https://git.example.org/squad/iris/commit/{COMMIT}"
        assert "secret" not in look.page.content()
        failed = look.page.locator("details.trial", has=look.page.locator(".s-failed"))
        failed.locator("summary").click()
        assert "ValueError" in failed.locator("pre").inner_text()
        assert EVIL in failed.locator("pre").inner_text()
        drawn = look.page.locator(".graph svg").inner_html()
        assert all(name in drawn for name in ("data/iris.json", "told-in-full", "model.json"))
        assert drawn.count("<path d=") >= 2
    assert look.complaints == []


def test_it_prints_with_all_trials_open(full: Experiment, tmp_path: Path) -> None:
    with looking(full.report(tmp_path / "report.html"), scheme="dark") as look:
        look.page.emulate_media(media="print", color_scheme="dark")
        look.page.evaluate("dispatchEvent(new Event('beforeprint'))")
        look.page.wait_for_timeout(500)
        assert look.page.locator("details.trial[open]").count() == 12
        assert look.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert look.page.locator(".draw:not([data-drawn])").count() == 0
        assert len(look.page.pdf()) > 20_000
    assert look.complaints == []


@pytest.mark.parametrize("media", ["screen", "print"])
def test_all_plots_are_drawn_without_anybody_scrolling(full: Experiment, tmp_path: Path, media: str) -> None:
    with looking(full.report(tmp_path / "report.html")) as look:
        look.page.emulate_media(media=media)
        plots = look.page.locator(".draw").count()
        assert plots >= 3
        look.page.wait_for_function(
            "document.querySelectorAll('.draw > .js-plotly-plot, .draw.js-plotly-plot').length == "
            + str(plots)
        )
        look.page.screenshot(path=str(tmp_path / "page.png"), full_page=True)
    assert look.complaints == []


def test_a_logged_table_shows_as_many_digits_as_people_compare(
    experiment: Experiment, tmp_path: Path
) -> None:
    with experiment.trial("t") as trial:
        trial.log_table("scores", [{"name": "1.2.3", "f1": 0.9370629370629371, "n": 12345678901234}])
    shown = Artifacts(experiment.folder).show("t", experiment["t"].files[0])
    assert '<td class="n" title="0.9370629370629371">0.937063</td>' in shown
    assert "<td>1.2.3</td>" in shown
    assert "<td>12345678901234</td>" in shown


def test_a_figure_with_scripts_of_its_own_is_kept_in_a_box(experiment: Experiment, tmp_path: Path) -> None:
    with experiment.trial("boxed") as trial:
        trial.log_figure("own", go.Figure(go.Scatter(x=[1, 2], y=[3, 4], name=EVIL)))
    with looking(experiment.report(tmp_path / "report.html")) as look:
        look.page.click("#trial-boxed > summary")
        frame = look.page.frame_locator("iframe")
        frame.locator(".main-svg").first.wait_for()
        assert look.page.locator("iframe").get_attribute("sandbox") == "allow-scripts"
    assert look.complaints == []


def test_a_thousand_trials_fit_on_a_page(saver: Saver, tmp_path: Path) -> None:
    experiment = Experiment("many", goals={"inertia": "min"}, saver=saver)
    _train(experiment, 1000)
    path = experiment.report(tmp_path / "report.html")
    assert path.stat().st_size < 16e6
    with looking(path) as look:
        assert look.page.locator("#trials tbody tr").count() == 1000
        look.page.locator(".draw").first.scroll_into_view_if_needed()
        look.page.wait_for_selector(".main-svg", state="attached")
    assert look.complaints == []


def test_an_experiment_without_trials_has_a_report_too(experiment: Experiment, tmp_path: Path) -> None:
    with looking(experiment.report(tmp_path / "report.html")) as look:
        assert "No trial yet" in look.page.inner_text("body")
    assert look.complaints == []


def test_search_chooses_the_trials(full: Experiment, tmp_path: Path) -> None:
    text = full.report(tmp_path / "report.html", "status:failed").read_text()
    assert text.count('<details class="trial"') == 1


# The file --------------------------------------------------------------------------------------------


def test_what_was_there_is_replaced_in_one_step_or_kept(experiment: Experiment, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("old")
    assert experiment.report(str(path)) == path
    assert path.read_text().startswith("<!DOCTYPE html>")
    assert [entry.name for entry in tmp_path.iterdir() if entry.is_file()] == ["report.html"]
    with pytest.raises(StoreError, match="cannot be written"):
        experiment.report(tmp_path / "nowhere" / "report.html")
    with pytest.raises(InvalidName, match="is a folder"):
        experiment.report(tmp_path)


# Parts -----------------------------------------------------------------------------------------------


def test_only_addresses_of_the_web_become_links() -> None:
    assert link("javascript:alert(1)", "x") == "x"
    assert link("s3://bucket/key", "s3://bucket/key") == "s3://bucket/key"
    assert link('https://a/"onclick="', "x").count('"') == 4
    assert commit_address("git@git.example.org:squad/iris.git", COMMIT) == ""
    assert commit_address("https://git.example.org/squad/iris", '"><script>') == ""


def test_markdown_brings_in_nothing_from_outside() -> None:
    html = markdown("<script>alert(1)</script> ![x](http://h/i.png) [y](javascript:alert(1)) **b**")
    assert "<script" not in html
    assert "<img" not in html
    assert 'href="javascript' not in html
    assert "<strong>b</strong>" in html


def test_a_file_outside_the_trial_is_not_shown(experiment: Experiment, tmp_path: Path) -> None:
    with experiment.trial("one") as trial:
        trial.log_text("words", "fine")
    (tmp_path / "secret.txt").write_text("secret")
    shown = Artifacts(experiment.folder)
    assert "fine" in shown.show("one", {"name": "words", "file": "words.txt"})
    for file in ("../../../../secret.txt", "", "../one/files/words.txt", str(tmp_path / "secret.txt")):
        assert "no name of a file" in shown.show("one", {"name": "x", "file": file})
    assert "not on this machine" in shown.show("one", {"name": "x", "file": "gone.png"})


def test_the_graph_holds_what_a_reader_can_follow(experiment: Experiment) -> None:
    for number in range(MOST_TRIALS + 2):
        with experiment.trial(n=number) as trial:
            trial.put("model.json", {"n": number})
    graph, left = ancestry(experiment.trials())
    assert graph is not None
    assert (len(graph.nodes), left) == (2 * MOST_TRIALS, 2)
    assert ancestry([]) == (None, 0)
