"""Bring a new repository to GitLab: the project, both branches, and their protection and that of releases."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from jsk_ci.errors import GitLabError, ProjectError
from jsk_ci.skeleton import making
from jsk_saver.errors import AlreadyThere, MissingExtra, NotFound, SettingsError

TOKEN = "GITLAB_TOKEN"  # noqa: S105 - the name of a variable
#: GitLab's access levels: nobody, developers, maintainers.
_NOBODY, _DEVELOPERS, _MAINTAINERS = 0, 30, 40
#: Who merges; nobody pushes past a merge request.
_MERGES = {"main": _MAINTAINERS, "develop": _DEVELOPERS}
#: Of releases: the component ``release`` promotes protected ones alone.
_TAGS = "*.*.*"


@dataclass(frozen=True, slots=True)
class Hosted:
    """A project on GitLab.

    Parameters
    ----------
    url
        Of its page.
    remote
        What Git pushes to.
    protected
        Its protected branches and tags.
    """

    url: str
    remote: str
    protected: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return asdict(self)


class GitLab:
    """A GitLab server, and a group on it.

    Parameters
    ----------
    url
        ``https://gitlab.example.org``.
    group
        Full path of the group, ``science/churn``; the user's own projects without one.

    Raises
    ------
    MissingExtra
        If python-gitlab is not installed.
    SettingsError
        If there is no token.
    """

    def __init__(self, url: str, group: str | None = None) -> None:
        try:
            import gitlab
        except ImportError as error:
            raise MissingExtra(
                "python-gitlab is not installed.", hint='pip install "jsk-saver[gitlab]"'
            ) from error
        self.url, self.group = url.rstrip("/"), group
        self._token = os.environ.get(TOKEN, "")
        if not self._token:
            raise SettingsError(
                f"No token for {self.url}: {TOKEN} is not set.",
                kept="Nothing was made.",
                hint=f"export {TOKEN}=…    # one with the scopes api and write_repository",
            )
        self._api = gitlab.Gitlab(self.url, private_token=self._token, timeout=30)
        self._namespace: int | None = None

    def check(self, name: str) -> None:
        """Make sure that the project can be made, before anything is.

        Raises
        ------
        GitLabError
            If GitLab refuses the token or does not answer.
        NotFound
            If there is no such group.
        AlreadyThere
            If there is such a project.
        """
        with self._told("sign in"):
            self._api.auth()
        owner = self.group or self._api.user.username
        if self.group:
            with self._told(f"find the group {self.group}"):
                self._namespace = self._api.groups.get(self.group).id
        if self._has(f"{owner}/{name}"):
            raise AlreadyThere(
                f"{self.url}/{owner}/{name} exists already.",
                kept="It stays as it is; nothing was made.",
                hint=f"git clone {self.url}/{owner}/{name}.git",
            )

    def host(self, name: str, title: str, folder: Path) -> Hosted:
        """Create the project, push both branches and protect them, and the tags of releases.

        Raises
        ------
        GitLabError
            If any of it fails, with what is there by then.
        """
        wanted: dict[str, Any] = {"name": name, "path": name, "description": title, "visibility": "private"}
        if self._namespace is not None:
            wanted["namespace_id"] = self._namespace
        with self._told("create the project", f"The repository in {folder}."):
            project = self._api.projects.create(wanted)
        remote = project.http_url_to_repo
        self._push(folder, remote)
        kept = f"The repository in {folder}, and {project.web_url} with both branches."
        with self._told("protect branches and tags", kept):
            project.default_branch = "develop"  # where merge requests go
            project.save()
            for branch, level in _MERGES.items():
                self._protect(project, branch, level)
            project.protectedtags.create({"name": _TAGS, "create_access_level": _MAINTAINERS})
        return Hosted(project.web_url, remote, (*_MERGES, f"tags {_TAGS}"))

    def _has(self, path: str) -> bool:
        from gitlab.exceptions import GitlabGetError

        with self._told(f"look for {path}"):
            try:
                self._api.projects.get(path)
            except GitlabGetError as error:
                if error.response_code == 404:
                    return False
                raise
        return True

    def _protect(self, project: Any, branch: str, merges: int) -> None:
        if branch in [known.name for known in project.protectedbranches.list(get_all=True)]:
            project.protectedbranches.delete(branch)  # GitLab protects a first branch in its own way
        wanted = {"push_access_level": _NOBODY, "merge_access_level": merges, "allow_force_push": False}
        project.protectedbranches.create({"name": branch, **wanted})

    def _push(self, folder: Path, remote: str) -> None:
        making.git(folder, "remote", "add", "origin", remote)
        try:
            making.git(
                folder, "push", "--quiet", "--set-upstream", "origin", *making.BRANCHES,
                environment=self._credentials(remote),
            )  # fmt: skip
        except ProjectError as error:
            raise GitLabError(
                error.what,
                kept=f"The repository in {folder}, and the empty project {remote}.",
                hint=f"git -C {folder} push --set-upstream origin {' '.join(making.BRANCHES)}",
            ) from error

    def _credentials(self, remote: str) -> dict[str, str]:
        """Return Git's settings for this one push; the token is in no file and no list of processes."""
        if not remote.startswith(self.url):
            return {}
        login = base64.b64encode(f"oauth2:{self._token}".encode()).decode()
        return {
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"http.{self.url}/.extraHeader",
            "GIT_CONFIG_VALUE_0": f"Authorization: Basic {login}",
        }

    @contextmanager
    def _told(self, what: str, kept: str = "Nothing was made.") -> Iterator[None]:
        import requests
        from gitlab.exceptions import GitlabAuthenticationError, GitlabError, GitlabGetError

        try:
            yield
        except GitlabAuthenticationError as error:
            raise GitLabError(
                f"{self.url} does not take the token: {error}.", kept=kept, hint=f"export {TOKEN}=…"
            ) from error
        except GitlabGetError as error:
            if error.response_code == 404:
                raise NotFound(f"{self.url}: could not {what}: {error}.", kept=kept) from error
            raise GitLabError(f"{self.url}: could not {what}: {error}.", kept=kept) from error
        except (GitlabError, requests.RequestException) as error:
            raise GitLabError(f"{self.url}: could not {what}: {error}.", kept=kept) from error
