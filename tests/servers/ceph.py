"""A real S3 server: a Ceph RADOS gateway of one machine, on free loopback ports, ready in seconds.

By hand, and for the benchmarks::

    python -m tests.servers.ceph start [FOLDER]    # prints endpoint and keys as shell assignments
    python -m tests.servers.ceph stop [FOLDER]

One monitor, one storage daemon and one gateway run in the foreground as children of this process (or
detached, from the command line). No root is needed: everything they write is in one temporary folder.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import shutil
import subprocess
import tempfile
import uuid
from pathlib import Path
from urllib.parse import urlsplit

from tests.servers.processes import (
    Processes,
    ServerFailed,
    find_program,
    free_port,
    stop_by_id,
    temporary_folder,
)
from tests.servers.s3 import S3Server, ServerUnavailable

#: Program, and the Debian package that brings it (see ``debian-packages.txt``).
PROGRAMS = {
    "ceph": "ceph-common",
    "ceph-authtool": "ceph-common",
    "ceph-mon": "ceph-mon",
    "ceph-osd": "ceph-osd",
    "monmaptool": "ceph-mon",
    "radosgw": "radosgw",
    "radosgw-admin": "ceph-common",
}

#: Why the unusual ones: ``paxos`` waits a second before each change, and a gateway makes a dozen;
#: ``tcp_nodelay`` spares every small answer 40 ms; ``gc`` gives back the room of deleted objects in
#: seconds, not hours; an empty ``admin socket`` is one less path that must be short.
CONFIGURATION = """\
[global]
fsid = {fsid}
keyring = {folder}/keyring
mon host = v2:127.0.0.1:{monitor_port}
mon initial members = a
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind msgr1 = false
run dir = {folder}
crash dir = {folder}
admin socket =
log file = {folder}/$name.log
debug rocksdb = 0
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon warn on pool no redundancy = false
mon data avail warn = 1
mon data avail crit = 0
paxos propose interval = 0.02
paxos min wait = 0.01
osd objectstore = {objectstore}
memstore device bytes = {capacity}
bluestore block size = {capacity}
bluestore min alloc size = 4096
bluestore compression mode = force
bluestore compression algorithm = lz4
bluestore compression max blob size = 524288
osd memory target = 1073741824
rgw gc obj min wait = 5
rgw gc processor period = 5
rgw dynamic resharding = false
[mon.a]
mon data = {folder}/mon
[osd.0]
osd data = {folder}/osd
[client.rgw.a]
rgw frontends = beast endpoint=127.0.0.1:{gateway_port} tcp_nodelay=1
rgw data = {folder}
"""

_ATTEMPTS = 3  # a free port may be taken by somebody else before the server gets to it


class Ceph(S3Server):
    """A Ceph RADOS gateway.

    Parameters
    ----------
    on_disk
        Keep objects in a compressed file instead of in memory. In memory they take twice their size;
        on disk an object of 5 GB takes 120 MB of memory and at most its size of disk.
    capacity
        Most bytes it holds; nothing is taken before it is needed.
    folder
        Where its files go; a temporary folder, removed at the end, without one.
    detached
        Whether it goes on when this process ends.
    """

    name = "ceph"

    def __init__(
        self,
        *,
        on_disk: bool = False,
        capacity: int = 8 * 2**30,
        folder: Path | None = None,
        detached: bool = False,
    ) -> None:
        super().__init__()
        self.processes = Processes(detached, grace=1.0)  # nothing here is worth waiting for
        self.on_disk, self.capacity = on_disk, capacity
        self._wanted_folder = folder
        self.folder = folder or Path()

    @classmethod
    def unavailable(cls) -> str:
        """Say which Debian packages are missing."""
        missing = sorted({PROGRAMS[program] for program in PROGRAMS if not find_program(program)})
        if not missing:
            return ""
        return (
            f"needs a Ceph RADOS gateway; Debian packages not installed: {' '.join(missing)} "
            "(as root or with sudo: make servers)"
        )

    def start(self) -> None:
        """Start monitor, storage and gateway, and make a user."""
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                self._start()
                return
            except (ServerFailed, subprocess.SubprocessError):
                self.stop()
                if attempt == _ATTEMPTS:
                    raise

    def stop(self) -> None:
        """End the daemons and remove their temporary folder."""
        super().stop()
        if self._wanted_folder is None and self.folder != Path():
            shutil.rmtree(self.folder, ignore_errors=True)

    # Starting ---------------------------------------------------------------------------------------

    def _start(self) -> None:
        self.folder = _new_folder(self._wanted_folder)
        self._check_room()
        monitor_port, gateway_port = free_port(), free_port()
        fsid = str(uuid.uuid4())
        (self.folder / "ceph.conf").write_text(
            CONFIGURATION.format(
                fsid=fsid,
                folder=self.folder,
                monitor_port=monitor_port,
                gateway_port=gateway_port,
                objectstore="bluestore" if self.on_disk else "memstore",
                capacity=self.capacity,
            )
        )
        self._make_keys()
        self._start_monitor(fsid, monitor_port)
        self._start_storage()
        self._start_gateway(gateway_port)
        self._make_user()
        self.endpoint = f"http://127.0.0.1:{gateway_port}"

    def _check_room(self) -> None:
        free = shutil.disk_usage(self.folder).free
        if self.on_disk and free < self.capacity:
            raise ServerUnavailable(
                f"needs {self.capacity / 1e9:.0f} GB free in {tempfile.gettempdir()}, "
                f"which has {free / 1e9:.0f} GB (set TMPDIR to a larger disk)"
            )

    def _make_keys(self) -> None:
        keyring = str(self.folder / "keyring")
        everything = [word for daemon in ("mon", "osd", "mgr") for word in ("--cap", daemon, "allow *")]
        self._run("ceph-authtool", "--create-keyring", keyring, "--gen-key", "-n", "mon.", *everything[:3])
        for name in ("client.admin", "client.rgw.a", "osd.0"):
            self._run("ceph-authtool", keyring, "--gen-key", "-n", name, *everything)

    def _start_monitor(self, fsid: str, port: int) -> None:
        monmap, keyring = str(self.folder / "monmap"), str(self.folder / "keyring")
        address = f"[v2:127.0.0.1:{port}]"
        self._run("monmaptool", "--create", "--addv", "a", address, "--fsid", fsid, monmap)
        self._run("ceph-mon", "--mkfs", "-i", "a", "--monmap", monmap, "--keyring", keyring)
        self._daemon("ceph-mon", "-i", "a")

    def _start_storage(self) -> None:
        identity = str(uuid.uuid4())
        self._run("ceph", "osd", "new", identity)
        self._run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", identity)
        self._daemon("ceph-osd", "-i", "0")
        # A gateway that comes before its storage is up makes its pools a minute later.
        self.processes.wait_until(self._storage_is_up, "Ceph's storage daemon", 60)

    def _storage_is_up(self) -> bool:
        answer = json.loads(self._run("ceph", "osd", "stat", "--format", "json"))
        return bool(answer["num_up_osds"])

    def _start_gateway(self, port: int) -> None:
        self._daemon("radosgw", "-n", "client.rgw.a")
        self.processes.wait_until(lambda: _answers(port), "The Ceph gateway", 90)

    def _make_user(self) -> None:
        keys = ("--access-key", self.access_key, "--secret-key", self.secret_key)
        self._run("radosgw-admin", "user", "create", "--uid", "tester", "--display-name", "tester", *keys)

    # Programs ---------------------------------------------------------------------------------------

    def _environment(self) -> dict[str, str]:
        # Nothing of the caller's: CEPH_ARGS would change the daemons, PYTHONPATH the `ceph` command.
        path = os.pathsep.join(["/usr/sbin", "/usr/bin", "/sbin", "/bin", os.environ.get("PATH", "")])
        return {"PATH": path, "HOME": str(self.folder), "LANG": "C.UTF-8"}

    def _run(self, program: str, *arguments: str) -> str:
        command = [find_program(program) or program, "-c", str(self.folder / "ceph.conf"), *arguments]
        done = subprocess.run(
            command, env=self._environment(), capture_output=True, text=True, timeout=60, check=False
        )
        if done.returncode:
            said = (done.stderr or done.stdout).strip()[-2000:]
            raise ServerFailed(f"{program} {' '.join(arguments)} failed ({done.returncode}):\n{said}")
        return done.stdout

    def _daemon(self, program: str, *arguments: str) -> None:
        command = [find_program(program) or program, "-f", "-c", str(self.folder / "ceph.conf"), *arguments]
        self.processes.start(command, self.folder / f"{program}.out", self._environment())


def _new_folder(wanted: Path | None) -> Path:
    if wanted is None:
        folder = temporary_folder("jsk-ceph-")
    else:
        folder = wanted.resolve()
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    for name in ("mon", "osd"):
        (folder / name).mkdir()
    return folder


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


# Command line ---------------------------------------------------------------------------------------


def start_detached(folder: Path, *, on_disk: bool, capacity: int) -> Ceph:
    """Start a gateway that goes on by itself, and note in ``folder`` how to reach and to stop it."""
    stop_detached(folder)
    server = Ceph(on_disk=on_disk, capacity=capacity, folder=folder, detached=True)
    server.__enter__()
    note = {"ids": server.processes.ids, **server.environment()}
    (server.folder / "server.json").write_text(json.dumps(note, indent=2))
    return server


def stop_detached(folder: Path) -> int:
    """Stop what :func:`start_detached` started, remove its folder, return how many daemons ended."""
    note = folder / "server.json"
    if not note.exists():
        return 0
    words = [str(folder.resolve() / "ceph.conf")]
    ended = sum(stop_by_id(pid, words) for pid in reversed(json.loads(note.read_text())["ids"]))
    shutil.rmtree(folder, ignore_errors=True)
    return ended


def main() -> None:
    """Start or stop a gateway from the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.servers.ceph", description=__doc__)
    parser.add_argument("action", choices=["start", "stop"])
    parser.add_argument("folder", nargs="?", type=Path, default=Path(tempfile.gettempdir()) / "jsk-s3")
    parser.add_argument("--on-disk", action="store_true", help="keep objects on disk, not in memory")
    parser.add_argument("--capacity", type=int, default=8, help="GiB it can hold (default: 8)")
    options = parser.parse_args()
    if options.action == "stop":
        print(f"# stopped {stop_detached(options.folder)} daemons")
        return
    try:
        server = start_detached(options.folder, on_disk=options.on_disk, capacity=options.capacity * 2**30)
    except ServerUnavailable as reason:
        parser.exit(1, f"{reason}\n")
    for name, value in server.environment().items():
        print(f"export {name}={value}")
    print(f"# Ceph gateway at {urlsplit(server.endpoint).netloc}, files in {server.folder}")


if __name__ == "__main__":
    main()
