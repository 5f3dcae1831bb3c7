"""`python -m engine_service ingest wiki`, `... ingest files` and `... ingest bundle`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from engine_service.datasets import Dataset
from engine_service.ingest.adjusted_close import DividendRule
from engine_service.ingest.bar_files import FileSource, read_files
from engine_service.ingest.draft import IngestRefused
from engine_service.ingest.making import ingest, ingest_sample
from engine_service.settings import Settings

MOST_PROBLEMS_SHOWN = 200
"""A few screenfuls: the first ones show what is wrong."""


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns the exit code."""
    options = _parser().parse_args(arguments)
    data_dir = options.data_dir or Settings().data_dir
    try:
        dataset = options.make(options, data_dir)
    except IngestRefused as error:
        shown = error.problems[:MOST_PROBLEMS_SHOWN]
        more = [f"... and {len(error.problems) - len(shown)} more"] if len(error.problems) > len(shown) else []
        sys.stderr.write("\n".join([*shown, *more]) + "\n")
        return 1
    bars = sum(symbol.bar_count for symbol in dataset.symbols)
    span = f"{min(symbol.start_date for symbol in dataset.symbols)} to {max(symbol.end_date for symbol in dataset.symbols)}"
    sys.stdout.write(f"{dataset.name}: {len(dataset.symbols)} symbols, {bars} bars, {span}, fingerprint {dataset.fingerprint}\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m engine_service ingest", description="Make a dataset.")
    commands = parser.add_subparsers(required=True)
    wiki = commands.add_parser("wiki", help="the sample that is shipped: AAPL, FB, GOOG, IBM, MSFT, 2000 to 2013")
    wiki.set_defaults(make=lambda _, data_dir: ingest_sample(data_dir))
    from_files = commands.add_parser("files", help="bars in CSV or Parquet files")
    from_files.add_argument("bars", nargs="+", type=Path, help="raw prices and volumes, a row per symbol and session")
    from_files.add_argument("--calendar", required=True, help="name of the exchange's calendar, such as XNYS")
    from_files.add_argument("--column", action="append", type=_pair, default=[], metavar="OURS=THEIRS", help="a header, such as close=Last")
    from_files.add_argument("--splits", type=Path, help="symbol, ex_date, ratio (0.5 for 2:1)")
    from_files.add_argument("--dividends", type=Path, help="symbol, ex_date, amount and, if known, pay_date")
    from_files.add_argument("--adjusted-close", metavar="HEADER", help="derive splits and dividends from this column instead")
    from_files.add_argument("--dividend-rule", choices=get_args(DividendRule), default="previous-close", help="how it was adjusted")
    from_files.set_defaults(make=_from_files)
    from_bundle = commands.add_parser("bundle", help="an existing zipline bundle")
    from_bundle.add_argument("bundle", help="its name")
    from_bundle.set_defaults(make=_from_bundle)
    for command in (from_files, from_bundle):
        command.add_argument("--name", required=True, help="what runs call the dataset")
        command.add_argument("--currency", required=True, help="ISO code, such as USD")
        command.add_argument("--source", default="", help="where the data come from")
        command.add_argument("--licence", default="", help="under which licence")
    for command in (wiki, from_files, from_bundle):
        command.add_argument("--data-dir", type=Path, help="where datasets are kept; TAPEDECK_DATA_DIR by default")
    return parser


def _pair(text: str) -> tuple[str, str]:
    ours, equals, theirs = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} must look like OURS=THEIRS")
    return ours, theirs


def _from_files(options: argparse.Namespace, data_dir: Path) -> Dataset:
    source = FileSource(
        options.name,
        options.calendar,
        options.currency,
        options.source,
        options.licence,
        tuple(options.bars),
        dict(options.column),
        options.splits,
        options.dividends,
        options.adjusted_close,
        options.dividend_rule,
    )
    return ingest(read_files(source), data_dir)


def _from_bundle(options: argparse.Namespace, data_dir: Path) -> Dataset:
    from engine_service.ingest.bundle import read_bundle  # loads zipline

    return ingest(read_bundle(options.bundle, options.name, options.currency, options.source, options.licence), data_dir)
