"""What runs in Studio now: whose app, on what, since when, and when somebody was last seen in it."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from jsk_saver.costs.clients import code_of, explained
from jsk_saver.errors import AccountError
from jsk_saver.lineage.kernel import STUDIO_METADATA

_ENDED = ("Deleted", "Failed")
#: SageMaker takes some ten calls a second.
_AT_ONCE = 4
_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class Idle:
    """How long nobody has used an app.

    Parameters
    ----------
    seconds
        At least; None if Studio does not tell.
    exact
        Whether that is when a user was last seen. Where it is not, Studio's own health check was the last
        to touch the app: it sets LastUserActivityTimestamp too (SageMaker API reference, DescribeApp).
    """

    seconds: float | None
    exact: bool


@dataclass(frozen=True, slots=True)
class App:
    """An app that runs.

    Parameters
    ----------
    domain, owner, kind, name
        Its address: the domain; the space, or else the user profile; JupyterLab and its like; its own name.
    in_space
        Whether ``owner`` is a space.
    arn
        As AWS names it.
    status
        Pending, InService or Deleting.
    instance
        Type, such as ``ml.t3.medium``; empty if Studio does not tell.
    who
        User profile that it belongs to; empty if that is not known.
    tags
        Of its space or user profile; None if they may not be read.
    created
        When it was started.
    seen, checked
        When a user, and a health check, last touched it.
    """

    domain: str
    owner: str
    kind: str
    name: str
    in_space: bool = True
    arn: str = ""
    status: str = "InService"
    instance: str = ""
    who: str = ""
    tags: Mapping[str, str] | None = None
    created: dt.datetime | None = None
    seen: dt.datetime | None = None
    checked: dt.datetime | None = None

    @property
    def address(self) -> dict[str, str]:
        """What names it in calls."""
        owner = {"SpaceName" if self.in_space else "UserProfileName": self.owner}
        return {"DomainId": self.domain, **owner, "AppType": self.kind, "AppName": self.name}

    def tag(self, name: str) -> str:
        """Return one of the kit's cost tags: ``squad``, ``experiment`` or ``user``."""
        return (self.tags or {}).get(f"jsk:{name}", "")

    def running(self, now: dt.datetime) -> float | None:
        """Return for how many seconds it has been there."""
        return max(0.0, (now - self.created).total_seconds()) if self.created else None

    def idle(self, now: dt.datetime) -> Idle:
        """Return how long nobody has used it."""
        if self.seen is None:
            return Idle(None, exact=False)
        exact = self.checked is None or self.seen < self.checked - dt.timedelta(seconds=1)
        return Idle(max(0.0, (now - self.seen).total_seconds()), exact)

    @property
    def is_here(self) -> bool:
        """Whether this process runs in it."""
        try:
            told = json.loads(Path(STUDIO_METADATA).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        return bool(self.arn) and isinstance(told, dict) and told.get("ResourceArn") == self.arn


@dataclass(frozen=True, slots=True)
class Running:
    """What runs, and what could not be found out about it.

    Parameters
    ----------
    apps
        The longest running first.
    notes
        What is not known, and why.
    """

    apps: list[App]
    notes: list[str] = field(default_factory=list)


def names(apps: Iterable[App]) -> dict[str, App]:
    """Return apps by the shortest name that stands for one of them alone.

    Examples
    --------
    >>> lab, code = App("d-1", "ada-iris", "JupyterLab", "default"), App("d-1", "ada-iris", "CodeEditor", "x")
    >>> list(names([lab])), list(names([lab, code]))
    (['ada-iris'], ['ada-iris/JupyterLab', 'ada-iris/CodeEditor'])
    """
    listed = list(apps)
    taken = Counter(form for app in listed for form in set(forms(app)))
    return {next((form for form in forms(app) if taken[form] == 1), forms(app)[-1]): app for app in listed}


def forms(app: App) -> tuple[str, ...]:
    """Return every name that an app can be meant by, the shortest first."""
    short, whole = app.owner, "/".join(app.address.values())
    # A space and a user profile may have one name.
    of = "space" if app.in_space else "user-profile"
    return short, f"{short}/{app.kind}", f"{short}/{app.kind}/{app.name}", whole, f"{of}/{whole}"


def running(client: Any, domain: str = "") -> Running:
    """Return the apps that run.

    Parameters
    ----------
    client
        boto3's, of SageMaker.
    domain
        Only of this domain; of all that the account has in the region without one.

    Raises
    ------
    AccountError
        If apps may not be listed. Whose they are, and what for, is left out where that may not be read.
    """
    where = {"DomainIdEquals": domain} if domain else {}
    listed = [app for app in _every(client, "list_apps", "Apps", **where) if app["Status"] not in _ENDED]
    notes: list[str] = []
    domains = {app["DomainId"] for app in listed if app.get("SpaceName")}
    spaces = _or_note(notes, "Whose spaces they are is not known", lambda: _spaces(client, domains)) or {}
    looked = _each(
        listed, lambda app: _or_error(lambda: details(client, app), otherwise=lambda: _app(app, {}))
    )
    _note_errors(notes, "How long apps are idle is not known", looked)
    found = [app for app, _ in looked if app is not None]
    holders = [arn for arn in dict.fromkeys(map(_holder, found)) if arn]
    tagged = _each(holders, lambda arn: _or_error(lambda: _tags(client, arn), otherwise=lambda: None))
    _note_errors(notes, "Experiments are not known", tagged)
    tags = {arn: told for arn, (told, _) in zip(holders, tagged, strict=True)}
    apps = [_placed(app, spaces, tags.get(_holder(app))) for app in found]
    oldest = dt.datetime.max.replace(tzinfo=dt.UTC)
    return Running(sorted(apps, key=lambda app: app.created or oldest), notes)


def details(client: Any, listed: Mapping[str, Any]) -> App | None:
    """Return what Studio tells about an app; None if it is gone meanwhile."""
    keys = ("DomainId", "SpaceName", "UserProfileName", "AppType", "AppName")
    address = {key: listed[key] for key in keys if listed.get(key)}
    try:
        with explained("describing an app (sagemaker:DescribeApp)"):
            told = client.describe_app(**address)
    except AccountError as error:
        if code_of(error.__cause__) == "ResourceNotFound":
            return None
        raise
    return None if told.get("Status") in _ENDED else _app(listed, told)


def _app(listed: Mapping[str, Any], told: Mapping[str, Any]) -> App:
    """Return an app from what a list has, and from what is told of it alone, which may be nothing."""
    spec = told.get("ResourceSpec") or listed.get("ResourceSpec") or {}
    return App(
        domain=listed["DomainId"],
        owner=listed.get("SpaceName") or listed.get("UserProfileName", ""),
        in_space=bool(listed.get("SpaceName")),
        kind=listed["AppType"],
        name=listed["AppName"],
        arn=told.get("AppArn", ""),
        status=told.get("Status") or listed.get("Status", ""),
        instance=spec.get("InstanceType", ""),
        who=listed.get("UserProfileName", ""),
        created=told.get("CreationTime") or listed.get("CreationTime"),
        seen=told.get("LastUserActivityTimestamp"),
        checked=told.get("LastHealthCheckTimestamp"),
    )


def _placed(app: App, spaces: Mapping[tuple[str, str], str], tags: Mapping[str, str] | None) -> App:
    return replace(app, who=app.who or spaces.get((app.domain, app.owner), ""), tags=tags)


def _spaces(client: Any, domains: Iterable[str]) -> dict[tuple[str, str], str]:
    """Return whose each space is."""
    return {
        (domain, space["SpaceName"]): space.get("OwnershipSettingsSummary", {}).get(
            "OwnerUserProfileName", ""
        )
        for domain in sorted(domains)
        for space in _every(client, "list_spaces", "Spaces", DomainIdEquals=domain)
    }


def _holder(app: App) -> str:
    """Return the ARN of the space, or user profile, that an app's tags are on; empty if it is not known."""
    start = app.arn.partition(":app/")[0]
    if not start:
        return ""
    kind = "space" if app.in_space else "user-profile"
    return f"{start}:{kind}/{app.domain}/{app.owner}"


def _tags(client: Any, arn: str) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in _every(client, "list_tags", "Tags", ResourceArn=arn)}


