"""Commands for objects that could not be sent: spool list, spool push, spool drop."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from jsk_saver.cli.failures import for_the_shell
from jsk_saver.cli.keeping import ask
from jsk_saver.cli.session import JsonOption, Session, StoreOption, YesOption
from jsk_saver.display import Column
from jsk_saver.errors import IntegrityError, JskError, NotFound, StoreError
from jsk_saver.human import human_size
from jsk_saver.saved import Saved
from jsk_saver.settings import REACHING
from jsk_saver.spool import Damaged
from jsk_saver.terminal import note, say, say_table
from jsk_saver.wording import count

if TYPE_CHECKING:
    from jsk_saver.connection import Connection
    from jsk_saver.spool import Waiting

app = typer.Typer(no_args_is_help=True, help="Objects that could not be sent, and wait on this machine.")

_COLUMNS: list[Column | str] = [
    "name",
    "size",
    "since",
    Column("store"),
    Column("reason", optional=True),
    "id",
]


@app.command("list")
def list_(context: typer.Context, store: StoreOption = None, as_json: JsonOption = False) -> None:
    """List what is waiting, oldest first; with --store, only for that store."""
    session = Session(context, store, as_json)
    waiting, damaged = _waiting(session), session.connection.spool.damaged()
    if not session.answer([*(item.to_dict() for item in waiting), *(item.to_dict() for item in damaged)]):
        _say_waiting(waiting, quiet=bool(damaged))
        for item in damaged:
            say(f"damaged  {item.id}: {item.what}")
            note(f"  Next: {item.error().hint}")
    if damaged:
        raise typer.Exit(IntegrityError.exit_code)


def _say_waiting(waiting: list[Waiting], *, quiet: bool) -> None:
    if not waiting:
        if not quiet:
            say("Nothing is waiting.")
        return
    rows = [
        {
            "name": item.record.name,
            "size": item.record.size,
            "since": item.since,
            "store": f"{item.store} at {item.server}" if "://" in item.server else item.store,
            "reason": item.reason,
            "id": item.id,
        }
        for item in waiting
    ]
    say_table(_COLUMNS, rows, f"{count(len(waiting), 'object')} waiting")


@app.command()
def push(
    context: typer.Context,
    ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="ID", help="Which, as listed; all without one.", show_default=False),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Also what was saved again or deleted since: make it the newest.")
    ] = False,
    profile: Annotated[
        str | None, typer.Option(help="With another AWS profile than it was saved with.", show_default=False)
    ] = None,
    region: Annotated[
        str | None, typer.Option(help="For another region than it was saved for.", show_default=False)
    ] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send what is waiting, each to the store and server it was saved for.

    Says what was sent, and what still waits and why. What was saved again or deleted after it waits until
    you say --force, or drop it.
    """
    session = Session(context, store, as_json)
    waiting, damaged = _waiting(session), session.connection.spool.damaged()
    if ids:
        _require_known(ids, [*waiting, *damaged])
        waiting = [item for item in waiting if item.id in ids]
        damaged = [item for item in damaged if item.id in ids]
    given = {name: value for name, value in (("profile", profile), ("region", region)) if value is not None}
    sender = _Sender(session, given, force=force)
    sender.failed += [(item, item.error()) for item in damaged]
    for item in waiting:
        sender.send(item)
    if not session.answer(sender.to_dict()):
        sender.say(len(waiting) + len(damaged))
    if sender.failed:
        raise typer.Exit(sender.exit_code)


