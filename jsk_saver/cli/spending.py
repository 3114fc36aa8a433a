"""``jsk costs``: what an experiment, a squad and a user spent, and what a trial cost."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jsk_saver.cli import running
from jsk_saver.cli.configuring import PANEL
from jsk_saver.cli.money import amounts, cell, money
from jsk_saver.cli.session import JsonOption, Session
from jsk_saver.display import Column
from jsk_saver.errors import JskError, NotFound, QueryError
from jsk_saver.terminal import note, say, say_json, say_table, style
from jsk_saver.wording import count

if TYPE_CHECKING:
    from jsk_saver.costs.explorer import Answer, Question
    from jsk_saver.costs.spent import Sum
    from jsk_saver.costs.trials import TrialCost
    from jsk_saver.settings import Settings
    from jsk_saver.tracking.state import TrialState

#: Seconds without a sign of anybody, and seconds of running where no sign of anybody can be told from
#: Studio's own health checks, after which an app is told of.
_IDLE, _LONG = 2 * 3600, 12 * 3600
#: Rows of a table of days, unless days were asked for.
_DAYS = 14
#: By which tags of this project costs are narrowed, and by which where squads or experiments are compared.
_OWN = ("squad", "experiment")
_NARROWED: dict[str, tuple[str, ...]] = {"squad": (), "experiment": ("squad",)}
_Tag = Annotated[str | None, typer.Option(metavar="NAME", help="Only this one.", show_default=False)]


def _ways(incomplete: str) -> list[str]:
    """Return ways of adding up that begin so, for the shell."""
    from jsk_saver.costs.spent import WAYS

    return [way for way in WAYS if way.startswith(incomplete)]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(rich_help_panel=PANEL)(costs)


def costs(
    context: typer.Context,
    since: Annotated[str, typer.Option(help="30d, 2w, month, or a day: 2026-11-01 (UTC).")] = "30d",
    by: Annotated[
        str | None,
        typer.Option(
            help="day, service, instance, squad, experiment or user. Default: the first three.",
            autocompletion=_ways,
            show_default=False,
        ),
    ] = None,
    experiment: _Tag = None,
    squad: _Tag = None,
    user: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Only this user. With none of the three: this project's squad and experiment.",
            show_default=False,
        ),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="All squads, not only this project's experiment.")
    ] = False,
    trial: Annotated[
        str | None,
        typer.Option(
            metavar="EXPERIMENT[/TRIAL]",
            help="What a trial cost, or each of an experiment; asks Cost Explorer nothing.",
            show_default=False,
        ),
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Ask now: a cent a request. Else answers count for 6 hours.")
    ] = False,
    apps: Annotated[bool, typer.Option(help="Tell of apps that run and nobody uses.")] = True,
    region: Annotated[str | None, typer.Option(help="Of apps and trials.", show_default=False)] = None,
    as_json: JsonOption = False,
) -> None:
    """Tell what was spent, by the cost tags of the platform: per day, service and instance type."""
    from jsk_saver.costs import explorer
    from jsk_saver.costs.answers import Answers
    from jsk_saver.settings import load

    session = Session(context, None, as_json)
    settings = load()
    if trial is not None:
        _say_trials(session, trial, region, settings)
        return
    question = _question(since, by, {"experiment": experiment, "squad": squad, "user": user}, everything)
    answer = explorer.ask(question, Answers(settings.home / "costs"), profile=settings.profile, fresh=fresh)
    ways = (by or question.by,) if by or question.by else ("day", "service", "instance")
    idle, why = _idle_apps(session, region, dict(question.tags)) if apps else ([], "")
    if session.as_json:
        say_json(_as_json(question, answer, ways, idle if apps else None, why))
        return
    _say(question, answer, ways, asked_for=by)
    _say_idle(idle, why)


def _question(since: str, by: str | None, named: dict[str, str | None], everything: bool) -> Question:
    from jsk_saver.configuring import platform
    from jsk_saver.costs import explorer, spent

    if by is not None and by not in spent.WAYS:
        raise QueryError(
            f"Costs cannot be told by {by!r}.", hint=f"jsk costs --by service    # or {', '.join(spent.WAYS)}"
        )
    start, end = spent.period(since, dt.datetime.now(dt.UTC).date())
    tags = {name: value for name, value in named.items() if value}
    if not tags and not everything:
        known = platform.load()
        tags = {name: str(known[name]) for name in _NARROWED.get(by or "", _OWN) if known.get(name)}
    split = by if by in explorer.TAGS else None if tags or by else "squad"
    return explorer.Question(start, end, tuple(tags.items()), split or "")


# What is shown --------------------------------------------------------------------------------------


def _say(question: Question, answer: Answer, ways: tuple[str, ...], *, asked_for: str | None) -> None:
    from jsk_saver.costs import spent

    whole = spent.total(answer)
    last = question.end - dt.timedelta(days=1)
    say(style(f"{_whose(question)}, {question.start} to {last} (UTC)", "bold"))
    part = f", of which {money(whole.estimated, answer.currency)} is estimated" if whole.estimated else ""
    part = ", all of it estimated" if part and whole.estimated == whole.cost else part
    say(f"{money(whole.cost, answer.currency)}{part}")
    if not answer.lines:
        _say_nothing(question)
    for way in ways if answer.lines else ():
        say("")
        _table(way, spent.by(answer, way), answer, asked_for)
    _say_source(answer)


def _whose(question: Question) -> str:
    if not question.tags:
        return "All squads"
    return ", ".join(f"{name} {value}" for name, value in question.tags)


def _table(way: str, sums: list[Sum], answer: Answer, asked_for: str | None) -> None:
    from jsk_saver.costs.spent import number

    shown = sums if asked_for or way != "day" else sums[-_DAYS:]
    rows = [_told(one) for one in shown]
    unit = "$" if answer.currency == "USD" else answer.currency
    columns: list[Column | str] = [Column("name", "path", title=way, narrowest=12), amounts("cost", unit)]
    if way == "instance":
        columns += [Column("hours", "money", digits=1), Column("used", title="for")]
    elif way == "day":
        columns.append("state")
    say_table(columns, rows)
    if len(shown) < len(sums):
        rest = money(sum(number(one.cost) for one in sums[: -len(shown)]), answer.currency)
        note(f"({count(len(sums) - len(shown), 'day')} before, {rest}: jsk costs --by day)")


def _told(one: Sum) -> dict[str, Any]:
    told = one.to_dict()
    state = "estimated" if one.estimated else "final" if one.cost else ""
    return {**told, "hours": told.get("hours", ""), "used": told.get("used", ""), "state": state}


def _say_nothing(question: Question) -> None:
    from jsk_saver.costs.explorer import TAGS

    names = ", ".join(f"jsk:{name}" for name in TAGS)
    note(
        f"Nothing was billed with these tags. They count from the day they are activated in Billing "
        f"({names}), not before, and take up to a day."
    )
    if question.tags:
        note("  Next: jsk costs --all --by experiment    # which experiments are known")


def _say_source(answer: Answer) -> None:
    from jsk_saver.costs.explorer import REQUEST
    from jsk_saver.durations import told

    if answer.requests:
        price = money(REQUEST * answer.requests)
        after = "The answer counts for 6 hours" if answer.kept else "It could not be kept: the next costs too"
        note(f"{count(answer.requests, 'request')} to Cost Explorer: {price}. {after}.")
    else:
        age = told((dt.datetime.now(dt.UTC) - answer.asked).total_seconds())
        note(f"As asked {age} ago, at no cost; --fresh asks again: ${REQUEST} a request.")


def _as_json(
    question: Question, answer: Answer, ways: tuple[str, ...], idle: list[dict[str, Any]] | None, why: str
) -> dict[str, Any]:
    from jsk_saver.costs import spent
    from jsk_saver.costs.explorer import REQUEST

    whole = spent.total(answer)
    return {
        "start": question.start.isoformat(),
        "end": question.end.isoformat(),
        "tags": dict(question.tags),
        "currency": answer.currency,
        "total": spent.number(whole.cost),
        "estimated": spent.number(whole.estimated),
        "estimated_days": sorted(day.isoformat() for day in answer.estimated),
        **{f"by_{way}": [one.to_dict() for one in spent.by(answer, way)] for way in ways},
        "asked": answer.asked.isoformat(),
        "requests": answer.requests,
        "requests_cost": spent.number(REQUEST * answer.requests),
        "idle_apps": idle,
        "apps_unknown": why or None,
    }


# Apps that nobody uses ------------------------------------------------------------------------------


def _idle_apps(
    session: Session, region: str | None, tags: dict[str, str]
) -> tuple[list[dict[str, Any]], str]:
    """Return apps of those whose costs are told that are idle, or may well be; and why that is not known."""
    try:
        asked = running.look(session, None, region)
    except JskError as error:
        return [], f"Whether apps run idle is not known: {error.what}"
    rows = running.rows(asked)
    # What has no tag may be anybody's, and costs too.
    theirs = [one for one in rows if all(one[name] in ("", value) for name, value in tags.items())]
    return [one for one in theirs if _is_idle(one)], "\n".join(asked.running.notes)


def _is_idle(one: dict[str, Any]) -> bool:
    if one["status"] == "Deleting":
        return False
    maybe = not one["idle_exact"] and (one["running_seconds"] or 0) >= _LONG
    return running.is_idle(one, _IDLE) or maybe


def _say_idle(idle: list[dict[str, Any]], why: str) -> None:
    from jsk_saver.durations import told

    if why:
        note(why)
    for one in idle:
        price = one["price_per_hour"]
        hourly = "at an unknown price" if price is None else f"at {money(price)} an hour"
        seen = one["idle_seconds"]
        if running.is_idle(one, _IDLE):
            state = f"nobody has used it for {told(seen)}{'' if one['idle_exact'] else ' or longer'}"
        else:
            state = "whether anybody uses it, Studio does not tell"
        note(
            f"{style('Running:', 'yellow')} {one['name']} on {one['instance'] or 'an unknown instance'} for "
            f"{told(one['running_seconds'] or 0)} {hourly}; {state}."
        )
    if idle:
        note("  Next: jsk apps    # then jsk apps stop NAME")


# Trials ---------------------------------------------------------------------------------------------


def _say_trials(session: Session, which: str, region: str | None, settings: Settings) -> None:
    from jsk_saver.costs.answers import Answers
    from jsk_saver.costs.prices import Prices
    from jsk_saver.costs.trials import cost_of, region_of

    answers = Answers(settings.home / "costs")
    known: dict[str, Prices] = {}
    found: list[TrialCost] = []
    for state in _trials(session, which):
        place = region or region_of(state.environment) or _region(settings)
        prices = known.setdefault(place, Prices(place, answers, profile=settings.profile, ask=bool(place)))
        found.append(cost_of(f"{state.experiment}/{state.name}", state.environment, _seconds(state), prices))
    if session.answer([one.to_dict() for one in found]):
        return
    _trial_table(found)
    for line in dict.fromkeys(line for prices in known.values() for line in prices.notes):
        note(line)


def _seconds(state: TrialState) -> float | None:
    """Return how long a trial took, or has run until now; None if that is not known."""
    if state.seconds is not None or state.status != "running" or not state.started:
        return state.seconds  # a trial of this moment may not have noted yet when it started
    # The clock of another machine may be ahead of this one's.
    return max(0.0, dt.datetime.now(dt.UTC).timestamp() - state.started)


def _trials(session: Session, which: str) -> list[TrialState]:
    from jsk_saver.cli import telling, trials

    name, _, one = which.partition("/")
    with telling.in_the_shell("list", name):
        experiment = trials.experiment_of(session, name)
        found = [experiment[one]] if one else list(experiment.trials())
    if not found:
        raise NotFound(f"{name} has no trial.", hint="jsk trials list")
    return found


def _region(settings: Settings) -> str:
    """Return the region that is set here; empty without one: the price is unknown then."""
    from jsk_saver.costs.clients import region_of

    try:
        return settings.region or region_of(settings.profile)
    except JskError:
        return ""


def _trial_table(found: list[TrialCost]) -> None:
    from jsk_saver.durations import told

    rows = [
        {
            "trial": one.trial,
            "instance": one.instance or "none",
            "took": "unknown" if one.seconds is None else told(one.seconds),
            "price": cell(one.price.hourly),
            "cost": cell(one.cost),
        }
        for one in found
    ]
    columns: list[Column | str] = [Column("trial", "path", narrowest=20), Column("instance"), Column("took")]
    say_table([*columns, amounts("price", "$/h", 4), amounts("cost", "$", 4)], rows)
    if len(found) > 1 and any(one.cost is not None for one in found):
        known = "" if all(one.cost is not None for one in found) else ", as far as it is known"
        note(f"Together {money(sum(one.cost or 0.0 for one in found))}{known}.")
    for source in dict.fromkeys(one.price.source for one in found if one.cost is not None):
        note(f"Price of Studio's JupyterLab: {source}. It is the share of one trial alone in its app.")
    for why in dict.fromkeys(one.why for one in found if one.why):
        note(f"Unknown: {why}.")
