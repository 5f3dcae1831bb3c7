"""Commands for results that were made elsewhere: create-runs, create-sweep."""

from __future__ import annotations

from typing import IO, TypeVar

import click
from google.protobuf import json_format
from google.protobuf.message import Message

from tapedeck.v1.transfer_service_pb2 import BatchCreateRunsResponse, CreateSweepRequest, RunEntry
from tapedeck_client.render.text import plain
from tapedeck_client.terminal import Terminal, pass_terminal, shared_options

M = TypeVar("M", bound=Message)


@click.command("create-runs")
@click.argument("file", metavar="FILE", type=click.File(encoding="utf-8"))
@shared_options
@pass_terminal
def create_runs(terminal: Terminal, file: IO[str]) -> None:
    """Save all results of FILE as runs, or none of them: one RunEntry as JSON a line, - for standard input.

    Sent again they add nothing. In a complaint runs[0] is the first of them. With --json the id of each is printed.

    Example of a line: {"create_time": "2026-03-01T12:00:00Z", "spec": {"strategy": "mine", "dataset": "feed", "symbols": ["GOOG"],
    "start_date": "2010-01-04", "end_date": "2010-12-31"}, "metrics": {"sharpe_ratio": 1.5}}
    """
    # Not splitlines: texts in JSON may have other separators of lines in them.
    lines = [(number, line) for number, line in enumerate(_text(file).split("\n"), 1) if line.strip()]
    entries = [_parsed(line, RunEntry(), f"line {number} of {file.name}") for number, line in lines]
    created = terminal.client().create(entries)
    count = sum(run.created for run in created)
    text = f"{count:,} run{'' if count == 1 else 's'} created, {len(created) - count:,} were here already"
    terminal.show(BatchCreateRunsResponse(runs=created), lambda: text)


@click.command("create-sweep")
@click.argument("file", metavar="FILE", type=click.File(encoding="utf-8"))
@shared_options
@pass_terminal
def create_sweep(terminal: Terminal, file: IO[str]) -> None:
    """Save the ranked results of FILE as a sweep, all or none: a CreateSweepRequest as JSON, - for standard input.

    Sent again they add nothing. `tapedeck sweep-results` shows them.

    Example: {"create_time": "2026-03-01T12:00:00Z", "spec": {"strategy": "rule_stack", "dataset": "wiki"}, "rank_by": "edge_score",
    "results": [{"symbol": "GOOG", "parameters": {"entry": ["rsi_below(14,30)"]}, "metrics": {"win_rate": 0.6}, "edge_score": 0.7}]}
    """
    request = _parsed(_text(file), CreateSweepRequest(), file.name)
    response = terminal.client().create_sweep(request)
    what = "created" if response.created else "was here already"
    count = f"{len(request.results):,} result{'' if len(request.results) == 1 else 's'}"
    text = f"sweep {plain(response.sweep_id)} {what}: {count}" if response.sweep_id else "there are no results, so nothing was saved"
    terminal.show(response, lambda: text)


def _text(file: IO[str]) -> str:
    try:
        return file.read()
    except UnicodeDecodeError as error:
        raise click.BadParameter(f"{file.name} is no text in UTF-8: {error}", param_hint="FILE") from None


def _parsed(text: str, message: M, what: str) -> M:
    """The message that a text is the JSON of.

    Raises:
        click.BadParameter: it is none; `what` says where it stands.
    """
    try:
        return json_format.Parse(text, message)
    except (json_format.ParseError, RecursionError) as error:
        kind = message.DESCRIPTOR.name
        raise click.BadParameter(f"{what} is no {kind} as JSON: {str(error)[:300]}", param_hint="FILE") from None
