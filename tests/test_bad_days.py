"""Bad days: processes that are really killed, disks that are really full, servers that are really gone."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import jsk_saver
from jsk_saver import Saver
from jsk_saver.errors import NotFound, StoreFull, StoreUnreachable
from tests.stores import places
from tests.stores.places import at_server

place = places.real_place

SOURCE = str(Path(jsk_saver.__file__).parents[1])


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": SOURCE, **more}


def start(code: str, *arguments: object, **more: str) -> subprocess.Popen[str]:
    """Start ``code`` in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        env=environment(**more),
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def run(code: str, *arguments: object, **more: str) -> str:
    """Run ``code`` in a process of its own and return what it printed."""
    process = start(code, *arguments, **more)
    out, said = process.communicate(timeout=240)
    assert process.returncode == 0, said
    return out


def jsk(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "jsk_saver.cli", *arguments]
    return subprocess.run(
        command, env=environment(), capture_output=True, text=True, timeout=120, check=False
    )


def settings_of(place) -> dict[str, str]:
    return {"JSK_STORE": place.uri, **{f"JSK_{k.upper()}": str(v) for k, v in place.settings.items()}}


def files_in(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


# Killed ---------------------------------------------------------------------------------------------

KILLED_AT_EVERY_STEP = """
    import os, signal, sys
    from jsk_saver import Saver
    saver = Saver(sys.argv[1])
    saver.put("data/a.json", 0)  # everything is imported, and there is a version to lose
    step = at = 0
    STEPS = ("open", "os.mkdir", "os.rename", "os.chmod", "os.remove", "os.rmdir", "os.listdir")

    def count(event, arguments):
        global step
        # What a put does to the disk; reading sources and the like is no step of it.
        if at and event in STEPS:
            step += 1
            if step == at:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    put = 0
    for number in range(1, 500):
        child = os.fork()
        if not child:
            at = number
            saver.put("data/a.json", number)
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        value = Saver(sys.argv[1]).get("data/a.json")
        assert value in (put, number), (value, put, number)
        put = value
        assert all(saver.get("data/a.json", version=v) is not None for v in saver.history("data/a.json"))
        if os.WIFEXITED(status):  # it had fewer steps than that
            assert os.WEXITSTATUS(status) == 0 and put == number
            break
        assert os.WTERMSIG(status) == signal.SIGKILL
    print(number, len(saver.history("data/a.json")))
"""


def test_a_put_killed_at_any_of_its_steps_leaves_the_old_version_or_the_new_one_whole(tmp_path):
    steps, versions = map(int, run(KILLED_AT_EVERY_STEP, tmp_path / "store").split())
    assert steps > 10
    assert 2 <= versions < steps
    saver = Saver(tmp_path / "store")
    assert saver.verify().ok
    assert len(saver.verify().checked) == versions
    saver.put("data/a.json", "the next put works")
    assert saver.get("data/a.json") == "the next put works"
    seen = [name for name in files_in(tmp_path / "store") if not name.startswith(".jsk/")]
    assert len(seen) == 2 * (versions + 1)  # bytes and record of each, and neither halves nor locks


KILLED_AT_RANDOM = """
    import os, random, signal, sys, time
    from jsk_saver import Saver
    uri, kills, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    chance = random.Random(int(sys.argv[4]))
    blob = os.urandom(size)
    Saver(uri).put("a.bin", b"0 " + blob)
    killed = 0
    for turn in range(1, kills + 1):
        ready, tell = os.pipe()
        child = os.fork()
        if not child:
            saver = Saver(uri)
            for number in range(1000):
                saver.put("a.bin", f"{turn}.{number} ".encode() + blob)
                os.write(tell, b".")
            os._exit(0)
        os.read(ready, 1)  # it is at it
        time.sleep(chance.uniform(0, 0.1))
        os.kill(child, signal.SIGKILL)
        killed += os.WIFSIGNALED(os.waitpid(child, 0)[1])
        got = Saver(uri).get("a.bin")  # its digest is compared: never a half version
        assert got.endswith(b" " + blob)
    print(killed)
"""


@pytest.mark.slow
def test_puts_killed_at_random_moments_leave_only_whole_versions(place):
    kills = 20 if place.kind == "local" else 10
    said = run(KILLED_AT_RANDOM, place.uri, kills, 300_000, 7, **settings_of(place))
    assert int(said) == kills
    saver = place.saver()
    found = saver.verify()
    assert found.ok
    assert len(found.checked) > kills
    before = len(saver.history("a.bin"))
    saver.put("a.bin", b"the next put works")
    assert saver.get("a.bin") == b"the next put works"
    assert len(saver.history("a.bin")) == before + 1
    assert len(saver.history("a.bin")) == len({found.version for found in saver.history("a.bin")})


@pytest.mark.parametrize(
    ("method", "parameter"), [("POST", "uploads"), ("PUT", "partNumber"), ("POST", "uploadId")]
)
def test_an_upload_in_parts_killed_at_any_stage_shows_no_half_version(
    ceph, point_at, behind_proxy, method, parameter
):
    server, proxy = behind_proxy(ceph)
    point_at(server)
    place = at_server(server)
    saver = place.saver()
    saver.put("a.bin", b"before")
    code = """
        import sys
        from jsk_saver import Saver
        saver = Saver(sys.argv[1], part_size="5 MiB")
        print("ready", flush=True)
        sys.stdin.readline()
        saver.put("a.bin", bytes(22_000_000))
        print("done")
    """
    process = start(code, place.uri, **settings_of(place))
    assert process.stdout.readline() == "ready\n", process.stderr.read()
    proxy.call_next(method, lambda _: os.kill(process.pid, signal.SIGKILL), parameter=parameter)
    out, _ = process.communicate("go\n", timeout=60)
    assert (process.returncode, out) == (-signal.SIGKILL, "")
    newest = saver.get("a.bin")
    # Once all parts are there, the server may have put them together before it noticed.
    assert newest == b"before" or (parameter == "uploadId" and newest == bytes(22_000_000))
    assert saver.verify().ok
    saver.put("a.bin", b"the next put works")
    assert saver.get("a.bin") == b"the next put works"


# All at once ----------------------------------------------------------------------------------------

EIGHT_PROCESSES = """
    import os, sys
    from jsk_saver import Saver
    from jsk_saver.errors import NotFound
    uri, processes, turns = sys.argv[1], 8, 25
    saver = Saver(uri)
    saver.put("warm-up.json", 0)  # so that the children inherit open connections and an open index
    begin_read, begin = os.pipe()
    children = []
    for process in range(processes):
        child = os.fork()
        if not child:
            os.close(begin)
            mine = Saver(uri) if process % 2 else saver  # of their own, or inherited
            os.read(begin_read, 1)  # until all are there
            for turn in range(turns):
                mine.put("shared/a.json", [process, turn], metadata={"process": process, "turn": turn})
            os._exit(0)
        children.append(child)
    os.close(begin)
    reads = 0
    while children:
        try:
            process, turn = saver.get("shared/a.json")  # whole, at any moment
            reads += 1
        except NotFound:
            pass
        child, status = os.waitpid(children[-1], os.WNOHANG)
        if child:
            assert status == 0, status
            children.pop()
    print(reads)
"""


def test_two_hundred_concurrent_puts_of_one_name_are_two_hundred_versions(place):
    reads = int(run(EIGHT_PROCESSES, place.uri, **settings_of(place)))
    assert reads > 0
    saver = place.saver()
    history = saver.history("shared/a.json")
    assert len({saved.version for saved in history}) == len(history) == 200
    told = {(saved.metadata["process"], saved.metadata["turn"]) for saved in history}
    assert told == {(process, turn) for process in range(8) for turn in range(25)}
    assert saver.verify("shared/a.json").ok
    assert len(saver.search({"process": 3}, limit=None)) == 25
    for process in range(8):  # each writer's own came one after the other
        turns = [saved.metadata["turn"] for saved in history if saved.metadata["process"] == process]
        assert turns == sorted(turns, reverse=True)
    if not place.is_s3:
        assert files_in(Path(place.uri) / ".jsk" / "unfinished") == []


CACHE_READER = """
    import random, sys
    from jsk_saver import Saver
    saver, chance = Saver(sys.argv[1], cache_size=400_000), random.Random(int(sys.argv[2]))
    versions = sys.argv[3].split(",")
    for _ in range(150):
        number = chance.randrange(len(versions))
        assert saver.get("a.bin", version=versions[number]) == bytes([number]) * 30_000
    print("right")
"""


def test_processes_that_share_a_cache_while_it_evicts_get_only_right_objects(ceph, point_at):
    point_at(ceph)
    place = at_server(ceph)
    saver = place.saver()
    versions = [saver.put("a.bin", bytes([number]) * 30_000).version for number in range(30)]
    readers = [start(CACHE_READER, place.uri, seed, ",".join(versions)) for seed in range(2)]
    said = [reader.communicate(timeout=120) for reader in readers]
    assert [out for out, _ in said] == ["right\n", "right\n"], said


# The server is gone ---------------------------------------------------------------------------------


@pytest.fixture
def line(ceph, point_at, behind_proxy):
    """Give the test a saver of a real bucket, the proxy between, and the bucket without it."""
    server, proxy = behind_proxy(ceph)
    point_at(server)
    place = at_server(server)
    saver = place.saver(retries=1)
    saver.store.versioning.require()
    return saver, proxy


def waiting(saver: Saver) -> list[Path]:
    return [item.folder for item in saver.connection.spool.items()]


@pytest.mark.parametrize("if_changed", [False, True])
def test_an_object_the_server_did_not_take_is_kept_and_sent_later_exactly_once(line, if_changed):
    saver, proxy = line
    proxy.drop_next("*", times=1000)
    with pytest.raises(StoreUnreachable) as caught:
        saver.put("a.json", [1, 2], metadata={"origin": "ü"}, if_changed=if_changed)
    (folder,) = waiting(saver)
    assert str(folder) in caught.value.kept
    assert "jsk spool push" in caught.value.hint
    assert "jsk spool push" in str(caught.value)
    assert "'a.json'" in caught.value.what
    still = jsk("spool", "push")
    assert still.returncode == 6, still
    assert waiting(saver) == [folder]
    proxy.heal()
    assert jsk("spool", "push").returncode == 0
    assert waiting(saver) == []
    assert saver.get("a.json") == [1, 2]
    assert saver.get("a.json", search_pattern={"origin": "ü"}) == [1, 2]
    (saved,) = saver.history("a.json")
    assert saver.store.get_note(f"packages/{saved.lineage['packages']}.txt")
    assert jsk("spool", "push").returncode == 0
    assert len(saver.history("a.json")) == 1


def test_an_object_whose_answer_got_lost_is_not_sent_a_second_time(line):
    saver, proxy = line
    saver.put("warm-up.json", 0)
    proxy.cut_next("PUT", after=0)  # the server has it, but nobody knows
    with pytest.raises(StoreUnreachable):
        saver.put("a.json", [1])
    assert len(waiting(saver)) == 1
    assert jsk("spool", "push").returncode == 0
    assert waiting(saver) == []
    assert len(saver.history("a.json")) == 1
    assert saver.get("a.json") == [1]


def test_a_push_killed_between_sending_and_forgetting_does_not_send_again(line):
    saver, proxy = line
    proxy.drop_next("*", times=1000)
    with pytest.raises(StoreUnreachable):
        saver.put("a.json", [1])
    proxy.heal()
    code = """
        import os, signal, sys
        from jsk_saver import Saver
        from jsk_saver.spool import Spool
        Spool.drop = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
        connection = Saver(sys.argv[1]).connection
        (item,) = connection.spool.items()
        connection.spool.push(item, connection.store)
    """
    process = start(code, saver.store.uri)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    assert len(waiting(saver)) == 1
    saver.put("a.json", [2])  # and others go on meanwhile
    assert jsk("spool", "push").returncode == 0
    assert waiting(saver) == []
    assert [saver.get("a.json", version=number) for number in (1, 2)] == [[1], [2]]
    assert len(saver.history("a.json")) == 2


def test_a_large_file_cut_off_in_the_middle_is_kept_whole_and_sent_later(line, tmp_path):
    saver, proxy = line
    other = Saver(saver.store.uri, retries=1, part_size="5 MiB")
    data = os.urandom(22_000_000)
    (tmp_path / "a.mp4").write_bytes(data)
    proxy.cut_next("PUT", after=2_000_000, of="request", parameter="partNumber", times=100)
    with pytest.raises(StoreUnreachable):
        other.put("a.mp4", tmp_path / "a.mp4")
    (tmp_path / "a.mp4").unlink()
    proxy.heal()
    with pytest.raises(NotFound):
        saver.get("a.mp4")
    assert jsk("spool", "push").returncode == 0
    assert saver.get("a.mp4", to=tmp_path / "back.mp4").read_bytes() == data


def test_reading_goes_on_from_the_cache_while_the_server_is_gone(line, monkeypatch):
    saver, proxy = line
    saved = saver.put("a.json", [1])
    saver.get("a.json", version=saved)
    proxy.drop_next("*", times=1000)
    assert saver.get("a.json", version=saved) == [1]
    assert saver.search("@name:a.json", refresh=False).names == ["a.json"]
    for ask in (lambda: saver.get("a.json"), saver.search, lambda: saver.history("a.json")):
        with pytest.raises(StoreUnreachable):
            ask()
    with pytest.raises(StoreUnreachable) as caught:
        saver.get("a.json")
    assert f'saver.get("a.json", version="{saved.version}")' in caught.value.hint
    with pytest.raises(StoreUnreachable) as caught:
        saver.search()
    assert "saver.search(refresh=False)" in caught.value.hint
    monkeypatch.setenv("JSK_RETRIES", "1")
    said = jsk("get", "a.json", "--store", saver.store.uri).stderr
    assert f"jsk get a.json --version={saved.version}" in said
    got = jsk("get", "a.json", f"--version={saved.version}", "--to", "-", "--store", saver.store.uri)
    assert json.loads(got.stdout) == [1], got
    assert "jsk search --no-refresh" in jsk("search", "--store", saver.store.uri).stderr


# The disk is full -----------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path):
    """Give the test a disk of 24 MiB that is really full when it is full."""
    folder = tmp_path / "small disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a small disk (run as root)")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Take all the room there is."""
    file = folder / "filler"
    with file.open("wb", buffering=0) as out:
        for size in (2**20, 4096, 1):
            try:
                while True:
                    out.write(b"x" * size)
            except OSError:
                continue
    return file


def test_a_store_on_a_full_disk_says_so_and_the_object_is_kept_elsewhere(small_disk):
    saver = Saver(small_disk / "store")
    saver.put("a.json", [1])
    filler = fill(small_disk)
    with pytest.raises(StoreFull, match="No room left on the disk") as caught:
        saver.put("a.json", {"x": "y" * 100_000})
    (folder,) = waiting(saver)
    assert str(folder) in caught.value.kept
    assert "Free some space" in caught.value.hint
    assert saver.get("a.json") == [1]
    filler.unlink()
    assert files_in(small_disk / "store" / ".jsk" / "unfinished") == []
    assert jsk("spool", "push").returncode == 0
    assert saver.get("a.json") == {"x": "y" * 100_000}
    assert len(saver.history("a.json")) == 2


def test_a_store_that_fills_up_in_the_middle_of_an_object_keeps_nothing_of_it(small_disk, tmp_path):
    saver = Saver(small_disk / "store")
    saver.put("a.bin", b"before")
    (tmp_path / "big.bin").write_bytes(os.urandom(40 * 2**20))
    with pytest.raises(StoreFull):
        saver.put("a.bin", tmp_path / "big.bin")
    assert saver.get("a.bin") == b"before"
    assert shutil.disk_usage(small_disk).used < 2**20
    saver.put("a.bin", b"after")
    assert saver.get("a.bin") == b"after"


def test_store_and_spool_both_full_is_told_as_it_is(small_disk):
    saver = Saver(small_disk / "store", home=str(small_disk / "home"))
    saver.put("a.json", [1])
    filler = fill(small_disk)
    with pytest.raises(StoreFull) as caught:
        saver.put("a.json", {"x": "y" * 100_000})
    assert "in this process only" in caught.value.kept
    assert "cannot take it either" in caught.value.hint
    filler.unlink()
    assert waiting(saver) == []
    assert [name for name in files_in(small_disk / "home" / "spool") if name] == []
    saver.put("a.json", {"x": "y" * 100_000})
    assert saver.get("a.json", version=1) == [1]


def test_scratch_on_a_full_disk_refuses_what_is_too_large_and_takes_the_rest(small_disk, tmp_path):
    saver = Saver(tmp_path / "store", home=str(small_disk / "home"))
    with pytest.raises(StoreFull, match=r"No room left in .*home") as caught:
        saver.put("big.bin", os.urandom(40 * 2**20))
    assert "JSK_HOME" in caught.value.hint
    assert [name for name in files_in(small_disk) if "payload" in name] == []
    saver.put("small.bin", b"x")
    assert saver.get("small.bin") == b"x"
    assert saver.search().names == ["small.bin"]


def test_a_home_without_any_room_costs_nothing_but_speed(small_disk, place):
    home = small_disk / "home"
    home.mkdir()
    fill(small_disk)
    saver = place.saver(home=str(home))
    saver.put("a.json", [1], metadata={"origin": "x"})
    saved = saver.put("a.json", [2], metadata={"origin": "x"})
    for _ in range(2):
        assert saver.get("a.json") == saver.get("a.json", version=saved) == [2]
    assert len(saver.search({"origin": "x"})) == 2


def test_a_disk_that_fills_up_while_it_is_used_costs_nothing_but_speed(small_disk, place):
    saver = place.saver(home=str(small_disk / "home"))
    saver.put("a.json", [0], metadata={"n": 0})
    assert saver.get("a.json", search_pattern={"n": 0}) == [0]
    filler = fill(small_disk)
    for number in range(1, 4):
        saver.put("a.json", [number], metadata={"n": number})
    assert saver.get("a.json") == saver.get("a.json", version=-1) == [3]
    assert saver.get("a.json", search_pattern={"n": 2}) == [2]
    filler.unlink()
    assert [found.metadata["n"] for found in saver.search()] == [3, 2, 1, 0]
    assert [found.metadata["n"] for found in place.saver(home=str(small_disk / "home")).search()] == [
        3,
        2,
        1,
        0,
    ]


def test_a_home_on_a_read_only_disk_costs_nothing_but_speed(small_disk, place):
    home = small_disk / "home"
    code = """
        import sys
        from jsk_saver import Saver
        saver = Saver(sys.argv[1], home=sys.argv[2])
        saver.put("a.json", [0], metadata={"n": 0})
        print(len(saver.search()))
    """
    assert run(code, place.uri, home, **settings_of(place)) == "1\n"
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    said = run(
        """
        import sys
        from jsk_saver import Saver
        saver = Saver(sys.argv[1], home=sys.argv[2])
        saver.put("a.json", [1], metadata={"n": 1})
        assert saver.get("a.json", search_pattern={"n": 0}) == [0]
        assert saver.get("a.json", version=-1) == [1]
        print([found.metadata["n"] for found in saver.search()])
        """,
        place.uri, home, **settings_of(place),
    )  # fmt: skip
    assert said.strip() == "[1, 0]"


# The index is damaged -------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", ["garbage", "truncated", "empty", "deleted", "folder deleted", "a folder"])
def test_an_index_file_that_is_damaged_is_built_anew_and_nothing_is_missing(tmp_path, damage):
    code = """
        import sys
        from jsk_saver import Saver
        saver = Saver(sys.argv[1])
        for number in range(30):
            saver.put("a.json", number, metadata={"n": number})
        print(len(saver.search("n:>=10")))
    """
    assert run(code, tmp_path / "store") == "20\n"
    saver = Saver(tmp_path / "store")
    (file,) = (saver.settings.home / "index").glob("*.sqlite")
    _damage(file, damage)
    _check_thirty_versions(saver)


@pytest.mark.parametrize("damage", ["garbage", "truncated", "deleted", "folder deleted", "a folder"])
def test_an_index_file_that_is_damaged_while_it_is_used_is_built_anew_too(tmp_path, damage):
    saver = Saver(tmp_path / "store")
    for number in range(30):
        saver.put("a.json", number, metadata={"n": number})
    assert len(saver.search("n:>=10")) == 20
    (file,) = (saver.settings.home / "index").glob("*.sqlite")
    _damage(file, damage)
    _check_thirty_versions(saver)


def _check_thirty_versions(saver: Saver) -> None:
    saver.put("a.json", 30, metadata={"n": 30})
    assert saver.get("a.json", search_pattern="n:>=30") == 30
    assert saver.get("a.json", search_pattern={"n": 7}) == 7
    assert len(saver.search("n:>=10")) == 21
    assert len(Saver(saver.store.uri).search(limit=None)) == 31
    saver.delete("a.json")
    assert saver.search().names == []
    assert len(saver.history("a.json")) == 31


def test_an_index_that_fails_does_not_fail_what_the_store_has_done(tmp_path, monkeypatch):
    from jsk_saver.errors import JskError

    saver = Saver(tmp_path / "store")
    saver.put("a.json", 1)

    def fail(*_: object) -> None:
        raise JskError("The search index was in use by another process for 30 seconds.")

    with monkeypatch.context() as patch:
        for verb in ("append", "hide", "unhide", "forget"):
            patch.setattr(type(saver.connection.index), verb, fail)
        for change in (
            lambda: saver.put("a.json", 2),
            lambda: saver.delete("a.json"),
            lambda: saver.restore("a.json"),
            lambda: saver.restore("a.json", version=1),
            lambda: saver.purge("a.json", version=2, yes=True),
        ):
            with pytest.warns(UserWarning, match="The store has it, but the search index does not yet"):
                change()
    assert len(saver.history("a.json")) == 2
    assert saver.get("a.json") == 1


def _damage(file: Path, damage: str) -> None:
    if damage == "garbage":
        for path in file.parent.iterdir():
            path.write_bytes(os.urandom(50_000))
    elif damage == "truncated":
        os.truncate(file, file.stat().st_size // 2)
    elif damage == "empty":
        file.write_bytes(b"")
    elif damage == "folder deleted":
        shutil.rmtree(file.parent)
    else:
        for path in file.parent.iterdir():
            path.unlink()
        if damage == "a folder":
            file.mkdir()


def test_the_command_tells_scripts_what_happened_what_was_kept_and_what_to_type(line, tmp_path):
    saver, proxy = line
    (tmp_path / "x.txt").write_text("hello")
    proxy.drop_next("*", times=1000)
    done = jsk("put", str(tmp_path / "x.txt"), "--store", saver.store.uri)
    assert done.returncode == 6, done
    (folder,) = waiting(saver)
    said = " ".join(done.stderr.split())
    assert "'x.txt'" in said
    assert f"Kept: The encoded object and its record, in {folder}" in said
    assert "jsk spool push" in said
