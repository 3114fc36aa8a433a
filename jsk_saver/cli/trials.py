"""Commands for trials: trials list, show, compare, pull, status, sync."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jsk_saver.cli import telling
from jsk_saver.cli.failures import for_the_shell
from jsk_saver.cli.session import JsonOption, Session, StoreOption
from jsk_saver.display import Column
from jsk_saver.errors import NotFound, SettingsError, StoreError
from jsk_saver.human import width_of
from jsk_saver.terminal import note, say, say_table
from jsk_saver.wording import count

if TYPE_CHECKING:
    from jsk_saver.cli.syncing import Sync
    from jsk_saver.tracking import Experiment

app = typer.Typer(
    no_args_is_help=True, help="Trials of experiments: what came out, and what is still to be sent."
)

#: ``-draft`` in a search is no option.
_DASHES = {"ignore_unknown_options": True, "help_option_names": ["-h", "--help"]}
_Experiment = Annotated[str, typer.Argument(metavar="EXPERIMENT", help="Its name.")]
_Search = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="SEARCH",
        help="Which trials: 'k:>=3 loss:<0.2 OR status:failed'; all without it.",
        show_default=False,
    ),
]
#: Columns of names, beyond which values do not stand below each other.
_WIDEST = 40
_COLUMNS = ["experiment", "trial", "status", "started", "params", "metrics"]
_UNSENT: list[Column | str] = [
    "trials",
    Column("sink"),
    "events",
    "points",
    Column("since", optional=True),
    Column("why", optional=True),
]


# What is known ------------------------------------------------------------------------------------


@app.command("list", context_settings=_DASHES)
def list_(
    context: typer.Context,
    experiment: Annotated[
        str | None, typer.Argument(metavar="[EXPERIMENT]", help="Its name; all without.", show_default=False)
    ] = None,
    search: _Search = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the trials of an experiment, or of all, the oldest first."""
    session = Session(context, store, as_json)
    names = [experiment] if experiment else _experiments(session)
    with telling.in_the_shell("list", experiment or ""):
        found = [known for name in names for known in experiment_of(session, name).trials(_line(search))]
    if not session.answer([telling.as_json(known) for known in found]):
        if found:
            say_table(
                ["experiment", "trial", "status", "started", "params", "metrics"], map(telling.row, found)
            )
        else:
            note("There is no such trial." if names else "There is no trial yet.")
    if not found:
        raise typer.Exit(NotFound.exit_code)


