"""Where a command reads its settings and writes its output."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

import click
from google.protobuf.message import Message
from rich.console import Console, RenderableType

from tapedeck_client.client import TapedeckClient
from tapedeck_client.render.text import as_json

COLUMNS_WITHOUT_TERMINAL = 100
"""Width of output that goes to a file or a pipe, unless COLUMNS says otherwise: tables are made to fit it."""

F = TypeVar("F", bound=Callable[..., object] | click.Command)


@dataclass(slots=True)
class Terminal:
    """What the shared options say, and the two consoles."""

    engine_target: str | None = None
    store_target: str | None = None
    as_json: bool = False

    def client(self) -> TapedeckClient:
        """A client that is closed when the command ends."""
        return click.get_current_context().with_resource(TapedeckClient(self.engine_target, self.store_target))

    @property
    def out(self) -> Console:
        """Standard output."""
        return _console(to_stderr=False)

    @property
    def err(self) -> Console:
        """Standard error: warnings and errors."""
        return _console(to_stderr=True)

    def show(self, message: Message, rendered: Callable[[], RenderableType]) -> None:
        """Print a response: as JSON when that was asked for, else as it is rendered."""
        if self.as_json:
            click.echo(json.dumps(as_json(message), indent=2, ensure_ascii=False))
        else:
            self.out.print(rendered())

    def show_line(self, message: Message) -> None:
        """Print one message of a stream as a line of JSON."""
        click.echo(json.dumps(as_json(message), ensure_ascii=False))


def _console(*, to_stderr: bool) -> Console:
    stream = sys.stderr if to_stderr else sys.stdout
    fixed = None if stream.isatty() or "COLUMNS" in os.environ else COLUMNS_WITHOUT_TERMINAL
    # NO_COLOR alone would keep bold and italic; without a colour system nothing but text is written.
    color_system: Literal["auto"] | None = None if os.environ.get("NO_COLOR") else "auto"
    return Console(stderr=to_stderr, width=fixed, color_system=color_system, markup=False, highlight=False, emoji=False)


def shared_options(command: F) -> F:
    """Options that may stand before and after a command's name."""
    engine = _target_option("engine")
    store = _target_option("store")
    as_json_ = click.option(
        "--json",
        is_flag=True,
        default=None,
        expose_value=False,
        callback=_set("as_json"),
        help="Print JSON; a stream as one object a line.",
    )
    return engine(store(as_json_(command)))


def _target_option(service: str) -> Callable[[F], F]:
    callback = _set(f"{service}_target")
    return click.option(f"--{service}-target", metavar="TARGET", expose_value=False, callback=callback, help=f"Address of the {service}.")


def _set(name: str) -> Callable[[click.Context, click.Parameter, object], None]:
    def callback(context: click.Context, _: click.Parameter, value: object) -> None:
        if value is not None:
            setattr(context.ensure_object(Terminal), name, value)

    return callback


pass_terminal = click.make_pass_decorator(Terminal, ensure=True)
"""Hands the command its terminal."""
