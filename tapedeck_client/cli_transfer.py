"""Commands for files of runs: export, import."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import click

from tapedeck.v1.transfer_service_pb2 import EXPORT_FORMAT_CSV, EXPORT_FORMAT_JSON, EXPORT_FORMAT_PARQUET
from tapedeck_client.client_transfer import PART_BYTES
from tapedeck_client.terminal import Terminal, pass_terminal, shared_options
from tapedeck_client.whole_file import check_folder, write_whole

_FORMATS = {"json": EXPORT_FORMAT_JSON, "csv": EXPORT_FORMAT_CSV, "parquet": EXPORT_FORMAT_PARQUET}


@click.command("export")
@click.option("--filter", "expression", default="", metavar="EXPR", help="Only runs that match, such as 'sharpe_ratio > 1'.")
@click.option("--format", "form", type=click.Choice(list(_FORMATS)), default="json", show_default=True, help="json holds everything.")
@click.option("--out", "path", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The file; replaced if it is there.")
@shared_options
@pass_terminal
def export_(terminal: Terminal, expression: str, form: str, path: Path) -> None:
    """Write runs that have ended to a file.

    `tapedeck import` takes a file in json into another store; csv and parquet are a table for analysis, one row for each run.
    """
    check_folder(path, "--out")
    parts = terminal.client().export_runs(expression, _FORMATS[form])
    with closing(parts):
        write_whole(path, parts, "the export")
    click.echo(f"{path}: {path.stat().st_size:,} bytes", err=terminal.as_json)


@click.command("import")
@click.argument("path", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@shared_options
@pass_terminal
def import_(terminal: Terminal, path: Path) -> None:
    """Take all runs of FILE, an export in json, or none of them. Runs that are here already stay as they are.

    With --json each run's id in the file and its id here are printed; nothing is kept before the line that says committed.
    """
    count = added = 0
    with closing(terminal.client().import_runs(_parts(path))) as answers, terminal.err.status("") as status:
        for answer in answers:
            count, added = count + len(answer.runs), added + sum(run.added for run in answer.runs)
            status.update(f"{count:,} runs read")
            if terminal.as_json:
                terminal.show_line(answer)
    if not terminal.as_json:
        terminal.out.print(f"{added:,} run{'' if added == 1 else 's'} imported, {count - added:,} were here already")


def _parts(path: Path) -> Iterator[bytes]:
    """The file as it is read, part by part."""
    with path.open("rb") as file:
        while part := file.read(PART_BYTES):
            yield part
