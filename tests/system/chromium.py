"""Debian's Chromium without a window, spoken to by the DevTools protocol over a pipe."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import select
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PROGRAM = Path("/usr/bin/chromium")
"""Where Debian puts it."""

OPTIONS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--remote-debugging-pipe")
"""Root may not use the sandbox; the other ones are for machines without a screen, and with little shared memory."""


PATIENCE_SECONDS = 60
"""How long the browser may say nothing, on a busy machine."""


class Tab:
    """One tab, and everything that it told so far."""

    def __init__(self, commands: int, answers: int) -> None:
        self._commands, self._answers = commands, answers
        self._number, self._session, self._rest = 0, "", b""
        self.events: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Log", "Runtime"):
            self.call(f"{domain}.enable")
        self.call("Page.setLifecycleEventsEnabled", enabled=True)

    def call(self, method: str, **parameters: object) -> dict[str, Any]:
        """Send a command and wait for its answer; an error of the browser fails the test."""
        self._number += 1
        command: dict[str, object] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            command["sessionId"] = self._session
        os.write(self._commands, json.dumps(command).encode() + b"\0")
        while True:
            message = self._next()
            if message.get("id") == self._number:
                assert "error" not in message, message
                result: dict[str, Any] = message["result"]
                return result

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._answers], [], [], PATIENCE_SECONDS)
            assert ready, "the browser hangs"
            read = os.read(self._answers, 1 << 16)
            assert read, "the browser ended"
            self._rest += read
        text, _, self._rest = self._rest.partition(b"\0")
        message: dict[str, Any] = json.loads(text)
        if "id" not in message:
            self.events.append(message)
        return message

    def told(self, method: str) -> list[dict[str, Any]]:
        """The events of a kind, so far."""
        return [event["params"] for event in self.events if event["method"] == method]

    def open(self, url: str) -> None:
        """Go to a page and wait until all of it is loaded."""
        page = self.call("Page.navigate", url=url)["loaderId"]  # the blank page before it may be loaded only now
        while not any((event["loaderId"], event["name"]) == (page, "load") for event in self.told("Page.lifecycleEvent")):
            self._next()

    def evaluate(self, expression: str) -> Any:
        """What a piece of JavaScript says of the page."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def screenshot(self, colour_scheme: str) -> bytes:
        """The whole page as PNG, in light or dark mode."""
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": colour_scheme}])
        return base64.b64decode(self.call("Page.captureScreenshot", captureBeyondViewport=True)["data"])


@contextlib.contextmanager
def chromium(profile: Path) -> Iterator[Tab]:
    """A browser with a profile of its own, and one tab; it is ended with all of its processes."""
    with contextlib.ExitStack() as stack:
        commands_in, commands_out, answers_in, answers_out = (_high(stack, end) for end in (*os.pipe(), *os.pipe()))
        command = [str(PROGRAM), *OPTIONS, f"--user-data-dir={profile}"]
        quiet = (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0)
        pipes = [(os.POSIX_SPAWN_DUP2, commands_in, 3), (os.POSIX_SPAWN_DUP2, answers_out, 4)]
        pid = os.posix_spawn(PROGRAM, command, os.environ, file_actions=[quiet, *pipes], setsid=True)
        stack.callback(os.waitpid, pid, 0)
        stack.callback(os.killpg, pid, signal.SIGKILL)
        yield Tab(commands_out, answers_in)


def _high(stack: contextlib.ExitStack, end: int) -> int:
    """An end of a pipe that is in nobody's way: the browser wants its own as 3 and 4."""
    moved = fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10)
    os.close(end)
    stack.callback(os.close, moved)
    return moved