@app.command()
def show(
    context: typer.Context,
    trial: Annotated[str, typer.Argument(metavar="EXPERIMENT/TRIAL", help="Which.")],
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell everything that is known about a trial, and where it was sent."""
    from jsk_saver.tracking.showing import story
    from jsk_saver.tracking.sinks import standing

    session = Session(context, store, as_json)
    experiment, name = _split(trial)
    with telling.in_the_shell("list", experiment):
        known = experiment_of(session, experiment)[name]
    sinks = [
        item
        for item in standing.every(_journal(session))
        if (item.experiment, item.trial) == (experiment, known.name)
    ]
    if session.answer({**telling.as_json(known), "sinks": [telling.standing_json(item) for item in sinks]}):
        return
    say(f"{known.experiment}/{known.name}  {known.status}")
    for title, values in story(known):
        if values:
            say(f"\n{title}")
            widest = min(max(width_of(key) for key, value in values), _WIDEST)
            for key, value in values:
                say(f"  {key}{' ' * (widest - width_of(key))}  {value}".rstrip())
    for item in sinks:
        where = item.memory.get("url", item.memory.get("run", ""))
        say(f"\n{telling.public(item.sink)}\n  {telling.told(item)}  {where}".rstrip())
    if known.error:
        say(f"\n{known.error}")


@app.command(context_settings=_DASHES)
def compare(
    context: typer.Context,
    experiment: _Experiment,
    search: _Search = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show trials side by side: parameters, metrics, inputs, commit."""
    session = Session(context, store, as_json)
    with telling.in_the_shell("compare", experiment):
        frame = experiment_of(session, experiment).compare(_line(search))
    records = frame.reset_index().to_dict("records")
    rows = [{name: telling.plain(value) for name, value in row.items()} for row in records]
    if not session.answer(rows):
        if rows:
            columns, shown, same = telling.side_by_side(frame)
            say_table(columns, shown, count(len(rows), "trial"))
            if same:
                note(f"The same in all: {same}")
        else:
            note("There is no such trial.")
    if not rows:
        raise typer.Exit(NotFound.exit_code)


@app.command()
def pull(
    context: typer.Context,
    experiment: Annotated[
        str | None,
        typer.Argument(
            metavar="[EXPERIMENT]", help="Its name; all that are known here without.", show_default=False
        ),
    ] = None,
    source: Annotated[
        str,
        typer.Option(
            "--from", metavar="SOURCE", help="store, sagemaker, mlflow, or mlflow: and its address."
        ),
    ] = "store",
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring in trials that others tracked, as read-only copies: those that are new, or have gone on."""
    from jsk_saver.tracking import Experiment

    session = Session(context, store, as_json)
    names = [experiment] if experiment else _experiments(session)
    brought = []
    for name in names:
        with _made_only_if_found(session, name, source):
            pulled = Experiment(name, sinks=(), saver=session.saver).pull(source)
            brought.append(
                {"experiment": name, "from": pulled.source, "new": pulled.new, "grown": pulled.grown}
            )
            if not session.as_json:
                say(f"{name}: {pulled!r}")
    if not session.answer(brought) and not names:
        note("There is no experiment yet; name one: jsk trials pull EXPERIMENT")


@contextmanager
def _made_only_if_found(session: Session, name: str, source: str) -> Iterator[None]:
    """Have no experiment made by looking for one that nobody has."""
    folder = _journal(session) / name
    is_new = name not in _experiments(session)
    try:
        yield
    except SettingsError as error:
        if "experiment.pull" in error.hint:
            error.hint = f"jsk trials pull {name} --from=store    # or sagemaker, mlflow, mlflow:http://…"
        raise
    finally:
        empty = is_new and folder.is_dir() and not any(path.is_dir() for path in folder.iterdir())
        if empty:
            with suppress(OSError):
                for path in folder.iterdir():
                    path.unlink()
                folder.rmdir()
    if empty:
        hint = f"jsk trials pull {name} --from=sagemaker    # or mlflow, mlflow:http://…"
        where = session.saver.store.uri if source == "store" else telling.public(source)
        raise NotFound(f"There is no experiment {name!r} in {where}.", hint=hint)


# What is to be sent ---------------------------------------------------------------------------------


@app.command()
def status(context: typer.Context, store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Tell what has not been sent yet, since when and why, and what was refused for good."""
    from jsk_saver.cli import waiting
    from jsk_saver.tracking.sinks import standing

    session = Session(context, store, as_json)
    found = standing.every(_journal(session))
    told = [item for item in found if item.unsent or item.why or item.refused]
    if session.answer([telling.standing_json(item) for item in told]):
        return
    unsent = [item for item in told if item.unsent or item.why]
    if unsent:
        say_table(_UNSENT, waiting.rows(unsent), f"{count(len(unsent), 'trial')} to be sent")
        if not _is_served(_journal(session)):
            note("  Nobody is sending now: after an hour of nothing but failures, the kit waits to be told.")
        note("  Next: jsk trials sync")
        for sink in dict.fromkeys(telling.public(item.sink) for item in unsent if item.why):
            note(f"        jsk trials sync --forget {sink}    # if it is not to be sent there")
    else:
        say("Everything has been sent." if found else "No trial is to be sent anywhere.")
    for line in waiting.refusals(told):
        say(line)


@app.command()
def sync(
    context: typer.Context,
    trial: Annotated[
        str | None,
        typer.Argument(
            metavar="[EXPERIMENT[/TRIAL]]",
            help="Which --anew, --to or --forget; all without.",
            show_default=False,
        ),
    ] = None,
    anew: Annotated[
        bool, typer.Option("--anew", help="Send all of it once more; nothing will be there twice.")
    ] = False,
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="SINK", help="Another place: mlflow:http://…", show_default=False),
    ] = None,
    forget: Annotated[
        str | None,
        typer.Option(
            "--forget",
            metavar="SINK",
            help="Send nothing there any more; what is there stays. Alone, it sends nothing at all.",
            show_default=False,
        ),
    ] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send now what has not been sent; says what was sent, and what is left and why."""
    from jsk_saver.cli.syncing import Sync

    session = Session(context, store, as_json)
    work = Sync(_journal(session), {"store": session.saver.store.uri, **session.connection.overrides})
    if trial and not (anew or to or forget):
        raise typer.BadParameter(
            "Which trial is said with --anew, --to or --forget; without them, all that waits is sent."
        )
    experiment, _, name = (trial or "").partition("/")
    if forget:
        work.forget(forget, experiment, name)
    if anew or to:
        names = [experiment] if experiment else _experiments(session)
        known = [
            known
            for one in names
            for known in experiment_of(session, one).trials()
            if name in ("", known.name)
        ]
        if trial and not known:
            raise NotFound(f"There is no trial {trial!r}.", hint="jsk trials list")
        work.order(known, anew=anew, to=to)
    if anew or to or not forget:
        work.run()
    if not session.answer(work.to_dict()):
        _say_sync(work)
    if work.left:
        raise typer.Exit(StoreError.exit_code)


def _say_sync(work: Sync) -> None:
    from jsk_saver.cli import waiting

    for item in work.sent:
        say(f"sent   {item.experiment}/{item.trial}  {telling.amount(item)}  to {telling.public(item.sink)}")
    for line in waiting.left(work.left):
        say(line)
    for group in waiting.grouped(work.forgotten):
        say(f"forgot {waiting.whose(group)}  for {telling.public(group[0].sink)}")
    if not work.sent and not work.left and not work.forgotten:
        say("Nothing is to be sent.")
    for hint in dict.fromkeys(work.hints):
        note(f"  Next: {for_the_shell(hint)}")


def _is_served(journal: Path) -> bool:
    from jsk_saver.tracking.sinks import courier

    try:
        return courier.is_at_work(journal)
    except OSError:  # a journal that we may only read
        return True


# Names ----------------------------------------------------------------------------------------------


def _journal(session: Session) -> Path:
    return session.saver.settings.home / "journal"


def _experiments(session: Session) -> list[str]:
    """Return the names of all experiments."""
    try:
        inside = list(_journal(session).iterdir())
    except FileNotFoundError:
        return []
    return sorted(path.name for path in inside if path.is_dir() and not path.name.startswith("."))


def experiment_of(session: Session, name: str) -> Experiment:
    """Return an experiment that is there; none is made by looking."""
    if name not in _experiments(session):
        raise NotFound(f"There is no experiment {name!r}.", hint="jsk trials list")
    from jsk_saver.tracking import Experiment

    return Experiment(name, sinks=(), saver=session.saver)


def _split(trial: str) -> tuple[str, str]:
    experiment, between, name = trial.partition("/")
    if not between:
        raise typer.BadParameter(f"A trial is named EXPERIMENT/TRIAL, not {trial!r}.")
    return experiment, name


def _line(search: list[str] | None) -> str | None:
    return " ".join(search or ()) or None
