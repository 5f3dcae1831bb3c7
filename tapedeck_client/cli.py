"""The command `tapedeck`: what its commands have in common. Errors end here, as one clear line and a hint."""

from __future__ import annotations

import errno
import sys
from typing import IO, Any

import click

from tapedeck_client import (
    cli_create,
    cli_execute,
    cli_organize,
    cli_read,
    cli_records,
    cli_report,
    cli_similar,
    cli_strategies,
    cli_summary,
    cli_sweeps,
    cli_transfer,
)
from tapedeck_client.complaints import complaint
from tapedeck_client.duplicates import EXIT_CODE, REASON
from tapedeck_client.live import Interrupted
from tapedeck_client.render.text import plain
from tapedeck_client.terminal import shared_options
from tapedeck_rpc.errors import CallError


class Failure(click.ClickException):
    """A command that failed: its message is what standard error shows."""

    def show(self, file: IO[Any] | None = None) -> None:
        """Print it as it is."""
        click.echo(self.message, err=True)


class Duplicate(Failure):
    """A run that was not started, because its spec has succeeded before."""

    exit_code = EXIT_CODE


class Commands(click.Group):
    """A group whose commands never end in a traceback."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; turn what went wrong into lines for people."""
        try:
            return super().invoke(ctx)
        except CallError as error:
            kind = Duplicate if error.reason == REASON else Failure
            raise kind("\n".join(complaint(error))) from None
        except KeyboardInterrupt:
            raise Interrupted("the command was stopped") from None
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            if isinstance(error, OSError) and error.errno == errno.EPIPE:
                raise  # click ends quietly when the reader of a pipe has seen enough
            what = f"{type(error).__name__}: {plain(str(error))}"
            raise Failure(f"Error: something unexpected went wrong ({what})\nHint: please report it with the command you gave") from None


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@shared_options
@click.version_option(package_name="tapedeck", message="tapedeck %(version)s")
def cli() -> None:
    """Run backtests and sweeps, and list, compare and prove what was recorded of them."""


for _command in (
    cli_execute.run,
    cli_records.history,
    cli_records.show,
    cli_read.records,
    cli_records.compare,
    cli_report.report,
    cli_similar.similar,
    cli_summary.summary,
    cli_summary.statistics,
    cli_execute.replay,
    cli_execute.watch,
    cli_execute.cancel,
    cli_organize.label,
    cli_organize.note,
    cli_organize.delete,
    cli_organize.undelete,
    cli_transfer.export_,
    cli_transfer.import_,
    cli_create.create_runs,
    cli_create.create_sweep,
    cli_sweeps.sweep,
    cli_sweeps.sweeps,
    cli_sweeps.sweep_results,
    cli_execute.promote,
    cli_strategies.strategy_versions,
    cli_strategies.strategy_version,
    cli_strategies.suggest,
    cli_strategies.suggestions,
    cli_records.strategies,
    cli_records.datasets,
):
    cli.add_command(_command)


def main() -> None:
    """Entry point of the command."""
    sys.exit(cli())
