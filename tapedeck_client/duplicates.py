"""What `tapedeck run` does with a spec that has succeeded before: the options that decide, the question, and what is said of such runs."""

from __future__ import annotations

import sys

import click
from rich.text import Text

from tapedeck.v1 import run_pb2
from tapedeck.v1.engine_service_pb2 import RunBacktestResponse
from tapedeck_client.render import events
from tapedeck_client.render.text import instant
from tapedeck_client.terminal import F, Terminal
from tapedeck_rpc import errors

REASON = "DUPLICATE_RUN"
"""Of a run that was refused because its spec has succeeded before."""

EXIT_CODE = 3
"""Of a command that stopped for that reason: neither done nor failed, so that a script can go on."""

_OPTIONS = (
    click.option("--force", is_flag=True, help="Run the spec also when it has succeeded before."),
    click.option("--reuse", is_flag=True, help="Show the recorded run instead, when the spec has succeeded before."),
    click.option("--skip-duplicate-check", is_flag=True, help="Run without looking for earlier runs of the spec."),
)


def duplicate_options(command: F) -> F:
    """How a spec that has succeeded before is treated; without any of them the command asks, or stops where nobody can be asked."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def chosen_policy(*, force: bool, reuse: bool, skip_duplicate_check: bool) -> run_pb2.DuplicatePolicy:
    """The policy that the options stand for.

    Raises:
        click.UsageError: more than one is given.
    """
    if force + reuse + skip_duplicate_check > 1:
        raise click.UsageError("--force, --reuse and --skip-duplicate-check exclude each other")
    if force:
        return run_pb2.DUPLICATE_POLICY_RUN
    if reuse:
        return run_pb2.DUPLICATE_POLICY_REUSE
    return run_pb2.DUPLICATE_POLICY_IGNORE if skip_duplicate_check else run_pb2.DUPLICATE_POLICY_REFUSE


def ask(terminal: Terminal, refused: errors.AlreadyExists) -> None:
    """Ask whether to run the spec again; returns when the answer is yes, and ends the command when it is no.

    Raises:
        tapedeck_rpc.errors.AlreadyExists: nobody can be asked.
    """
    if refused.reason != REASON or terminal.as_json or not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise refused
    recorded = run_pb2.EarlierRun(run_id=refused.metadata["existing_run_id"])
    recorded.create_time.FromJsonString(refused.metadata["create_time"])
    terminal.err.print(*events.earlier_lines([recorded]))
    if not click.confirm("Run it again?", err=True):
        click.get_current_context().exit(EXIT_CODE)


def earlier_lines(message: RunBacktestResponse) -> list[Text]:
    """What is said of earlier runs of the spec: which there are, or that one of them is what is shown."""
    for run in message.earlier_runs:
        if run.run_id == message.event.started.run_id:
            return [Text(f"recorded on {instant(run.create_time)} UTC; nothing is executed", style="yellow")]
    return events.earlier_lines(message.earlier_runs)
