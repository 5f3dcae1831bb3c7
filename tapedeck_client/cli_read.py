"""The command that reads what a run has recorded: records."""

from __future__ import annotations

import csv
import itertools
import sys
from contextlib import closing

import click

from tapedeck_client.ids import find_run
from tapedeck_client.render.records import COLUMNS, PARTS, rows, table
from tapedeck_client.terminal import Terminal, pass_terminal, shared_options

SHOWN_ROWS = 40
"""Rows of a table unless somebody asks for more: about a screenful."""

_NOTHING = {part: f"the run has recorded no {'sessions' if part == 'curve' else part.replace('-', ' ')}" for part in PARTS}

MOST_SHOWN_ROWS = 10_000
"""Rows of a table at most: it is laid out as a whole. What is longer is for --csv and --json, which write as they read."""


@click.command()
@click.argument("run_id", metavar="RUN")
@click.argument("part", type=click.Choice(list(PARTS)))
@click.option("--symbol", "-s", "symbols", multiple=True, help="Only what is of this symbol; repeatable.")
@click.option("--start", "start_date", default="", metavar="DATE", help="First session, such as 2005-01-03; round trips by their exit.")
@click.option("--end", "end_date", default="", metavar="DATE", help="Last session.")
@click.option("--limit", type=click.IntRange(1, MOST_SHOWN_ROWS), default=SHOWN_ROWS, show_default=True, help="Rows of the table at most.")
@click.option("--csv", "as_csv", is_flag=True, help="Write all rows as CSV, in full precision.")
@shared_options
@pass_terminal
def records(
    terminal: Terminal, run_id: str, part: str, symbols: tuple[str, ...], start_date: str, end_date: str, limit: int, as_csv: bool
) -> None:
    """Show what RUN recorded: its equity curve, fills, orders, positions, corporate actions or round trips.

    RUN is an id, or its last 8 digits as `tapedeck history` prints them. A run that goes on is shown as far as it is recorded.
    """
    if symbols and part == "curve":
        raise click.UsageError("the curve is that of the whole account: --symbol is for the other parts")
    if as_csv and terminal.as_json:
        raise click.UsageError("give --csv or --json, not both")
    client = terminal.client()
    messages = client.read(find_run(client, run_id), [PARTS[part]], symbols=symbols, start_date=start_date, end_date=end_date)
    if terminal.as_json:
        for message in messages:
            terminal.show_line(message)
        return
    with closing(messages):
        found = itertools.chain.from_iterable(rows(part, message) for message in messages)
        if as_csv:
            writer = csv.writer(sys.stdout, lineterminator="\n")
            writer.writerow(COLUMNS[part])
            writer.writerows(found)
        else:
            shown = list(itertools.islice(found, limit + 1))
            nothing = _NOTHING[part] + (" of what is asked for" if symbols or start_date or end_date else "")
            terminal.out.print(table(part, shown[:limit]) if shown else nothing)
            if len(shown) > limit:
                terminal.out.print(f"The first {limit:,}. There are more: --limit shows them, --csv writes all.", style="dim")
