"""Commands that change recorded runs: label, note, delete, undelete."""

from __future__ import annotations

import sys

import click
from rich.console import Group, RenderableType

from tapedeck.v1.run_pb2 import Run
from tapedeck.v1.store_service_pb2 import BatchDeleteRunsResponse, ListRunsResponse
from tapedeck_client.ids import find_run
from tapedeck_client.option_types import parse_pair
from tapedeck_client.render.text import instant, labels, plain, tail
from tapedeck_client.terminal import Terminal, pass_terminal, shared_options

SHOWN_IDS = 10
"""Ids of the runs to delete that are named before somebody is asked: a glance."""

_etag = click.option("--etag", default="", help="Only if the run still has this etag, as `tapedeck show RUN --json` prints it.")


@click.command()
@click.argument("run_id", metavar="RUN")
@click.argument("pairs", metavar="KEY=VALUE...", nargs=-1, type=parse_pair)
@click.option("--remove", "removed", multiple=True, metavar="KEY", help="Remove this label; repeatable.")
@_etag
@shared_options
@pass_terminal
def label(terminal: Terminal, run_id: str, pairs: tuple[tuple[str, str], ...], removed: tuple[str, ...], etag: str) -> None:
    """Set labels of RUN, and remove some; the others stay.

    Example: tapedeck label 9f3c2a10 team=alpha --remove draft
    """
    if not pairs and not removed:
        raise click.UsageError("give labels to set, KEY=VALUE, or --remove KEY")
    client = terminal.client()
    run = client.update(find_run(client, run_id), labels=dict(pairs), remove_labels=removed, etag=etag)
    terminal.show(
        run, lambda: f"{tail(run.run_id)} has the labels {labels(run.labels)}" if run.labels else f"{tail(run.run_id)} has no label"
    )


@click.command()
@click.argument("run_id", metavar="RUN")
@click.argument("text")
@_etag
@shared_options
@pass_terminal
def note(terminal: Terminal, run_id: str, text: str, etag: str) -> None:
    """Write TEXT about RUN, in place of what was written before; "" removes it."""
    client = terminal.client()
    run = client.update(find_run(client, run_id), note=text, etag=etag)
    terminal.show(run, lambda: f"{tail(run.run_id)}: {plain(run.note)}" if run.note else f"{tail(run.run_id)} has no note")


@click.command()
@click.argument("run_ids", metavar="RUN...", nargs=-1)
@click.option("--filter", "expression", default="", metavar="EXPR", help="Delete every run that matches, such as 'labels.draft:*'.")
@click.option("--dry-run", is_flag=True, help="Say which runs would be deleted, and delete none.")
@click.option("--yes", is_flag=True, help="Don't ask before deleting what --filter matches.")
@shared_options
@pass_terminal
def delete(terminal: Terminal, run_ids: tuple[str, ...], expression: str, dry_run: bool, yes: bool) -> None:
    """Delete runs that have ended: all that are named, or all that --filter matches, or none of them.

    `tapedeck undelete RUN` brings a run back until it is purged, and `tapedeck history --deleted` lists those that can be.
    """
    if bool(run_ids) == bool(expression.strip()):
        raise click.UsageError("give runs, or --filter")
    client = terminal.client()
    whole_ids = [find_run(client, run_id) for run_id in run_ids]
    if expression and not dry_run and not yes:
        _ask(terminal, client.delete_many(filter=expression, validate_only=True))
    response = client.delete_many(whole_ids, expression, validate_only=dry_run)
    terminal.show(response, lambda: _deleted(response, dry_run=dry_run))


@click.command()
@click.argument("run_ids", metavar="RUN...", nargs=-1, required=True)
@shared_options
@pass_terminal
def undelete(terminal: Terminal, run_ids: tuple[str, ...]) -> None:
    """Bring deleted runs back."""
    client = terminal.client()
    back: list[Run] = [client.undelete(run_id) for run_id in [find_run(client, run_id) for run_id in run_ids]]
    terminal.show(ListRunsResponse(runs=back), lambda: f"{_runs(len(back))} brought back: {', '.join(tail(run.run_id) for run in back)}")


def _ask(terminal: Terminal, would: BatchDeleteRunsResponse) -> None:
    """Go on only when somebody agrees to what would be deleted."""
    if not would.run_count:
        return
    if not sys.stdin.isatty():
        raise click.UsageError(
            f"--filter matches {_runs(would.run_count)}: give --yes to delete without being asked, or --dry-run to see which"
        )
    terminal.err.print(_deleted(would, dry_run=True))
    click.confirm("Delete?", abort=True, err=True)


def _deleted(response: BatchDeleteRunsResponse, *, dry_run: bool) -> RenderableType:
    """What was deleted, or would be."""
    if not response.run_count:
        return "no run to delete"
    shown = ", ".join(tail(run_id) for run_id in response.run_ids[:SHOWN_IDS])
    more = response.run_count - min(len(response.run_ids), SHOWN_IDS)
    which = f"{_runs(response.run_count)} {'would be ' if dry_run else ''}deleted: {shown}{f' and {more:,} more' if more else ''}"
    return Group(which, f"`tapedeck undelete RUN` brings one back until {instant(response.purge_time)} UTC")


def _runs(count: int) -> str:
    return f"{count:,} run{'' if count == 1 else 's'}"
