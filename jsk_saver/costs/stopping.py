"""Stopping apps: only those that were listed, and only if they still are what was listed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from jsk_saver.costs import apps as studio
from jsk_saver.costs.apps import App
from jsk_saver.costs.clients import code_of, explained
from jsk_saver.errors import AccountError, NotFound, QueryError

#: What ends with an app, and what does not.
LOST = "Lost: what kernels hold in memory, and edits that were never saved."
KEPT = "Kept: files in the home folder of the space, saved versions, trials."
#: Why an app that was meant is left alone: it is another one by now.
ANEW = "it was started anew since it was listed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one app.

    Parameters
    ----------
    app
        Which.
    stopped
        Whether it ends now.
    why
        Why not.
    """

    app: App
    stopped: bool
    why: str = ""


def chosen(running: Iterable[App], wanted: Iterable[str]) -> list[App]:
    """Return the apps that are meant by names.

    Raises
    ------
    NotFound
        If no app of that name runs.
    QueryError
        If several do.
    """
    listed = list(running)
    found: list[App] = []
    for name in wanted:
        meant = [app for app in listed if name in studio.forms(app)]
        if not meant:
            raise NotFound(f"No app {name!r} runs.", kept="Nothing was stopped.", hint="jsk apps")
        if len(meant) > 1:
            several = ", ".join(short for short, app in studio.names(listed).items() if app in meant)
            raise QueryError(
                f"{name!r} may be any of {several}.",
                kept="Nothing was stopped.",
                hint=f"jsk apps stop {next(n for n, app in studio.names(listed).items() if app in meant)}",
            )
        found += [app for app in meant if app not in found]
    return found


def idle_for(running: Iterable[App], seconds: float, now: datetime) -> list[App]:
    """Return the apps that nobody has used for so long, as far as Studio tells; never the one we are in."""
    ours = (app for app in running if app.status != "Deleting" and not app.is_here)
    return [app for app in ours if _is_idle(app, seconds, now)]


def stop(client: Any, doomed: Iterable[App], *, idle: float | None = None) -> Iterator[Outcome]:
    """Stop apps one by one, and tell what became of each.

    Parameters
    ----------
    client
        boto3's, of SageMaker.
    doomed
        As they were listed.
    idle
        Only those that are idle for so many seconds even now.
    """
    for app in doomed:
        try:
            why = _changed(client, app, idle)
            if not why:
                with explained("stopping an app (sagemaker:DeleteApp)"):
                    client.delete_app(**app.address)
        except AccountError as error:
            gone = code_of(error.__cause__) == "ResourceNotFound"
            why = "it had ended already" if gone else error.what
        yield Outcome(app, stopped=not why, why=why)


def _changed(client: Any, app: App, idle: float | None) -> str:
    """Return why an app is not what was listed any more: somebody may have thought for long."""
    listed: Mapping[str, Any] = app.address
    now = studio.details(client, listed)
    if now is None or now.status == "Deleting":
        return "it had ended already"
    if now.created != app.created:
        return ANEW
    if idle is not None and not _is_idle(now, idle, datetime.now(UTC)):
        return "somebody has used it since it was listed"
    return ""


def _is_idle(app: App, seconds: float, now: datetime) -> bool:
    """Tell whether an app is known to be idle for so long."""
    length = app.idle(now).seconds
    return length is not None and length >= seconds
