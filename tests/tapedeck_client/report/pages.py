"""A run to report, and pages as a strict reader sees them."""

from __future__ import annotations

from html.parser import HTMLParser

from tapedeck.v1.run_pb2 import Run
from tapedeck_client.recorded import Ledger, gathered
from tests.tapedeck_client.services import recorded_runs, story

WITHOUT_END = {"br", "meta"}

HOSTILE = "</style></title><script>alert(1)</script><img src=x onerror=alert(1)>\" ' & $\\frac$ \x1b[2J 日経 é 🚀"
"""What would do harm, or break a drawing, where it is not escaped."""


def recorded_run() -> tuple[Run, Ledger]:
    """The run that succeeded, and its ledger of six sessions."""
    return recorded_runs()[0], gathered(story())


class Page(HTMLParser):
    """The elements of a page; one that is not closed, or closed by another, is refused."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in WITHOUT_END:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] != "style":
            self.texts.append(data)

    @property
    def names(self) -> set[str]:
        return {name for name, _ in self.elements}

    @property
    def text(self) -> str:
        return "\n".join(self.texts)

    def count(self, name: str) -> int:
        return sum(found == name for found, _ in self.elements)
