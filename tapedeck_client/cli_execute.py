"""Commands that follow a run: run, replay, promote, watch; and cancel."""

from __future__ import annotations

import shlex
import uuid
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import IO

import click

from tapedeck.v1 import engine_service_pb2, store_service_pb2
from tapedeck.v1.engine_service_pb2 import RunBacktestResponse
from tapedeck.v1.run_pb2 import DUPLICATE_POLICY_RUN, EngineChoice, ReplayVerdict, RunEvent
from tapedeck.v1.store_service_pb2 import RunOverrides
from tapedeck_client.duplicates import ask, chosen_policy, duplicate_options, earlier_lines
from tapedeck_client.ids import find_run, find_sweep
from tapedeck_client.kept_run import kept_run
from tapedeck_client.live import Interrupted, LiveRun
from tapedeck_client.render.replay import replay_verdict
from tapedeck_client.render.text import plain
from tapedeck_client.spec_options import execution_options, fill, new_spec, spec_options
from tapedeck_client.terminal import Terminal, pass_terminal, shared_options
from tapedeck_client.whole_file import write_whole
from tapedeck_rpc.errors import AlreadyExists

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_SEQUENCE = click.IntRange(1, 2**63 - 1)
_STORE_CHOICES = {
    "": engine_service_pb2.IF_STORE_UNAVAILABLE_UNSPECIFIED,
    "wait": engine_service_pb2.IF_STORE_UNAVAILABLE_WAIT,
    "continue": engine_service_pb2.IF_STORE_UNAVAILABLE_CONTINUE,
    "fail": engine_service_pb2.IF_STORE_UNAVAILABLE_FAIL,
}
_DATA_CHOICES = {
    "": store_service_pb2.REPLAY_DATA_UNSPECIFIED,
    "recorded": store_service_pb2.REPLAY_DATA_RECORDED,
    "latest": store_service_pb2.REPLAY_DATA_LATEST,
}
_EXPECTED = (ReplayVerdict.OUTCOME_IDENTICAL, ReplayVerdict.OUTCOME_OVERRIDDEN)


@click.command()
@click.argument("strategy", required=False)
@spec_options
@execution_options
@click.option("--if-store-unavailable", type=click.Choice([*_STORE_CHOICES][1:]), help="What to do while the store is away.")
@click.option("--keep-in", type=_FOLDER, default=".", help="Where a run goes that could not be recorded.  [default: the current folder]")
@duplicate_options
@shared_options
@pass_terminal
def run(
    terminal: Terminal,
    /,
    strategy: str | None,
    spec_file: IO[str] | None,
    engine: EngineChoice,
    labels: tuple[tuple[str, str], ...],
    no_save: bool,
    if_store_unavailable: str | None,
    keep_in: Path,
    request_id: str | None,
    force: bool,
    reuse: bool,
    skip_duplicate_check: bool,
    **spec_fields: object,
) -> None:
    """Run STRATEGY and record the result.

    When the spec has succeeded before, it asks whether to run it again; where nobody can be asked, it stops with exit code 3.

    With --if-store-unavailable continue a run that is not recorded is kept in a file, tapedeck-RUN.json, that `tapedeck import` takes.

    Example: tapedeck run sma_crossover -s GOOG --start 2005-01-03 --end 2012-12-31 -p fast=10 -p slow=30
    """
    policy = chosen_policy(force=force, reuse=reuse, skip_duplicate_check=skip_duplicate_check)
    execute = partial(
        terminal.client().run,
        new_spec(strategy, spec_file, spec_fields),
        request_id=request_id or str(uuid.uuid4()),
        save=not no_save,
        labels=dict(labels),
        # Where nothing is kept, a store that is away is no reason to wait for ever.
        if_store_unavailable=_STORE_CHOICES[if_store_unavailable or ("continue" if no_save else "")],
        engine=engine,
    )
    try:
        live = _follow(terminal, execute(duplicate_policy=policy), None if no_save else keep_in)
    except AlreadyExists as refused:
        ask(terminal, refused)
        live = _follow(terminal, execute(duplicate_policy=DUPLICATE_POLICY_RUN), None if no_save else keep_in)
    _exit_with(ok=live.succeeded)


def _follow(terminal: Terminal, messages: Generator[RunBacktestResponse, None, None], keep_in: Path | None) -> LiveRun:
    """Show a run to its end; keep it in that folder if it should have been recorded and was not. None: it should not."""
    events: list[RunEvent] = []
    with LiveRun(terminal, "waiting for a worker") as live, _interruptible(live, saved=keep_in is not None), closing(messages):
        for message in messages:
            live.show(message, message.event)
            live.note(earlier_lines(message))
            if keep_in is not None:
                events.append(message.event)
    if keep_in is None or live.finished is None or live.finished.recorded:
        live.tell_recorded()
    else:
        _keep(terminal, events, keep_in)
    return live


