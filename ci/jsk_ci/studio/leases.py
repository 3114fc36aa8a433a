"""Whose turn it is to change a domain: a lease that all repositories share, one object in S3.

``update_domain`` replaces the list of offered images whole and knows no condition, so that two jobs which
read, merge and write at the same time lose one's change. The lease lets one at a time do that:

- it is taken by a PUT with ``If-None-Match: *``, or, where an earlier holder gave it back or died, by one
  with ``If-Match`` and the ETag that was read: of two takers, S3 lets one through;
- its holder renews it, and gives it back; one that was killed does neither, and after
  :data:`SECONDS` the next in line takes over. How old a lease is comes from S3's own clock (``Date`` and
  ``Last-Modified`` of one answer), so that clocks of runners do not matter; the holder counts from *before*
  it asked, on a clock that nobody sets, and stops believing in its lease before anybody else does;
- before all that, the server has to prove that it refuses what the conditions forbid: some S3-compatible
  servers ignore them, and would give the lease to everybody.

What it cannot do: stop a request that was sent while the lease was held and is carried out after it ended.
SageMaker takes no condition along, so the holder renews right before it writes, and a call may last far
shorter than a lease.
"""

from __future__ import annotations

import os
import time
import uuid
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Any, Self

from jsk_ci.errors import LeaseError
from jsk_ci.studio.conditional import Conditional, Found
from jsk_ci.studio.patience import Patience
from jsk_saver.errors import JskError, StoreUnreachable

#: How long a lease lasts that nobody renews; longer than any one call of its holder may take.
SECONDS = 120.0
#: Of waiting for one's turn; most turns are short.
LONGEST_PAUSE = 5.0
#: S3 tells times in whole seconds, twice in the difference of two.
_GRAIN = 2.0
_OTHERWISE = (
    "Give a bucket of AWS S3, or serialise the jobs another way (GitLab: resource_group: studio) and say "
    "--no-lease"
)


class Lease:
    """A lease; held within its ``with`` block.

    Parameters
    ----------
    place
        The object.
    purpose
        What it is taken for; others read it while they wait.
    patience
        How long to wait for one's turn.
    seconds
        How long it lasts unless renewed.
    """

    def __init__(
        self, place: Conditional, purpose: str, patience: Patience, *, seconds: float = SECONDS
    ) -> None:
        self._place, self._purpose, self._patience, self._seconds = place, purpose, patience, seconds
        self._token = uuid.uuid4().hex
        self._etag = ""
        self._renewed = 0.0
        self._count = 0
        #: Who had it before and did not give it back.
        self.taken_over_from = ""

    def __enter__(self) -> Self:
        self.take()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def take(self) -> None:
        """Wait for one's turn.

        Raises
        ------
        LeaseError
            If the server does not enforce conditions, or somebody else holds the lease all the time.
        """
        prove(self._place)
        while True:
            found = self._place.read()
            if self._is_ours(found) or self._try_to_take(found):
                return
            if self._patience.over:
                raise self._nobody_gave_way(found)
            self._patience.pause()

    def keep(self) -> None:
        """Renew the lease if a third of it has passed.

        Raises
        ------
        LeaseError
            If it is lost.
        """
        if self._etag and time.monotonic() - self._renewed > self._seconds / 3:
            self.renew()

    def renew(self) -> None:
        """Make the lease last its whole time again: right before something that must not be done twice.

        Raises
        ------
        LeaseError
            If somebody else has it.
        """
        while True:
            began = time.monotonic()
            try:
                etag = self._place.put(self._told("held"), match=self._etag)
                found = None if etag else self._place.read()
            except StoreUnreachable:
                if began - self._renewed > self._seconds / 2:
                    raise
                time.sleep(min(1.0, self._seconds / 20))
                continue
            if etag:
                self._etag, self._renewed = etag, began
                return
            if found is None or found.content.get("token") != self._token:
                self._etag = ""
                raise LeaseError(
                    f"The lease {self._place.uri} went to {_who(found)} meanwhile.",
                    kept="Nothing was changed since.",
                    hint="Run the same again.",
                )
            self._etag = found.etag  # of a PUT of ours that had got no answer

    def release(self) -> None:
        """Give the lease back; where that fails, it ends by itself."""
        if self._etag:
            etag, self._etag = self._etag, ""
            try:
                self._place.put(self._told("free"), match=etag)
            except JskError:
                return

    def _is_ours(self, found: Found | None) -> bool:
        """Tell whether a PUT of ours took the lease, the answer to which was lost."""
        if found is None or found.content.get("token") != self._token:
            return False
        self._etag, self._renewed = found.etag, time.monotonic()
        self.renew()
        return True

    def _try_to_take(self, found: Found | None) -> bool:
        if found is not None and not _is_free(found):
            return False
        began = time.monotonic()
        try:
            etag = self._place.put(self._told("held"), match=found.etag if found else None)
        except StoreUnreachable:  # looked at again: it may be ours now
            if self._patience.over:
                raise
            return False
        if etag is None:
            return False
        self._etag, self._renewed = etag, began
        if found and found.content.get("state") == "held":
            self.taken_over_from = _who(found)
        return True

    def _told(self, state: str) -> dict[str, Any]:
        self._count += 1
        return {
            "state": state,
            "holder": holder(),
            "purpose": self._purpose,
            "token": self._token,
            "count": self._count,  # so that no two PUTs have one ETag
            "seconds": self._seconds,
        }

    def _nobody_gave_way(self, found: Found | None) -> LeaseError:
        return LeaseError(
            f"After {self._patience.seconds:.0f} seconds {_who(found)} still has the lease "
            f"{self._place.uri}.",
            kept="The domain was not changed.",
            hint=f"Run the same again later, or allow more time: --wait {2 * self._patience.seconds:.0f}",
        )


def nobody() -> AbstractContextManager[None]:
    """Return what stands in for a lease where something else sees to whose turn it is."""
    return nullcontext()


def holder() -> str:
    """Return who this is: the job where there is one, else machine and process."""
    return os.environ.get("CI_JOB_URL") or f"{os.uname().nodename}, process {os.getpid()}"


def prove(place: Conditional) -> None:
    """Make sure that the server refuses what conditions forbid, on an object of this process alone.

    Raises
    ------
    LeaseError
        If it does not, saying what to use instead.
    """
    probe = place.beside(f"probe-{uuid.uuid4().hex}")
    try:
        probe.put({"probe": 1})
        ignored = ["If-None-Match"] if probe.put({"probe": 2}) else []
        if probe.put({"probe": 3}, match='"00000000000000000000000000000000"'):
            ignored.append("If-Match")
    finally:
        probe.remove()
    if ignored:
        raise LeaseError(
            f"The server of {place.uri} does not enforce {' and '.join(ignored)}, so that a lease there "
            "would be given to everybody.",
            kept="The domain was not changed.",
            hint=_OTHERWISE,
        )


def _is_free(found: Found) -> bool:
    if found.content.get("state") == "free":
        return True
    seconds = found.content.get("seconds")
    return found.age > (seconds if isinstance(seconds, int | float) else SECONDS) + _GRAIN


def _who(found: Found | None) -> str:
    if found is None:
        return "somebody else"
    purpose = found.content.get("purpose", "")
    return f"{found.content.get('holder', 'somebody else')}{f' ({purpose})' if purpose else ''}"
