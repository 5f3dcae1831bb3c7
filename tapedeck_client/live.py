"""A stream of run events shown as it comes: the same for a run that executes, is watched or is replayed."""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import Self

import click
from google.protobuf.message import Message
from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from tapedeck.v1.run_pb2 import RunEvent, RunFinished, RunStarted, RunState, SessionBatch
from tapedeck_client.render import events
from tapedeck_client.render.text import plain, session
from tapedeck_client.terminal import Terminal

PLAIN_LINES = 10
"""Lines of progress where there is no terminal to draw a bar on: a tenth of the run each."""


def progress_bar(console: Console, terminal: Terminal) -> Progress:
    """A bar that vanishes when it is done; its tasks have a description and say with `done` how far they are.

    It is disabled where there is no terminal to draw it on.
    """
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        TextColumn("{task.fields[done]}", markup=False),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=terminal.as_json or not console.is_terminal,
    )


class LiveRun:
    """Shows events; remembers which run they are of and how it ended. A context manager that owns the progress bar."""

    def __init__(self, terminal: Terminal, waiting_for: str, run_id: str = "") -> None:
        """Show nothing yet.

        Args:
            terminal: Where to.
            waiting_for: What the bar says before the first event.
            run_id: The run, when it is known before its first event.
        """
        self.run_id = run_id
        self.finished: RunFinished | None = None
        self._terminal = terminal
        self._console = terminal.out
        self._session_count = 0
        self._done_count = 0
        self._next_line_at = 0.0
        self._bar = progress_bar(self._console, terminal)
        self._task = self._bar.add_task(waiting_for, total=None, done="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._bar.stop()

    def show(self, message: Message, event: RunEvent) -> None:
        """Show a message of a stream and remember what its event says."""
        if self._terminal.as_json:
            self._terminal.show_line(message)
        if event.HasField("started"):
            self._started(event.started)
        elif event.HasField("sessions") and event.sessions.session_dates:
            self._sessions(event.sessions)
        elif event.HasField("finished"):
            self._finish(event.finished)

    def note(self, lines: Iterable[RenderableType]) -> None:
        """Say something about the run; not in JSON, whose messages hold it already."""
        if not self._terminal.as_json:
            for line in lines:
                self._console.print(line)

    def tell_recorded(self) -> None:
        """End with the run's id and whether it is kept."""
        if self.finished is not None:
            self.note([events.recorded_line(self.run_id, self.finished)])

    @property
    def succeeded(self) -> bool:
        """Whether the run has ended with a result."""
        return self.finished is not None and self.finished.state == RunState.RUN_STATE_SUCCEEDED

    def _started(self, started: RunStarted) -> None:
        self.run_id = started.run_id
        self._session_count = started.session_count
        self._bar.update(self._task, description=plain(started.spec.strategy), total=started.session_count or None)
        self.note([events.started_line(started)])

    def _sessions(self, batch: SessionBatch) -> None:
        self._done_count += len(batch.session_dates)
        of = f"/{self._session_count:,}" if self._session_count else ""
        done = f"{self._done_count:,}{of} sessions  {session(batch.session_dates[-1])}  {batch.portfolio_values[-1]:,.2f}"
        self._bar.update(self._task, completed=self._done_count, done=done)
        if self._bar.disable and self._done_count >= self._next_line_at:
            self.note([events.batch_line(batch, self._done_count, self._session_count)])
            self._next_line_at = self._done_count + self._session_count / PLAIN_LINES

    def _finish(self, finished: RunFinished) -> None:
        self.finished = finished
        self._bar.stop()
        self.note([events.finished(finished)])


class Interrupted(click.ClickException):
    """The reader pressed Ctrl-C; the message says what goes on without them."""

    exit_code = 130
    """128 + SIGINT, as shells report it."""

    def show(self, file: object = None) -> None:
        """Print it on standard error."""
        click.echo(f"\nInterrupted: {self.message}", err=True)
