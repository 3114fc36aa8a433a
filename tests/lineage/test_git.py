"""What lineage says of the code: commit, branch, remote and changes."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from jsk_saver.lineage import collect, git, repository, worktree


def test_a_clean_working_tree_has_commit_and_branch_and_nothing_dirty(repo):
    commit = repo.commit()
    assert repo.state() == {"commit": commit, "branch": "main"}


def test_a_commit_made_while_the_process_runs_is_seen_at_once(repo):
    first = repo.commit()
    assert repo.state()["commit"] == first
    second = repo.commit(text="depth = 4\n")
    assert repo.state() == {"commit": second, "branch": "main"}


def test_switching_the_branch_is_seen_at_once(repo):
    repo.commit()
    assert repo.state()["branch"] == "main"
    repo.git("switch", "-q", "-c", "feature/äther")
    assert repo.state()["branch"] == "feature/äther"


@pytest.fixture
def quick_enough(monkeypatch):
    """Let no look at a small repository count as slow, however busy this machine is."""
    monkeypatch.setattr(git, "CHEAP", 60)
    monkeypatch.setattr(worktree, "WATCH_BUDGET", 60)


def test_an_edit_is_seen_by_the_very_next_put(repo, quick_enough):
    repo.commit()
    assert "dirty" not in repo.state()
    repo.write("model.py", "depth = 5\n")
    first = repo.state()["dirty"]
    assert len(first) == 32
    repo.write("model.py", "depth = 6\n")
    assert repo.state()["dirty"] not in (first, "unknown")
    repo.write("model.py", "depth = 3\n")
    assert "dirty" not in repo.state()


def test_a_new_file_is_seen_by_the_very_next_put(repo, quick_enough):
    repo.commit("code/model.py")
    assert "dirty" not in repo.state()
    repo.write("code/helper.py", "x = 1\n")
    assert len(repo.state()["dirty"]) == 32


@pytest.mark.parametrize(
    "slow",
    [(git, "_PATIENCE_FACTOR", 1e6), (worktree, "WATCH_BUDGET", -1), (worktree, "MOST_WATCHED", 0)],
)
def test_where_looking_is_slow_an_edit_is_seen_once_the_last_look_no_longer_stands(repo, monkeypatch, slow):
    monkeypatch.setattr(git, "CHEAP", 0)
    monkeypatch.setattr(git, "_PATIENCE_FACTOR", 0)
    monkeypatch.setattr(*slow)
    repo.commit()
    assert "dirty" not in repo.state()
    repo.write("model.py", "depth = 5\n")
    assert "dirty" not in repo.state(), "git is not asked again within a few seconds"
    now = time.monotonic()
    monkeypatch.setattr(git.time, "monotonic", lambda: now + 1000)
    assert len(repo.state()["dirty"]) == 32


def test_the_digest_covers_what_is_in_untracked_files(repo, always_look):
    repo.commit()
    repo.write("helper.py", "rate = 1\n")
    repo.write("new/deep/tool.py", "rate = 1\n")
    first = repo.state()["dirty"]
    repo.write("helper.py", "rate = 2\n")
    second = repo.state()["dirty"]
    repo.write("new/deep/tool.py", "rate = 2\n")
    third = repo.state()["dirty"]
    assert len({first, second, third, "unknown"}) == 4
    repo.write("helper.py", "rate = 1\n")
    repo.write("new/deep/tool.py", "rate = 1\n")
    assert repo.state()["dirty"] == first, "the same contents are the same changes"


def test_of_large_untracked_files_size_and_time_tell(repo, always_look, monkeypatch):
    monkeypatch.setattr(worktree, "MOST_BYTES", 4)
    repo.commit()
    repo.write("weights.bin", "one  ")
    os.utime(repo.root / "weights.bin", ns=(1, 1))
    first = repo.state()["dirty"]
    repo.write("weights.bin", "two  ")
    os.utime(repo.root / "weights.bin", ns=(1, 1))
    assert repo.state()["dirty"] == first
    os.utime(repo.root / "weights.bin", ns=(2, 2))
    assert repo.state()["dirty"] != first


def test_a_folder_of_very_many_untracked_files_counts_by_its_name(repo, always_look, monkeypatch):
    monkeypatch.setattr(git, "_MOST_UNTRACKED", 2)
    repo.commit()
    for number in range(3):
        repo.write(f"runs/{number}.log", "1")
    first = repo.state()["dirty"]
    repo.write("runs/0.log", "2")
    assert repo.state()["dirty"] == first != "unknown"


def test_odd_untracked_things_are_no_trouble(repo, always_look):
    repo.commit()
    repo.write("private.py", "x = 1\n")
    (repo.root / "private.py").chmod(0)
    (repo.root / "dangling").symlink_to("nowhere")
    os.mkfifo(repo.root / "pipe")
    inner = type(repo)(repo.root / "inner")
    inner.git("init", "-q")
    first = repo.state()["dirty"]
    assert len(first) == 32
    (repo.root / "dangling").unlink()
    (repo.root / "dangling").symlink_to("elsewhere")
    assert repo.state()["dirty"] not in (first, "unknown")


def test_the_digest_follows_the_changes(repo, always_look):
    repo.commit()
    repo.write("model.py", "depth = 5\n")
    unstaged = repo.state()["dirty"]
    repo.git("add", "model.py")
    assert repo.state()["dirty"] == unstaged, "staging changes nothing that runs"
    repo.write("model.py", "depth = 6\n")
    assert repo.state()["dirty"] != unstaged
    repo.write("model.py", "depth = 5\n")
    assert repo.state()["dirty"] == unstaged
    repo.write("helper.py", "")
    assert repo.state()["dirty"] != unstaged, "a new file may have been imported"
    repo.git("restore", "--staged", "model.py")
    repo.write("model.py", "depth = 3\n")
    (repo.root / "helper.py").unlink()
    assert "dirty" not in repo.state()


def test_a_changed_binary_file_changes_the_digest(repo, always_look):
    repo.commit("weights.bin", "\0one")
    repo.write("weights.bin", "\0two")
    first = repo.state()["dirty"]
    repo.write("weights.bin", "\0six")
    assert repo.state()["dirty"] != first


def test_renamed_and_deleted_files_are_changes(repo, always_look):
    repo.commit("a b.py", "x = 1\n" * 20)
    repo.commit("model.py")
    repo.git("mv", "a b.py", "c d.py")
    renamed = repo.state()["dirty"]
    (repo.root / "model.py").unlink()
    assert repo.state()["dirty"] not in ("unknown", renamed)


def test_personal_settings_do_not_change_the_digest(repo, always_look, tmp_path):
    repo.commit(text="".join(f"{number}\n\n" for number in range(30)))
    repo.write("model.py", "".join(f"{number}\n\n" for number in range(30) if number != 15))
    plain = repo.state()["dirty"]
    with (tmp_path / "gitconfig").open("a") as config:
        config.write(
            "[diff]\n\tnoprefix = true\n\tmnemonicPrefix = true\n\tcontext = 9\n\talgorithm = patience\n"
            "\texternal = false\n\tinterHunkContext = 7\n\tsuppressBlankEmpty = true\n\trenames = copies\n"
            "[core]\n\tquotePath = false\n\tabbrev = 12\n[color]\n\tui = always\n"
            "[status]\n\tshowUntrackedFiles = no\n\trelativePaths = false\n"
        )
    assert repo.state()["dirty"] == plain


def test_a_detached_head_has_a_commit_and_no_branch(repo):
    commit = repo.commit()
    repo.git("checkout", "-q", "--detach")
    assert repo.state() == {"commit": commit}


def test_before_the_first_commit_there_is_a_branch_and_what_was_added(repo, always_look):
    assert repo.state() == {"branch": "main"}
    repo.write("model.py", "depth = 3\n")
    repo.git("add", "model.py")
    first = repo.state()
    assert set(first) == {"branch", "dirty"}
    repo.write("model.py", "depth = 4\n")
    assert repo.state()["dirty"] not in (first["dirty"], "unknown")


def test_a_packed_branch_is_read_and_a_commit_on_it_seen(repo):
    commit = repo.commit()
    repo.git("pack-refs", "--all")
    found = repository.find(str(repo.root))
    assert repository.head(found) == {"commit": commit, "branch": "main"}
    assert repo.state()["commit"] == commit
    assert repo.commit(text="depth = 4\n") == repo.state()["commit"]


def test_a_linked_worktree_has_its_own_commit_and_the_shared_remote(repo, tmp_path):
    first = repo.commit()
    repo.git("remote", "add", "origin", "https://git.example.org/team/churn.git")
    repo.git("worktree", "add", "-q", "-b", "trial", str(tmp_path / "linked"))
    linked = type(repo)(tmp_path / "linked")
    second = linked.commit(text="depth = 9\n")
    remote = "https://git.example.org/team/churn.git"
    assert linked.state() == {"commit": second, "branch": "trial", "remote": remote}
    assert repo.state() == {"commit": first, "branch": "main", "remote": remote}


def test_a_submodule_is_a_repository_of_its_own(repo, make_repo):
    library = make_repo("library", branch="trunk")
    inner = library.commit("lib.py")
    outer = repo.commit()
    repo.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(library.root), "lib")
    repo.git("commit", "-q", "-m", "add library")
    submodule = type(repo)(repo.root / "lib")
    assert submodule.state()["commit"] == inner
    assert submodule.state()["branch"] == "trunk"
    assert repo.state()["commit"] not in (inner, outer)


@pytest.mark.parametrize("folder", ["notebooks", "notebooks/deep"])
def test_a_folder_below_the_root_belongs_to_the_repository(repo, folder):
    commit = repo.commit(f"{folder}/a.py")
    found = repository.find(str(repo.root / folder))
    assert found.root == str(repo.root)
    assert git.describe(found)["commit"] == commit


def test_no_repository_is_found_outside_of_one_and_one_made_later_is(tmp_path, monkeypatch):
    folder = tmp_path / "plain"
    folder.mkdir()
    assert repository.find(str(folder)) is None
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    now = time.monotonic()
    monkeypatch.setattr(repository.time, "monotonic", lambda: now + 1000)
    assert repository.find(str(folder)).root == str(folder)


def test_an_empty_git_folder_is_no_repository(tmp_path):
    (tmp_path / "odd" / ".git").mkdir(parents=True)
    (tmp_path / "odder").mkdir()
    (tmp_path / "odder" / ".git").write_text("gitdir: /nowhere\n")
    assert repository.find(str(tmp_path / "odd")) is None
    assert repository.find(str(tmp_path / "odder")) is None


def test_without_git_installed_commit_and_branch_are_still_known(repo, monkeypatch, tmp_path):
    commit = repo.commit()
    repo.git("pack-refs", "--all")
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    assert repo.state() == {"commit": commit, "branch": "main", "dirty": "unknown"}


def test_a_repository_that_git_refuses_as_somebody_elses_still_names_its_commit(repo, monkeypatch):
    commit = repo.commit()
    repo.git("remote", "add", "origin", "git@git.example.org:team/churn.git")
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    refused = subprocess.run(["git", "status"], cwd=repo.root, capture_output=True, text=True)
    assert "dubious ownership" in refused.stderr
    assert repo.state() == {
        "commit": commit,
        "branch": "main",
        "dirty": "unknown",
        "remote": "git@git.example.org:team/churn.git",
    }


def test_a_git_hooks_variables_do_not_lead_elsewhere(repo, monkeypatch, make_repo):
    commit = repo.commit()
    other = make_repo("other")
    other.commit("other.py")
    monkeypatch.setenv("GIT_DIR", str(other.root / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other.root / ".git" / "index"))
    assert repo.state() == {"commit": commit, "branch": "main"}


@pytest.fixture
def slow_git(tmp_path, monkeypatch):
    """A git that starts a child, keeps the pipe open and never ends; returns the file with both pids."""
    folder = tmp_path / "slow"
    folder.mkdir()
    pids = tmp_path / "pids"
    script = folder / "git"
    script.write_text(f"#!/bin/sh\nsleep 1000 &\necho $! $$ >> {pids}\nwait\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(git, "TIMEOUT", 0.2)
    return pids


def _alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    try:
        return status.read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_git_that_hangs_is_ended_with_its_children_and_asked_less_often(repo, slow_git):
    first = repo.commit()
    assert repo.state() == {"commit": first, "branch": "main", "dirty": "unknown"}
    started = [int(pid) for pid in slow_git.read_text().split()]
    for _ in range(100):
        if not any(map(_alive, started)):
            break
        time.sleep(0.05)
    assert not any(map(_alive, started))
    second = repo.commit(text="depth = 4\n")
    assert repo.state() == {"commit": second, "branch": "main", "dirty": "unknown"}
    assert len(slow_git.read_text().split()) == len(started), "a commit is no reason to wait again"


def test_no_lock_is_taken_and_the_index_stays_untouched(repo, always_look):
    repo.commit()
    index = repo.root / ".git" / "index"
    later = time.time() + 10  # makes git want to refresh the index
    os.utime(repo.root / "model.py", (later, later))
    before = (index.read_bytes(), index.stat().st_mtime_ns)
    (repo.root / ".git" / "index.lock").touch()  # somebody else is committing
    assert "dirty" not in repo.state()
    assert (index.read_bytes(), index.stat().st_mtime_ns) == before


@pytest.mark.parametrize(
    ("url", "public"),
    [
        ("https://git.example.org/team/churn.git", "https://git.example.org/team/churn.git"),
        ("https://t0ken@git.example.org/team/churn.git", "https://git.example.org/team/churn.git"),
        ("https://ana:p@ss:word@git.example.org:8443/churn", "https://git.example.org:8443/churn"),
        ("https://ana:pa/ss@git.example.org/churn", None),
        ("https://git.example.org/churn?private_token=t0ken", "https://git.example.org/churn"),
        ("https://[::1]:8080/churn.git", "https://[::1]:8080/churn.git"),
        ("ssh://git@git.example.org:22/team/churn", "ssh://git@git.example.org:22/team/churn"),
        ("ssh://git:s3cret@git.example.org/team/churn", "ssh://git@git.example.org/team/churn"),
        ("git@git.example.org:team/churn.git", "git@git.example.org:team/churn.git"),
        ("ana:s3cret@git.example.org:team/churn.git", None),
        ("codecommit::us-east-1://profile@churn", "codecommit::us-east-1://churn"),
        ("ext::ssh -i key ana@git.example.org %S churn", None),
        ("/srv/git/churn.git", "/srv/git/churn.git"),
        ("file:///srv/git/churn.git", "file:///srv/git/churn.git"),
    ],
)
def test_a_remote_is_told_without_secrets(repo, url, public):
    repo.commit()
    repo.git("config", "remote.origin.url", url)
    assert repo.state().get("remote") == public


def test_the_remote_is_the_one_the_branch_follows_else_origin_else_the_only_one(repo, always_look):
    repo.commit()
    repo.git("remote", "add", "upstream", "https://git.example.org/up")
    assert repo.state()["remote"] == "https://git.example.org/up"
    repo.git("remote", "add", "fork", "https://git.example.org/fork")
    assert "remote" not in repo.state()
    repo.git("remote", "add", "origin", "https://git.example.org/origin")
    assert repo.state()["remote"] == "https://git.example.org/origin"
    repo.git("config", "branch.main.remote", "fork")
    assert repo.state()["remote"] == "https://git.example.org/fork"


def test_collect_tells_the_working_folders_repository(repo, monkeypatch):
    commit = repo.commit()
    monkeypatch.chdir(repo.root)
    lineage = collect()
    assert (lineage["commit"], lineage["branch"]) == (commit, "main")


def test_a_working_folder_that_was_removed_leaves_the_rest_known(tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    lineage = collect()
    assert "commit" not in lineage
    assert lineage["user"]
    monkeypatch.chdir(tmp_path)