def _every(client: Any, operation: str, key: str, **said: Any) -> Iterator[dict[str, Any]]:
    more: dict[str, str] = {}
    action = "sagemaker:" + "".join(word.capitalize() for word in operation.split("_"))
    while True:
        with explained(f"listing {key.lower()} ({action})"):
            page = getattr(client, operation)(MaxResults=100, **said, **more)
        yield from page.get(key, ())
        if not page.get("NextToken"):
            return
        more = {"NextToken": page["NextToken"]}


def _each(items: Iterable[Any], look: Callable[[Any], _Answer]) -> list[_Answer]:
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(look, items))


def _or_note(notes: list[str], otherwise: str, look: Callable[[], _Answer]) -> _Answer | None:
    try:
        return look()
    except AccountError as error:
        notes.append(f"{otherwise}: {error.what}")
        return None


def _or_error(
    look: Callable[[], _Answer], otherwise: Callable[[], _Answer]
) -> tuple[_Answer, AccountError | None]:
    """Return an answer; and where there is none, something else and why: one that fails hides no other."""
    try:
        return look(), None
    except AccountError as error:
        return otherwise(), error


def _note_errors(notes: list[str], otherwise: str, looked: list[tuple[Any, AccountError | None]]) -> None:
    """Note what was not told, once, and of how many; what is gone meanwhile is none of it."""
    failed = [error for _, error in looked if error and code_of(error.__cause__) != "ResourceNotFound"]
    if failed:
        part = "" if len(failed) == len(looked) else f" for {len(failed)} of {len(looked)}"
        notes.append(f"{otherwise}{part}: {failed[0].what}")
