"""A sweep shown as it comes: a progress bar, the best results, how it ended, what verifying showed."""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import Self

from rich.console import RenderableType

from tapedeck.v1.engine_service_pb2 import RunSweepResponse, SweepBatch, SweepPromotion, SweepVerification
from tapedeck.v1.sweep_pb2 import SweepFinished, SweepResults, SweepStarted, SweepState
from tapedeck_client.live import PLAIN_LINES, progress_bar
from tapedeck_client.render import sweeps
from tapedeck_client.render.events import recorded_line
from tapedeck_client.render.text import plain
from tapedeck_client.sweep_rows import result_rows
from tapedeck_client.terminal import Terminal


class LiveSweep:
    """Shows messages of a sweep; remembers which sweep it is and how it ended. A context manager that owns the progress bar."""

    def __init__(self, terminal: Terminal) -> None:
        self.started = SweepStarted()
        """Empty until the sweep was admitted."""
        self.finished: SweepFinished | None = None
        self.verification: SweepVerification | None = None
        self._failed_promotion = False
        self._terminal = terminal
        self._console = terminal.out
        self._next_line_at = 0.0
        self._bar = progress_bar(self._console, terminal)
        self._task = self._bar.add_task("waiting for the engine", total=None, done="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._bar.stop()

    def show(self, message: RunSweepResponse) -> None:
        """Show a message and remember what it says."""
        if self._terminal.as_json:
            self._terminal.show_line(message)
        match message.WhichOneof("event"):
            case "started":
                self._show_started(message.started)
            case "batch":
                self._show_batch(message.batch)
            case "ranked":
                self._show_ranked(message.ranked)
            case "finished":
                self._show_finished(message.finished)
            case "promotion":
                self._show_promotion(message.promotion)
            case "verification":
                self.verification = message.verification
                self.note([sweeps.verification(message.verification)])
            case _:
                pass  # of a newer contract

    def note(self, lines: Iterable[RenderableType]) -> None:
        """Say something about the sweep; not in JSON, whose messages hold it already."""
        if not self._terminal.as_json:
            for line in lines:
                self._console.print(line)

    @property
    def rank_by(self) -> str:
        """The metric that results are ranked by."""
        return self.started.sweep.rank_by or sweeps.DEFAULT_RANK_BY

    @property
    def succeeded(self) -> bool:
        """Whether the sweep has ended with results."""
        return self.finished is not None and self.finished.state == SweepState.SWEEP_STATE_SUCCEEDED

    @property
    def went_well(self) -> bool:
        """Whether the sweep succeeded, zipline did not disagree, and every result to promote became a run."""
        diverged = self.verification is not None and self.verification.outcome != SweepVerification.OUTCOME_IDENTICAL
        return self.succeeded and not diverged and not self._failed_promotion

    def _show_started(self, started: SweepStarted) -> None:
        self.started = started
        self._bar.update(self._task, description=plain(started.sweep.spec.strategy), total=started.result_count or None)
        self.note(sweeps.started_lines(started))

    def _show_batch(self, batch: SweepBatch) -> None:
        completed, total = batch.completed_count, self.started.result_count
        self._bar.update(self._task, completed=completed, done=f"{completed:,}/{total:,} runs")
        if self._bar.disable and completed >= self._next_line_at:
            self.note([sweeps.progress_line(completed, total)])
            self._next_line_at = completed + total / PLAIN_LINES

    def _show_ranked(self, best: SweepResults) -> None:
        self.note(["", sweeps.ranked([*result_rows(best)], self.rank_by), ""])

    def _show_finished(self, finished: SweepFinished) -> None:
        self.finished = finished
        self._bar.update(self._task, description="verifying, promoting", total=None, done="")
        self.note([*sweeps.finished_lines(finished, self.started.skipped_count), recorded_line(self.started.sweep_id, finished)])

    def _show_promotion(self, promotion: SweepPromotion) -> None:
        self._failed_promotion = self._failed_promotion or promotion.HasField("error")
        self.note([sweeps.promotion_line(promotion)])
