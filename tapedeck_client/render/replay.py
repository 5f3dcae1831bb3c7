"""What a replay showed."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from tapedeck.v1.run_pb2 import ReplayVerdict
from tapedeck_client.render.tables import plain_table
from tapedeck_client.render.text import plain

_STYLES = {
    ReplayVerdict.OUTCOME_IDENTICAL: "bold green",
    ReplayVerdict.OUTCOME_DIVERGED: "bold red",
    ReplayVerdict.OUTCOME_OVERRIDDEN: "bold cyan",
    ReplayVerdict.OUTCOME_INCOMPARABLE: "bold yellow",
}


def outcome_name(verdict: ReplayVerdict) -> str:
    """The outcome without its prefix; an outcome of a newer contract keeps its number."""
    try:
        return ReplayVerdict.Outcome.Name(verdict.outcome).removeprefix("OUTCOME_")
    except ValueError:
        return f"OUTCOME {verdict.outcome}"


def verdict_line(verdict: ReplayVerdict) -> Text:
    """The outcome and its one sentence."""
    return Text.assemble((outcome_name(verdict), _STYLES.get(verdict.outcome, "bold")), f" {plain(verdict.summary)}".rstrip())


def replay_verdict(verdict: ReplayVerdict) -> RenderableType:
    """Both runs, the outcome, and everything that differs."""
    parts: list[RenderableType] = [
        Text.assemble(("original  ", "dim"), plain(verdict.original_run_id)),
        Text.assemble(("replay    ", "dim"), plain(verdict.run_id)),
        verdict_line(verdict),
    ]
    if verdict.overridden_fields:
        parts.append(Text(plain("overridden: " + ", ".join(verdict.overridden_fields))))
    if verdict.HasField("first_difference"):
        parts.append(_first_difference(verdict))
    if verdict.provenance_differences:
        parts.append(_provenance_differences(verdict))
    return Group(*parts)


def _first_difference(verdict: ReplayVerdict) -> Group:
    first = verdict.first_difference
    return Group(
        Text(plain(f"first differs in session {first.session_date}, {first.field}:")),
        Text(plain(f"  original  {first.original_value}")),
        Text(plain(f"  replay    {first.replayed_value}")),
    )


def _provenance_differences(verdict: ReplayVerdict) -> RenderableType:
    table = plain_table("What changed", "Field", "Original", "Replay")
    for difference in verdict.provenance_differences:
        table.add_row(*map(plain, (difference.kind, difference.field, difference.original_value, difference.replayed_value)))
    return table
