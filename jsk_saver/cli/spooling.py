"""Commands for objects that could not be sent: spool list, spool push, spool drop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from jsk_saver.cli.failures import for_the_shell
from jsk_saver.cli.keeping import ask
from jsk_saver.cli.output import note, say, say_table
from jsk_saver.cli.session import JsonOption, Session, StoreOption, YesOption
from jsk_saver.display import Column
from jsk_saver.errors import JskError, NotFound, StoreError
from jsk_saver.human import human_size
from jsk_saver.saved import Saved
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
    waiting = _waiting(session)
    if session.answer([item.to_dict() for item in waiting]):
        return
    if not waiting:
        say("Nothing is waiting.")
        return
    rows = [
        {
            "name": item.record.name,
            "size": item.record.size,
            "since": item.since,
            "store": item.store,
            "reason": item.reason,
            "id": item.id,
        }
        for item in waiting
    ]
    say_table(_COLUMNS, rows, f"{count(len(waiting), 'object')} waiting")


@app.command()
def push(context: typer.Context, store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Send what is waiting; says what was sent, and what still waits and why."""
    session = Session(context, store, as_json)
    waiting = _waiting(session)
    sender = _Sender(session)
    for item in waiting:
        sender.send(item)
    if not session.answer(sender.to_dict()):
        sender.say(len(waiting))
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
    waiting = {item.id: item for item in _waiting(session)}
    for unknown in [identifier for identifier in ids or () if identifier not in waiting]:
        raise NotFound(f"Nothing with the id {unknown!r} is waiting.", hint="jsk spool list")
    doomed = list(waiting.values()) if everything else [waiting[identifier] for identifier in ids or ()]
    if doomed and not yes:
        size = human_size(sum(item.record.size for item in doomed))
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


class _Sender:
    """Sends what is waiting, each to its own store; a store that fails is not tried again."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._connections: dict[str, Connection] = {}
        self._down: dict[str, StoreError] = {}
        self.sent: list[Saved] = []
        self.failed: list[tuple[Waiting, JskError]] = []

    def send(self, item: Waiting) -> None:
        """Send one object, or note why not."""
        if item.store in self._down:
            self.failed.append((item, self._down[item.store]))
            return
        try:
            connection = self._connection(item.store)
            record = self._session.connection.spool.push(item, connection.store)
        except StoreError as error:
            if not isinstance(error, JskError) or error.exit_code == StoreError.exit_code:
                self._down[item.store] = error
            self.failed.append((item, error))
        except JskError as error:
            self.failed.append((item, error))
        else:
            if record is not None:  # None: another process is sending it
                connection.index.append(record)
                address = connection.store.address(record.name, record.version)
                self.sent.append(Saved.of(record, address))

    def _connection(self, store: str) -> Connection:
        if store not in self._connections:
            from jsk_saver.connection import Connection

            own = self._session.connection
            self._connections[store] = Connection(**{**own.overrides, "store": store})
        return self._connections[store]

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
            say(
                f"waits  {item.record.name}  ({human_size(item.record.size)})  for {item.store}: {error.what}"
            )
        if not total:
            say("Nothing is waiting.")
        for hint in dict.fromkeys(error.hint for _, error in self.failed if error.hint):
            note(f"  Next: {for_the_shell(hint)}")
