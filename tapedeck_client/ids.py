"""Which run or sweep is meant: ids are given whole, or by their tail."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable

from tapedeck_client.client import TapedeckClient
from tapedeck_client.render.text import plain
from tapedeck_rpc import errors

LEAST_TAIL_DIGITS = 4
"""Fewer hexadecimal digits name one run of 65,536 at best."""

SHOWN_CANDIDATES = 5
"""Ids named when a tail is ambiguous."""

_WHOLE = re.compile(r"[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}")
_TAIL = re.compile(rf"[0-9a-f-]{{{LEAST_TAIL_DIGITS},35}}")


def find_run(client: TapedeckClient, text: str) -> str:
    """The id of the run that `text` names, whole or by its last digits.

    A whole id is taken as it is: whether there is such a run, the service says.

    Raises:
        tapedeck_rpc.errors.InvalidArgument: it is no id and no tail of one, or the tail of several runs.
        tapedeck_rpc.errors.NotFound: no run's id ends so.
    """

    def ending_with(tail: str) -> Iterable[str]:
        # Deleted runs too: what can't be done with one is for the service to say.
        return (run.run_id for run in client.list(f'run_id = "*{tail}"', page_size=SHOWN_CANDIDATES, show_deleted=True).runs)

    return _find("run", text, ending_with)


def find_sweep(client: TapedeckClient, text: str) -> str:
    """The id of the sweep that `text` names; as `find_run`."""

    def ending_with(tail: str) -> Iterable[str]:
        return (sweep.sweep_id for sweep in client.sweeps(f'sweep_id = "*{tail}"', page_size=SHOWN_CANDIDATES))

    return _find("sweep", text, ending_with)


def find_version(client: TapedeckClient, text: str) -> str:
    """The id of the strategy version that `text` names; as `find_run`."""

    def ending_with(tail: str) -> Iterable[str]:
        return (version.version_id for version in client.strategy_versions(f'version_id = "*{tail}"', page_size=SHOWN_CANDIDATES))

    return _find("strategy version", text, ending_with)


def _find(noun: str, text: str, ending_with: Callable[[str], Iterable[str]]) -> str:
    given = text.strip().lower()
    if _WHOLE.fullmatch(given):
        return given
    not_found = f"{noun.upper().replace(' ', '_')}_NOT_FOUND"
    if not _TAIL.fullmatch(given):
        message = f'"{plain(text)}" is no id of a {noun}: give all of it, or at least its last {LEAST_TAIL_DIGITS} hexadecimal digits'
        raise errors.InvalidArgument(message, reason=not_found)
    candidates = list(itertools.islice(ending_with(given), SHOWN_CANDIDATES))
    if not candidates:
        raise errors.NotFound(f'no {noun} has an id that ends with "{given}"', reason=not_found)
    if len(candidates) > 1:
        raise errors.InvalidArgument(f'"{given}" is the tail of several {noun}s: {", ".join(candidates)}', reason="WHICH_ONE")
    return candidates[0]
