"""``jsk apps``: what runs in Studio, what it costs an hour, and stopping it."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jsk_saver.cli.failures import refused, typed
from jsk_saver.cli.money import amounts, cell, money
from jsk_saver.cli.session import Defaults, JsonOption, Session, YesOption
from jsk_saver.display import Column, text_table
from jsk_saver.errors import AccountError, QueryError
from jsk_saver.terminal import note, say, say_table
from jsk_saver.wording import count

if TYPE_CHECKING:
    from jsk_saver.costs.apps import App, Running
    from jsk_saver.costs.prices import Price

app = typer.Typer(help="What runs in Studio: for how long, for whom, at what price; and stopping it.")

#: What an idle time with ≥ before it means.
NOT_EXACT = (
    "≥: Studio's own health check was the last to touch an app, and counts as a user: it may be idle for "
    "longer."
)
_HERE = "This command runs in it."
_Idle = Annotated[
    str | None,
    typer.Option(
        "--idle", metavar="TIME", help="Only those idle for so long: 90m, 2h, 3d.", show_default=False
    ),
]
_Domain = Annotated[
    str | None,
    typer.Option(
        "--domain",
        metavar="DOMAIN",
        help="Of this Studio domain, or all. Default: that of the project, or all.",
        show_default=False,
    ),
]
_Region = Annotated[
    str | None, typer.Option("--region", help="Default: JSK_REGION, or boto3's.", show_default=False)
]


@dataclass(frozen=True)
class Asked:
    """What was looked at, and what it costs.

    Parameters
    ----------
    client
        boto3's, of SageMaker.
    running
        What runs.
    prices
        Of an hour of each app, in the same order.
    notes
        What is not known, and why.
    now
        When.
    where
        Region, and domain if it is only one.
    """

    client: Any
    running: Running
    prices: list[Price]
    notes: list[str]
    now: dt.datetime
    where: str


@app.callback(invoke_without_command=True)
def list_(
    context: typer.Context,
    idle: _Idle = None,
    domain: _Domain = None,
    region: _Region = None,
    as_json: JsonOption = False,
) -> None:
    """List what runs in Studio now: it costs from when it starts until it is stopped."""
    if context.invoked_subcommand:
        before = context.obj if isinstance(context.obj, Defaults) else Defaults()
        context.obj = Defaults(before.store, before.as_json or as_json)
        if idle or domain or region:
            raise typer.BadParameter(f"Options stand behind {context.invoked_subcommand}.")
        return
    session = Session(context, None, as_json)
    longest = _seconds(idle)
    asked = look(session, domain, region)
    shown = [one for one in rows(asked) if longest is None or is_idle(one, longest)]
    if session.answer(shown):
        return
    if shown:
        _say(shown, asked)
    else:
        _say_nothing(asked)
    for line in asked.notes:
        note(line)


@app.command()
def stop(
    context: typer.Context,
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME", help="Which, as jsk apps names them.", show_default=False),
    ] = None,
    idle: _Idle = None,
    yes: YesOption = False,
    domain: _Domain = None,
    region: _Region = None,
    as_json: JsonOption = False,
) -> None:
    """Stop apps: what kernels hold in memory is lost, files are not."""
    from jsk_saver.costs import stopping

    session = Session(context, None, as_json)
    longest = _seconds(idle)
    if bool(names) == (longest is not None):
        raise QueryError("Which apps: names, or --idle?", hint="jsk apps    # then jsk apps stop NAME")
    asked = look(session, domain, region)
    listed = asked.running.apps
    doomed = stopping.chosen(listed, names) if names else stopping.idle_for(listed, longest or 0.0, asked.now)
    if not doomed:
        if not session.answer([]):
            _say_nothing(asked)
        return
    if not yes:
        _ask(session, asked, doomed, _again(names, idle, domain, region))
    _stop(session, asked, doomed, longest)


def look(session: Session, domain: str | None, region: str | None) -> Asked:
    """Return what runs, and at what price."""
    from jsk_saver.configuring import platform
    from jsk_saver.costs import apps
    from jsk_saver.costs.answers import Answers
    from jsk_saver.costs.clients import connect
    from jsk_saver.costs.prices import Prices
    from jsk_saver.settings import load

    settings = load(store=session.store)
    client = connect("sagemaker", region=region or settings.region, profile=settings.profile)
    wanted = domain or str(platform.load().get("domain_id", ""))
    wanted = "" if wanted == "all" else wanted
    running = apps.running(client, wanted)
    place = client.meta.region_name
    where = f"{place}, {f'domain {wanted}' if wanted else 'all domains'}"
    prices = Prices(place, Answers(settings.home / "costs"), profile=settings.profile)
    told = [prices.of(one.instance, one.kind) for one in running.apps]
    notes = [*running.notes, *prices.notes]
    return Asked(client, running, told, notes, dt.datetime.now(dt.UTC), where)


# What is shown --------------------------------------------------------------------------------------


def rows(asked: Asked) -> list[dict[str, Any]]:
    """Return what is known about each app, as JSON has it."""
    from jsk_saver.costs import apps

    priced = dict(zip(map(id, asked.running.apps), asked.prices, strict=True))
    return [
        _row(name, one, priced[id(one)], asked.now) for name, one in apps.names(asked.running.apps).items()
    ]


def _row(name: str, one: App, price: Price, now: dt.datetime) -> dict[str, Any]:
    idle, running = one.idle(now), one.running(now)
    cost = None if running is None else price.of(running)
    return {
        "name": name,
        "app": one.kind,
        "domain": one.domain,
        ("space" if one.in_space else "user_profile"): one.owner,
        "app_name": one.name,
        "status": one.status,
        "user": one.tag("user") or one.who,
        "squad": one.tag("squad"),
        "experiment": one.tag("experiment"),
        "instance": one.instance,
        "started": one.created.astimezone(dt.UTC).isoformat() if one.created else None,
        "running_seconds": None if running is None else round(running),
        "last_seen": one.seen.astimezone(dt.UTC).isoformat() if one.seen else None,
        "idle_seconds": None if idle.seconds is None else round(idle.seconds),
        "idle_exact": idle.exact,
        "price_per_hour": price.hourly,
        "price_source": price.source,
        "cost_so_far": None if cost is None else round(cost, 6),
        "here": one.is_here,
        "arn": one.arn,
    }


def _say(shown: Sequence[dict[str, Any]], asked: Asked) -> None:
    several = len({one["domain"] for one in shown}) > 1
    columns: list[Column | str] = [
        Column("name", "path", narrowest=16),
        Column("app"),
        *([Column("domain", "path")] if several else []),
        Column("instance", narrowest=14),
        Column("user"),
        Column("experiment", "path"),
        *([Column("status")] if any(one["status"] != "InService" for one in shown) else []),
        Column("running"),
        Column("idle"),
        amounts("price_per_hour", "$/h", 4),
        amounts("cost_so_far", "$ so far"),
    ]
    say_table(columns, [_told(one) for one in shown], _title(shown))
    note(_hourly(shown))
    if any(one["idle_seconds"] is not None and not one["idle_exact"] for one in shown):
        note(NOT_EXACT)
    sources = dict.fromkeys(one["price_source"] for one in shown if one["price_per_hour"])
    if sources:
        note(f"Prices: {'; '.join(sources)}; on demand, {asked.client.meta.region_name}.")
    note("  Next: jsk apps stop NAME    # or all that are idle: jsk apps stop --idle 2h")


def is_idle(one: dict[str, Any], longest: float) -> bool:
    """Tell whether an app is known to be idle for so many seconds."""
    return one["idle_seconds"] is not None and one["idle_seconds"] >= longest


def _say_nothing(asked: Asked) -> None:
    what = "No app is known to be idle for so long." if asked.running.apps else "No app runs."
    note(f"{what} Looked at: {asked.where}.")
    if any(one.seen is not None and not one.idle(asked.now).exact for one in asked.running.apps):
        note(NOT_EXACT)


def _told(one: dict[str, Any]) -> dict[str, Any]:
    from jsk_saver.durations import told

    idle, running = one["idle_seconds"], one["running_seconds"]
    whose = [one["squad"], one["experiment"]]
    return {
        **one,
        "experiment": "/".join(filter(None, whose)) or "unknown",
        "user": one["user"] or "unknown",
        "instance": one["instance"] or "unknown",
        "running": "unknown" if running is None else told(running),
        "idle": "unknown" if idle is None else ("" if one["idle_exact"] else "≥ ") + told(idle),
        "price_per_hour": cell(one["price_per_hour"]),
        "cost_so_far": cell(one["cost_so_far"]),
    }


def _title(shown: Sequence[dict[str, Any]]) -> str:
    return f"{count(len(shown), 'app')} in Studio"


def _hourly(shown: Sequence[dict[str, Any]]) -> str:
    staying = [one for one in shown if one["status"] != "Deleting"]
    known = [one["price_per_hour"] for one in staying if one["price_per_hour"] is not None]
    unknown = len(staying) - len(known)
    line = f"Together {money(sum(known))} an hour, {money(24 * sum(known))} a day"
    if unknown:
        line = f"{line}, and {count(unknown, 'app')} of unknown price" if known else "No price is known"
    if len(staying) < len(shown):
        line = f"{line}, without {count(len(shown) - len(staying), 'app')} being stopped"
    return f"{line}."


# Stopping -------------------------------------------------------------------------------------------


def _stop(session: Session, asked: Asked, doomed: Sequence[App], longest: float | None) -> None:
    from jsk_saver.costs import apps, stopping

    short = {id(one): name for name, one in apps.names(asked.running.apps).items()}
    outcomes: list[dict[str, Any]] = []
    try:
        for outcome in stopping.stop(asked.client, doomed, idle=longest):
            name = short[id(outcome.app)]
            outcomes.append({"name": name, "stopped": outcome.stopped, "why": outcome.why})
            if not session.as_json:
                say(f"{name} is stopping." if outcome.stopped else f"{name} was left alone: {outcome.why}")
    finally:  # whoever interrupts it is told what was done
        session.answer(outcomes)
    left = [one for one in outcomes if not one["stopped"]]
    if left and any("AWS" in one["why"] for one in left):
        raise AccountError(
            f"{count(len(left), 'app')} could not be stopped.", hint="jsk apps    # shows what still runs"
        )
    anew = [one["name"] for one in left if one["why"] == stopping.ANEW]
    if anew:
        raise refused(
            f"{', '.join(anew)}: not stopped, as it is not what was listed.",
            kept="It runs.",
            hint=typed("jsk", "apps", "stop", *anew),
        )


def _ask(session: Session, asked: Asked, doomed: Sequence[App], again: str) -> None:
    """Ask whether apps are to be stopped.

    Raises
    ------
    JskError
        If the answer is no, or nobody is there to answer; the command then exits with 5.
    """
    from jsk_saver.costs import apps, stopping

    short = {id(one): name for name, one in apps.names(asked.running.apps).items()}
    what = ", ".join(short[id(one)] for one in doomed)
    if sys.stdin is None or not sys.stdin.isatty():
        raise refused(f"{what}: not stopped, as nobody could be asked.", kept="All of it runs.", hint=again)
    listed = [one for one in rows(asked) if one["name"] in {short[id(one)] for one in doomed}]
    columns: list[Column | str] = ["name", "user", "experiment", "running", "idle", "instance"]
    if session.as_json:  # whoever is asked sees it, and the program gets nothing but the answer
        note(text_table(columns, [_told(one) for one in listed]))
    else:
        say_table(columns, [_told(one) for one in listed])
    note(stopping.LOST)
    note(stopping.KEPT)
    if any(one.is_here for one in doomed):
        note(f"{', '.join(short[id(one)] for one in doomed if one.is_here)}: {_HERE}")
    try:
        agreed = typer.confirm(f"Stop {count(len(doomed), 'app')}?", err=True)
    except typer.Abort:
        agreed = False
    if not agreed:
        raise refused(f"{what}: not stopped.", kept="All of it runs.", hint=again)


def _again(names: Sequence[str] | None, idle: str | None, domain: str | None, region: str | None) -> str:
    options = {"--idle": idle, "--domain": domain, "--region": region}
    return typed("jsk", "apps", "stop", *(names or ()), **options) + " --yes"


def _seconds(idle: str | None) -> float | None:
    from jsk_saver.durations import seconds

    return None if idle is None else seconds(idle)