def _keep(terminal: Terminal, events: Sequence[RunEvent], folder: Path) -> None:
    """Write a run that the store has not got to a file that `tapedeck import` takes, and say so."""
    run_id, why = events[0].started.run_id, events[-1].finished.not_recorded_reason
    path = folder / f"tapedeck-{run_id}.json"
    write_whole(path, kept_run(events, datetime.now(UTC)), "the run is not recorded and")
    importing = shlex.join(["tapedeck", "import", str(path)])
    click.echo(f"{run_id} not recorded: {why}. `{importing}` records what is kept in that file", err=terminal.as_json)


@click.command()
@click.argument("run_id", metavar="RUN")
@spec_options
@click.option("--data", type=click.Choice([*_DATA_CHOICES][1:]), help="Version of the data to read.  [default: recorded, if on disk]")
@click.option("--request-id", help="The same key makes one run, however often it is sent.")
@shared_options
@pass_terminal
def replay(terminal: Terminal, /, run_id: str, data: str | None, request_id: str | None, **changes: object) -> None:
    """Execute RUN again, to prove its result, or with changes.

    Exits with 0 when the result is IDENTICAL, or OVERRIDDEN by changes that were asked for, and with 1 otherwise.
    """
    client = terminal.client()
    overrides = RunOverrides()
    fill(overrides, changes)
    original = find_run(client, run_id)
    messages = client.replay(
        original,
        overrides if overrides.ListFields() else None,
        data=_DATA_CHOICES[data or ""],
        request_id=request_id or str(uuid.uuid4()),
    )
    verdict = ReplayVerdict()
    with LiveRun(terminal, "waiting for a worker") as live, _interruptible(live, saved=True), closing(messages):
        for message in messages:
            live.show(message, message.event)
            verdict = message.verdict
    live.tell_recorded()
    live.note([replay_verdict(verdict)])
    _exit_with(ok=live.succeeded and verdict.outcome in _EXPECTED)


@click.command()
@click.argument("sweep_id", metavar="SWEEP")
@click.argument("number", type=click.IntRange(1, 2**31 - 1))
@click.option("--request-id", help="The same key makes one run, however often it is sent.")
@shared_options
@pass_terminal
def promote(terminal: Terminal, sweep_id: str, number: int, request_id: str | None) -> None:
    """Make a full run of the result NUMBER of SWEEP: execute it and record it with a link to the sweep."""
    client = terminal.client()
    messages = client.promote(find_sweep(client, sweep_id), number, request_id=request_id or str(uuid.uuid4()))
    with LiveRun(terminal, "waiting for a worker") as live, _interruptible(live, saved=True), closing(messages):
        for message in messages:
            live.show(message, message.event)
    live.tell_recorded()
    _exit_with(ok=live.succeeded)


@click.command()
@click.argument("run_id", metavar="RUN")
@click.option("--from-sequence", type=_SEQUENCE, default=1, help="First event shown.")
@shared_options
@pass_terminal
def watch(terminal: Terminal, run_id: str, from_sequence: int) -> None:
    """Show the events of RUN, recorded and then live, until it ends.

    Exits with 0 however the run ends: `tapedeck show` tells.
    """
    client = terminal.client()
    whole_id = find_run(client, run_id)
    messages = client.watch(whole_id, from_sequence)
    with LiveRun(terminal, "waiting for the next event", run_id=whole_id) as live, _interruptible(live, saved=True), closing(messages):
        for message in messages:
            live.show(message, message.event)
    if live.finished is None:
        live.note([f"{whole_id} has no events from {from_sequence:,} on"])
    live.tell_recorded()


@click.command()
@click.argument("run_id", metavar="RUN")
@shared_options
@pass_terminal
def cancel(terminal: Terminal, run_id: str) -> None:
    """End RUN and keep what it has produced."""
    client = terminal.client()
    response = client.cancel(find_run(client, run_id))
    terminal.show(response, lambda: f"{plain(response.run_id)} will be cancelled, unless it ends by itself first")


@contextmanager
def _interruptible(live: LiveRun, *, saved: bool) -> Iterator[None]:
    """Tell somebody who presses Ctrl-C what goes on without them."""
    try:
        yield
    except KeyboardInterrupt:
        if not saved:
            raise Interrupted("the run is not saved, so it is cancelled") from None
        if not live.run_id:
            raise Interrupted("if the run was admitted already, it goes on: `tapedeck history` shows it") from None
        advice = f"`tapedeck watch {live.run_id}` follows it, `tapedeck cancel {live.run_id}` ends it"
        raise Interrupted(f"the run goes on. {advice}") from None


def _exit_with(*, ok: bool) -> None:
    click.get_current_context().exit(0 if ok else 1)
