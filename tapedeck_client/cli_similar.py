"""The command that finds runs that are like another one."""

from __future__ import annotations

import click

from tapedeck_client.ids import find_run
from tapedeck_client.render.similar import similar_runs
from tapedeck_client.terminal import Terminal, pass_terminal, shared_options

MOST_SIMILAR_RUNS = 100
"""As in the contract of FindSimilarRuns."""


@click.command()
@click.argument("run_id", metavar="RUN")
@click.option("--limit", type=click.IntRange(1, MOST_SIMILAR_RUNS), default=20, show_default=True, help="Runs shown at most.")
@shared_options
@pass_terminal
def similar(terminal: Terminal, run_id: str, limit: int) -> None:
    """List runs that are like RUN, those of the same spec first, and say what differs.

    Alike are runs that succeeded with the same strategy on the same symbols.
    """
    client = terminal.client()
    response = client.similar(find_run(client, run_id), page_size=limit)
    nothing = "no other run of this strategy on these symbols has succeeded"
    terminal.show(response, lambda: similar_runs(response.runs) if response.runs else nothing)
