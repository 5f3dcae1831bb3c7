"""Events of a run as lines, live or recorded."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from tapedeck.v1.run_pb2 import EarlierRun, RunFinished, RunStarted, SessionBatch
from tapedeck.v1.sweep_pb2 import SweepFinished
from tapedeck_client.render.metrics import metrics_by_group
from tapedeck_client.render.run_detail import run_error
from tapedeck_client.render.text import count, instant, money, plain, seconds, session, state_text, symbols, tail


def started_line(started: RunStarted) -> Text:
    """What was admitted."""
    spec = started.spec
    period = f"{spec.start_date} to {spec.end_date}"
    asked = f"\n{spec.strategy} on {symbols(spec)}, {period}, {started.session_count:,} sessions"
    return Text.assemble(("run ", "dim"), (plain(started.run_id), "bold"), plain(asked))


def earlier_lines(earlier_runs: Sequence[EarlierRun]) -> list[Text]:
    """Which runs of the same spec exist already."""
    return [Text(f"the same spec ran before: {tail(run.run_id)} on {instant(run.create_time)} UTC", style="yellow") for run in earlier_runs]


def batch_line(batch: SessionBatch, done_count: int, session_count: int) -> Text:
    """How far a run is."""
    done = f"{done_count:,} of {session_count:,}" if session_count else f"{done_count:,}"
    return Text.assemble((f"{done} sessions", "dim"), f"  to {session(batch.session_dates[-1])}  value ", money(batch.portfolio_values[-1]))


def finished(event: RunFinished) -> RenderableType:
    """How a run ended: its error or its metrics."""
    parts: list[RenderableType] = []
    if event.HasField("error"):
        parts.append(run_error(event.state, event.error))
    if event.HasField("metrics"):
        parts += [metrics_by_group(event.metrics), Text("")]
    took = f" after {seconds(event.execution_seconds)}" if event.execution_seconds else ""
    engine = f" on {plain(event.engine_kind)}" if event.engine_kind else ""
    parts.append(Text.assemble(state_text(event.state), took, engine, ", ", count(event.session_count), " sessions"))
    return Group(*parts)


def recorded_line(identity: str, event: RunFinished | SweepFinished) -> Text:
    """The id of a run or a sweep, and whether it is kept."""
    if event.recorded:
        return Text.assemble((plain(identity), "bold"), (" recorded", "green"))
    why = f": {event.not_recorded_reason}" if event.not_recorded_reason else ""
    return Text.assemble((plain(identity), "bold"), (" not recorded", "yellow"), plain(why))
