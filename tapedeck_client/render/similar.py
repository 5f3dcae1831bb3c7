"""Runs that are like another one, and what differs."""

from __future__ import annotations

from collections.abc import Sequence

from google.protobuf.json_format import MessageToDict
from rich.console import RenderableType
from rich.text import Text

from tapedeck.v1.store_service_pb2 import SimilarRun, SpecDifference
from tapedeck_client.render.tables import plain_table
from tapedeck_client.render.text import instant, optional, percent, plain, ratio, scalar, tail


def similar_runs(found: Sequence[SimilarRun]) -> RenderableType:
    """Runs, one a row, with what differs from the run that was asked about: its value, then this run's."""
    table = plain_table("Run", "Created (UTC)", "Return", "Sharpe", "What differs", right=("Return", "Sharpe"))
    for column in table.columns[:4]:
        column.no_wrap = True
    for similar in found:
        run = similar.run
        table.add_row(
            Text(tail(run.run_id), style="bold"),
            instant(run.create_time),
            percent(optional(run.metrics, "total_return")),
            ratio(optional(run.metrics, "sharpe_ratio")),
            _what_differs(similar),
        )
    return table


def _what_differs(similar: SimilarRun) -> Text:
    if similar.same_digest:
        return Text("nothing: the same spec", style="green")
    return Text("\n".join(map(_difference, similar.differences)) or "the strategy's code")


def _difference(difference: SpecDifference) -> str:
    asked, found = (scalar(MessageToDict(value)) for value in difference.values)
    return f"{plain(difference.field)}: {asked} → {found}"
