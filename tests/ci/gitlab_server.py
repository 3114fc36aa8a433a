"""A stand-in for GitLab's API: the calls that a new project takes, with state, each body checked.

Paths, bodies and answers are those of GitLab's REST documentation (projects, groups, protected
branches and tags).
Git itself is real: the project's repository is a bare one on this machine.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from tests.servers.threaded import Threaded

TOKEN = "glpat-for-tests"
Answer = tuple[int, Any]

#: What GitLab takes when a project is made, of what the kit might say; and for a protected branch.
_PROJECT = {
    "name": str, "path": str, "description": str, "visibility": str, "namespace_id": int,
}  # fmt: skip
_TAG = {"name": str, "create_access_level": int}
_BRANCH = {"name": str, "push_access_level": int, "merge_access_level": int, "allow_force_push": bool}


class GitLabServer(Threaded):
    """The API, with one user, one group and the projects that are made.

    Parameters
    ----------
    folder
        For the projects' repositories.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.projects: dict[str, dict[str, Any]] = {}
        self.protected: dict[int, dict[str, dict[str, Any]]] = {}
        self.tags: dict[int, list[dict[str, Any]]] = {}
        self.calls: list[str] = []
        self.failing: re.Pattern[str] | None = None
        self.lost_remote = False
        handler = type("Handler", (_Handler,), {"gitlab": self})
        super().__init__(ThreadingHTTPServer(("127.0.0.1", 0), handler))

    def answer(self, method: str, path: str, body: dict[str, Any]) -> Answer:
        """Return status and JSON of one call."""
        self.calls.append(f"{method} {path}")
        if self.failing and self.failing.search(self.calls[-1]):
            return 500, {"message": "500 Internal Server Error"}
        for pattern, call in self._routes():
            match = re.fullmatch(pattern, f"{method} {path}")
            if match:
                return call(body, *match.groups())
        return 404, {"message": "404 Not Found"}

    def _routes(self) -> list[tuple[str, Callable[..., Answer]]]:
        return [
            (r"GET /user", lambda _: (200, {"id": 1, "username": "ada"})),
            (r"GET /groups/science/flowers", lambda _: (200, {"id": 7, "full_path": "science/flowers"})),
            (r"POST /projects", self._create),
            (r"GET /projects/(.*[^/0-9].*)(?<!protected_branches)", self._find),
            (r"PUT /projects/(\d+)", self._change),
            (r"GET /projects/(\d+)/protected_branches", self._list),
            (r"POST /projects/(\d+)/protected_branches", self._protect),
            (r"DELETE /projects/(\d+)/protected_branches/(\w+)", self._unprotect),
            (r"POST /projects/(\d+)/protected_tags", self._protect_tags),
        ]

    def _create(self, body: dict[str, Any]) -> Answer:
        _check(body, _PROJECT, {"name", "path"})
        owner = {None: "ada", 7: "science/flowers"}[body.get("namespace_id")]
        path, number = f"{owner}/{body['path']}", len(self.projects) + 1
        bare = self.folder / f"{number}.git"
        subprocess.run(["git", "init", "--quiet", "--bare", str(bare)], check=True)
        made = {
            "id": number,
            "path_with_namespace": path,
            "web_url": f"{self.endpoint}/{path}",
            "http_url_to_repo": str(bare) if not self.lost_remote else str(self.folder / "nowhere.git"),
            "default_branch": None,
            **body,
        }
        self.projects[path] = made
        self.protected[number] = {}
        return 201, made

    def _find(self, _: dict[str, Any], path: str) -> Answer:
        return (200, self.projects[path]) if path in self.projects else (404, {"message": "404 Not Found"})

    def _change(self, body: dict[str, Any], number: str) -> Answer:
        _check(body, {"default_branch": str}, {"default_branch"})
        project = next(known for known in self.projects.values() if known["id"] == int(number))
        assert body["default_branch"] in self.branches(project)
        project.update(body)
        return 200, project

    def _list(self, _: dict[str, Any], number: str) -> Answer:
        self._protect_the_first(int(number))
        return 200, list(self.protected[int(number)].values())

    def _protect_the_first(self, number: int) -> None:
        """As GitLab does with the branch that is pushed first."""
        project = next(known for known in self.projects.values() if known["id"] == number)
        if "main" in self.branches(project) and not project.get("seen"):
            project["seen"] = True
            self.protected[number]["main"] = {
                "name": "main",
                "push_access_level": 40,
                "merge_access_level": 40,
            }

    def _protect(self, body: dict[str, Any], number: str) -> Answer:
        _check(body, _BRANCH, {"name"})
        if body["name"] in self.protected[int(number)]:
            return 409, {"message": f"Protected branch '{body['name']}' already exists"}
        self.protected[int(number)][body["name"]] = body
        return 201, body

    def _unprotect(self, _: dict[str, Any], number: str, name: str) -> Answer:
        del self.protected[int(number)][name]
        return 204, None

    def _protect_tags(self, body: dict[str, Any], number: str) -> Answer:
        _check(body, _TAG, {"name"})
        self.tags.setdefault(int(number), []).append(body)
        return 201, body

    def branches(self, project: dict[str, Any]) -> list[str]:
        """Return the branches that a project's repository has."""
        command = ["git", "-C", project["http_url_to_repo"], "branch", "--format=%(refname:short)"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def _check(body: dict[str, Any], known: dict[str, type], needed: set[str]) -> None:
    assert needed <= set(body), body
    for name, value in body.items():
        assert type(value) is known[name], (name, value)


class _Handler(BaseHTTPRequestHandler):
    gitlab: GitLabServer

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        text = self.rfile.read(length)
        if self.headers.get("PRIVATE-TOKEN") != TOKEN:
            status, answer = 401, {"message": "401 Unauthorized"}
        else:
            path = unquote(urlsplit(self.path).path.removeprefix("/api/v4"))
            try:
                status, answer = self.gitlab.answer(self.command, path, json.loads(text) if text else {})
            except (AssertionError, KeyError) as error:
                status, answer = 400, {"message": f"the stand-in does not take it: {error!r}"}
        content = json.dumps(answer).encode() if answer is not None else b""
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_DELETE = _serve

    def log_message(self, *_: object) -> None:
        """Stay quiet."""
