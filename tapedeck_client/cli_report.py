"""The command that writes a run's tear sheet."""

from __future__ import annotations

from pathlib import Path

import click

from tapedeck.v1.run_pb2 import RunState
from tapedeck_client.ids import find_run
from tapedeck_client.picture import need_matplotlib
from tapedeck_client.recorded import gathered, recorded_events
from tapedeck_client.render.text import plain, state_name, tail
from tapedeck_client.report.benchmark import benchmark
from tapedeck_client.report.tear_sheet import tear_sheet
from tapedeck_client.terminal import Terminal, pass_terminal, shared_options
from tapedeck_client.whole_file import check_folder, write_whole
from tapedeck_rpc import errors

_ENDED = {RunState.RUN_STATE_SUCCEEDED, RunState.RUN_STATE_FAILED, RunState.RUN_STATE_CANCELLED}


@click.command()
@click.argument("run_id", metavar="RUN")
@click.option(
    "--out", "path", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The page to write; replaced if it exists."
)
@shared_options
@pass_terminal
def report(terminal: Terminal, run_id: str, path: Path) -> None:
    """Write the tear sheet of RUN: one HTML page with charts.

    The page needs no network. RUN has to have ended, so that the same run always gives the same page.
    """
    need_matplotlib()
    check_folder(path, "--out")
    client = terminal.client()
    run = client.get(find_run(client, run_id))
    if run.state not in _ENDED:
        going_on = f"run {plain(run.run_id)} is {state_name(run.state)}: its tear sheet is written when it has ended"
        raise errors.FailedPrecondition(going_on, reason="RUN_NOT_FINISHED")
    ledger = gathered(recorded_events(client, run))
    compared = benchmark(client, run.spec, ledger.session_dates)
    write_whole(path, tear_sheet(run, ledger, compared).encode(), "the tear sheet")
    if compared and not compared.values:
        terminal.err.print(f"Warning: the benchmark {plain(compared.symbol)} is not drawn: {plain(compared.problem)}", style="yellow")
    terminal.show(run, lambda: f"{plain(str(path))} is the tear sheet of run {tail(run.run_id)}")
