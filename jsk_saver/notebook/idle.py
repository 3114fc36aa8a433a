"""Tells SageMaker Studio when a JupyterLab app was last at work, so that idle shutdown can end it.

A Jupyter Server extension, switched on by the start script of kernel images and by nothing else. Studio asks
``GET {base_url}/api/idle``; an app that does not answer is never ended, and paid for until somebody sees it.
Nothing of Jupyter Server is imported until a server loads the extension.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

#: As SageMaker's own extension answers (jupyter-activity-monitor-extension 0.3.2), down to the small z.
FORMAT = "%Y-%m-%dT%H:%M:%S.%fz"
#: Where what else works for the user (an editor connected from outside) leaves the moment of its last use;
#: SageMaker's own extension reads it too.
ELSEWHERE = Path("/tmp/.sagemaker-last-active-timestamp")  # noqa: S108 - Studio's choice
_KERNEL_ACTIONS = "https://events.jupyter.org/jupyter_server/kernel_actions/v1"
_MODULE = "jsk_saver.notebook.idle"


class Activity:
    """When a Jupyter server was last at work: a kernel ran something, or a terminal printed something.

    What pages ask of the server by themselves is no work, nor is a page that is open. A kernel that is busy
    is at work now, however quiet. Nothing is forgotten when a kernel or terminal ends.

    Parameters
    ----------
    settings
        Those of the server's web application.
    elsewhere
        File with the moment at which something else was last at work for the same user.

    Examples
    --------
    >>> Activity({"started": datetime(2026, 11, 21, 10, tzinfo=UTC)}, Path("/nowhere")).latest([]).hour
    10
    """

    def __init__(self, settings: dict[str, Any], elsewhere: Path = ELSEWHERE) -> None:
        self._settings, self._elsewhere = settings, elsewhere
        self._latest: datetime = settings["started"]

    def latest(self, kernels: list[dict[str, Any]]) -> datetime:
        """Return the moment; ``kernels`` are their descriptions, as ``api/kernels`` gives them."""
        now = datetime.now(UTC)
        if any(kernel.get("execution_state") == "busy" for kernel in kernels):
            self._latest = now
        told = [*(_moment(kernel["last_activity"]) for kernel in kernels), *self._others()]
        # Moments to come (in the file, or of before a clock was set back) would make an app that never ends.
        self._latest = max([min(self._latest, now), *(moment for moment in told if moment <= now)])
        return self._latest

    def _others(self) -> Iterator[datetime]:
        manager = self._settings.get("kernel_manager")
        if isinstance(ended := getattr(manager, "last_kernel_activity", None), datetime):
            yield ended  # of kernels that are there no more, too
        if "terminal_last_activity" in self._settings:
            yield self._settings["terminal_last_activity"]  # of those with a page, and that are there no more
        if terminals := self._settings.get("terminal_manager"):
            yield from (_moment(terminal["last_activity"]) for terminal in terminals.list())
        try:
            yield _moment(self._elsewhere.read_text(encoding="utf-8").strip())
        except (OSError, ValueError):  # not there, or not a moment
            return


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text.upper())
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": _MODULE}]


def _load_jupyter_server_extension(server: Any) -> None:
    from jupyter_server.utils import url_path_join

    application = server.web_app
    address = url_path_join(application.settings["base_url"], "api", "idle")
    arguments = {"activity": Activity(application.settings)}
    application.add_handlers(".*$", [(address, _handler(), arguments)])
    server.event_logger.add_listener(schema_id=_KERNEL_ACTIONS, listener=_rewatching(server.kernel_manager))


def _rewatching(kernels: Any) -> Any:
    """Return a listener that does what Jupyter Server 2.21 omits when a kernel is started again.

    One that died in a cell may be called busy for ever: what it says first, or on other ports, is missed.
    """

    async def listen(data: dict[str, Any], **_: Any) -> None:
        name = data.get("kernel_id")
        if (data["action"], data.get("status")) == ("restart", "success") and name in kernels:
            kernels.stop_watching_activity(name)
            kernels.get_kernel(name).execution_state = "starting"
            kernels.start_watching_activity(name)

    return listen


def _handler() -> Any:
    from jupyter_core.utils import ensure_async
    from jupyter_server.base.handlers import APIHandler
    from tornado import web

    class IdleHandler(APIHandler):  # type: ignore[misc]
        """Answers whoever may ask the server anything: behind Studio's proxy, without a token."""

        _track_activity = False  # being asked is no work

        def initialize(self, activity: Activity) -> None:
            self.activity = activity

        @web.authenticated
        async def get(self) -> None:
            kernels = await ensure_async(self.kernel_manager.list_kernels())
            self.finish(json.dumps({"lastActiveTimestamp": self.activity.latest(kernels).strftime(FORMAT)}))

    return IdleHandler
