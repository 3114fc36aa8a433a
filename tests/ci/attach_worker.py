"""A process that attaches what it is told to, one line at a time: another repository's pipeline."""

from __future__ import annotations

import sys

from jsk_ci.studio import attach, conditional, forms
from jsk_ci.studio import publish as publishing
from jsk_ci.studio.client import Studio, connect
from jsk_ci.studio.leases import Lease
from jsk_ci.studio.patience import Patience


def main(place: str, seconds: float) -> None:
    """Answer each line ``domain image version`` with ``done`` or the error."""
    client, where = connect(), conditional.place(place)
    where.read()
    print("ready", flush=True)
    for line in sys.stdin:
        domain, image, version = line.split()
        studio = Studio(client, Patience(120, first=0.002, longest=0.05))
        target = publishing.target(studio, image, image.title(), int(version))
        lease = Lease(where, f"attach {image}", Patience(120, first=0.01, longest=0.2), seconds=seconds)
        found = attach.attach(studio, target, domain, forms.ALL, lease)
        print(f"done {found.taken_over_from}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
