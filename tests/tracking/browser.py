"""A real browser (Chromium without a window), which notes whatever is wrong with a page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.servers.browser import chromium


@dataclass
class Look:
    """A page that is open, and what it did that it should not have done."""

    page: Any
    #: Errors, dialogs, and requests that go out of the page itself.
    complaints: list[str] = field(default_factory=list)


@contextmanager
def looking(path: Path, *, scheme: str = "light", width: int = 1280, height: int = 900) -> Iterator[Look]:
    """Open a file of this machine, as somebody would who clicks on it."""
    with chromium() as browser:
        page = browser.new_context(
            color_scheme=scheme, viewport={"width": width, "height": height}
        ).new_page()
        look = Look(page)
        page.on("pageerror", lambda error: look.complaints.append(f"error: {error}"))
        page.on("console", lambda said: _note(look, said))
        page.on("request", lambda request: _request(look, request))
        page.on(
            "dialog", lambda dialog: (look.complaints.append(f"dialog: {dialog.message}"), dialog.dismiss())
        )
        page.goto(path.resolve().as_uri())
        yield look


def _note(look: Look, said: Any) -> None:
    # Warnings of the graphics driver are about this machine, not about the page.
    if said.type in ("error", "assert"):
        look.complaints.append(f"{said.type}: {said.text}")


def _request(look: Look, request: Any) -> None:
    if not request.url.startswith(("file:", "data:", "blob:", "about:")):
        look.complaints.append(f"request: {request.url}")


def hover(look: Look, within: str) -> str:
    """Move the mouse over a plot until it says something; return that."""
    plot = look.page.locator(within).first
    area = plot.locator(".nsewdrag").first
    area.scroll_into_view_if_needed()
    box = area.bounding_box()
    assert box is not None
    for across in (0.3, 0.5, 0.6):
        for down in (0.2, 0.5, 0.8, 0.9, 0.95):
            look.page.mouse.move(box["x"] + box["width"] * across, box["y"] + box["height"] * down)
            look.page.wait_for_timeout(120)
            said = plot.locator(".hoverlayer .hovertext").all_text_contents()
            if said:
                return str(said[0])
    return ""
