"""Options that describe a run or what the runs of a sweep share, and how they become a RunSpec or the overrides of a replay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, cast

import click
from google.protobuf import json_format
from google.protobuf.message import Message

from tapedeck.v1.run_pb2 import Commission, EngineChoice, RunSpec, Slippage
from tapedeck.v1.store_service_pb2 import RunOverrides
from tapedeck_client.option_types import model_of, parse_pair, parse_parameter, split_symbols
from tapedeck_client.terminal import F

DEFAULT_DATASET = "wiki"
"""The sample that ships with the engine, so that a first run needs no set-up."""

_ENGINES = {name.removeprefix("ENGINE_CHOICE_").lower(): number for name, number in EngineChoice.items() if number}
_SPEC_OPTIONS = (
    click.option("--symbols", "-s", multiple=True, metavar="SYMBOL[,...]", help="What is traded; repeat or separate by commas."),
    click.option("--start", "start_date", metavar="DATE", help="First session, such as 2005-01-03."),
    click.option("--end", "end_date", metavar="DATE", help="Last session."),
    click.option(
        "--param", "-p", "parameters", type=parse_pair, multiple=True, metavar="NAME=VALUE", help="Parameter of the strategy; repeatable."
    ),
    click.option("--capital", "capital_base", type=float, help="Starting cash."),
    click.option("--interval", help='Length of a bar, such as "1d".'),
    click.option("--slippage", type=model_of(Slippage), metavar="KIND[:FIELD=N,...]", help="none, fixed_basis_points or volume_share."),
    click.option("--commission", type=model_of(Commission), metavar="KIND[:FIELD=N,...]", help="per_share, per_trade or per_dollar."),
)
_EXECUTION_OPTIONS = (
    click.option("--dataset", help=f"Where the prices come from.  [default: {DEFAULT_DATASET}]"),
    click.option("--benchmark", "benchmark_symbol", metavar="SYMBOL", help="Measure alpha and beta against it."),
    click.option("--seed", type=click.IntRange(-(2**31), 2**31 - 1), help="Seed of random generators, and of what a sweep samples."),
    click.option("--timeout", "timeout_seconds", type=click.IntRange(1, 2**31 - 1), metavar="SECONDS", help="Wall-clock limit of a run."),
    click.option(
        "--spec", "spec_file", type=click.File(encoding="utf-8"), help="A RunSpec as JSON, - for standard input; options override it."
    ),
    click.option(
        "--engine",
        type=click.Choice(_ENGINES),
        callback=lambda _context, _option, name: _ENGINES.get(name, 0),
        help="What executes; the result is the same.  [default: auto]",
    ),
    click.option("--label", "labels", type=parse_pair, multiple=True, metavar="KEY=VALUE", help="A label; repeatable."),
    click.option("--no-save", is_flag=True, help="Record nothing."),
    click.option("--request-id", help="The same key executes once, however often it is sent."),
)


def spec_options(command: F) -> F:
    """What can be said of a new run, and of the changes to a replayed one."""
    for option in reversed(_SPEC_OPTIONS):
        command = option(command)
    return command


def execution_options(command: F) -> F:
    """What can be said of what is executed for the first time, besides its spec."""
    for option in reversed(_EXECUTION_OPTIONS):
        command = option(command)
    return command


def new_spec(strategy: str | None, file: IO[str] | None, options: Mapping[str, object]) -> RunSpec:
    """The spec in the file, or an empty one, with the strategy and the options filled in.

    Raises:
        click.UsageError: no strategy is named.
    """
    spec = read_spec(file)
    fill(spec, {"strategy": strategy, **options})
    if not spec.strategy:
        raise click.UsageError("say which STRATEGY to run: `tapedeck strategies` lists them")
    spec.dataset = spec.dataset or DEFAULT_DATASET
    return spec


def read_spec(file: IO[str] | None) -> RunSpec:
    """The spec in a file of JSON; an empty one without a file."""
    if file is None:
        return RunSpec()
    try:
        return json_format.Parse(file.read(), RunSpec())
    except (json_format.ParseError, UnicodeDecodeError) as error:
        raise click.BadParameter(f"{file.name} holds no RunSpec as JSON: {error}", param_hint="--spec") from None


def fill(target: RunSpec | RunOverrides, options: Mapping[str, object]) -> None:
    """Set the fields that options were given for, by the names of the contract; the others stay as they are."""
    for field, value in options.items():
        if value is None or value == ():
            continue
        if field == "symbols":
            target.symbols[:] = split_symbols(cast("tuple[str, ...]", value))
        elif field == "parameters":
            target.parameters.update({key: parse_parameter(text) for key, text in cast("tuple[tuple[str, str], ...]", value)})
        elif isinstance(value, Message):
            getattr(target, field).CopyFrom(value)
        else:
            setattr(target, field, value)