@app.command()
def drop(
    context: typer.Context,
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="ID", help="Which, as listed.", show_default=False)
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that is waiting.")] = False,
    yes: YesOption = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Forget objects without sending them."""
    session = Session(context, store, as_json)
    if bool(ids) == everything:
        raise typer.BadParameter("Name the objects by their ID, or say --all.")
    there: list[Waiting | Damaged] = [*_waiting(session), *session.connection.spool.damaged()]
    _require_known(ids or (), there)
    doomed = [item for item in there if everything or item.id in (ids or ())]
    if doomed and not yes:
        size = human_size(sum(file.stat().st_size for item in doomed for file in item.folder.glob("data")))
        what = f"{count(len(doomed), 'object')} in the spool ({size})"
        ask(f"Forget {what} for good? It was never sent.", what, "jsk spool drop … --yes")
    for item in doomed:
        session.connection.spool.drop(item)
    if not session.answer([item.to_dict() for item in doomed]):
        say(f"{count(len(doomed), 'object')} forgotten.")


def _waiting(session: Session) -> list[Waiting]:
    """Return what is waiting; only for one store, if one was named."""
    waiting = session.connection.spool.items()
    if session.store is None:
        return waiting
    wanted = session.connection.store.uri
    return [item for item in waiting if item.store == wanted]


def _require_known(ids: Iterable[str], there: Iterable[Waiting | Damaged]) -> None:
    known = {item.id for item in there}
    for unknown in [identifier for identifier in ids if identifier not in known]:
        raise NotFound(f"Nothing with the id {unknown!r} is waiting.", hint="jsk spool list")


#: A store and how it is reached.
_Place = tuple[str, str]


class _Sender:
    """Sends what is waiting, each to its own store; a store that fails is not tried again.

    Parameters
    ----------
    session
        The run of the command.
    settings
        Settings that win over those that an object was kept with.
    force
        Whether to bury what is newer.
    """

    def __init__(self, session: Session, settings: Mapping[str, str], *, force: bool) -> None:
        self._session, self._settings, self._force = session, settings, force
        self._connections: dict[_Place, Connection] = {}
        self._down: dict[_Place, StoreError] = {}
        self.sent: list[Saved] = []
        self.failed: list[tuple[Waiting | Damaged, JskError]] = []

    def send(self, item: Waiting) -> None:
        """Send one object, or note why not."""
        place = _place(item)
        if place in self._down:
            self.failed.append((item, self._down[place]))
            return
        try:
            connection = self._connection(item)
            record = self._session.connection.spool.push(item, connection.store, force=self._force)
        except StoreError as error:
            if error.exit_code == StoreError.exit_code:
                self._down[place] = error
            self.failed.append((item, error))
        except JskError as error:
            self.failed.append((item, error))
        except Exception as error:  # those behind it are not to wait for it
            what = f"{item.record.name!r} was not sent: {type(error).__name__}: {error}."
            self.failed.append((item, JskError(what, hint="jsk doctor")))
        else:
            if record is not None:  # None: another process is sending it
                with connection.index_may_wait():
                    connection.index.append(record)
                address = connection.store.address(record.name, record.version)
                self.sent.append(Saved.of(record, address, store=connection.store.uri))

    def _connection(self, item: Waiting) -> Connection:
        place = _place(item)
        if place not in self._connections:
            from jsk_saver.connection import Connection

            own = self._session.connection.overrides
            self._connections[place] = Connection(
                **{**own, **_reaching(item), **self._settings, "store": item.store}
            )
        return self._connections[place]

    @property
    def exit_code(self) -> int:
        """What the first failure makes the command exit with."""
        return self.failed[0][1].exit_code

    def to_dict(self) -> dict[str, list[dict[str, object]]]:
        """Return what was sent and what still waits, as plain JSON."""
        waits = [{**item.to_dict(), "reason": error.what, "hint": error.hint} for item, error in self.failed]
        return {"sent": [saved.to_dict() for saved in self.sent], "waiting": waits}

    def say(self, total: int) -> None:
        """Tell people."""
        for saved in self.sent:
            say(f"sent   {saved.name}  ({human_size(saved.size)})  {saved.uri}")
        for item, error in self.failed:
            if isinstance(item, Damaged):
                say(f"damaged  {error.what}")
            else:
                size = human_size(item.record.size)
                say(f"waits  {item.record.name}  ({size})  for {item.store}: {error.what}")
        if not total:
            say("Nothing is waiting.")
        for hint in dict.fromkeys(error.hint for _, error in self.failed if error.hint):
            note(f"  Next: {for_the_shell(hint)}")


def _reaching(item: Waiting) -> dict[str, str]:
    """Return the settings to reach the store by: which server and key is the object's own, always."""
    # Who asks, and from where, may be what was wrong when it was saved: then what is set now counts.
    return {
        name: value
        for name, value in item.settings.items()
        if name in REACHING and (value or name not in ("profile", "region"))
    }


def _place(item: Waiting) -> _Place:
    return item.store, json.dumps([item.server, _reaching(item)], sort_keys=True)
