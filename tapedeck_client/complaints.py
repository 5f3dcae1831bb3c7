"""Errors as people read them: one clear line, what is wrong field by field, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator

from tapedeck_client.render.text import plain
from tapedeck_rpc import errors

_START = "start both services with `make up`, or say where they are: --engine-target TARGET, --store-target TARGET"

HINTS = {
    "ENGINE_UNAVAILABLE": _START,
    "STORE_UNAVAILABLE": _START,
    "INVALID_FILTER": """for example --filter 'sharpe_ratio > 1 AND parameters.fast <= 20 AND symbols:"GOOG"'""",
    "RUN_NOT_FOUND": "`tapedeck history` lists the runs",
    "RUN_TERMINAL": "`tapedeck show RUN` shows how it ended",
    "RUN_NOT_FINISHED": "`tapedeck watch RUN` follows it, `tapedeck cancel RUN` ends it",
    "DUPLICATE_RUN": "--reuse shows it, --force runs the spec again",
    "RUN_DELETED": "`tapedeck undelete RUN` brings it back",
    "ETAG_MISMATCH": "`tapedeck show RUN --json` shows what it is now, with its etag",
    "REQUEST_ID_REUSED": "leave --request-id out, or take another one",
    "STRATEGY_NOT_INSTALLED": "`tapedeck strategies` lists those that are installed",
    "DATASET_GONE": "`tapedeck datasets` lists what is there; --data latest replays on that",
    "SWEEP_NOT_FOUND": "`tapedeck sweeps` lists the sweeps, `tapedeck sweep-results SWEEP` the results of one",
    "SPEC_INCOMPLETE": "`tapedeck run STRATEGY --start DATE --end DATE` executes it over dates of your own",
    "OUTSIDE_KERNEL": "--engine auto takes zipline where the kernel can't go",
    "TOO_MANY_RUNS": "give fewer values, or draw some of the combinations: --sample N",
    "TOO_MANY_SUGGESTIONS": "`tapedeck suggestions RUN` lists them",
    "WHICH_ONE": "give more digits of its id, or all of it",
    "DEADLINE_EXCEEDED": "try again; the service may be busy or starting",
    "INTERNAL": "the log of the service has the details",
}
"""By reason: what the reader can do next."""


def complaint(error: errors.CallError) -> Iterator[str]:
    """The lines to print for an error."""
    violations = error.violations if isinstance(error, errors.InvalidArgument) else ()
    if len(violations) == 1:
        yield f"Error: {_sentence(violations[0])}"
    elif violations:
        yield f"Error: {len(violations)} things are wrong with the request:"
        yield from (f"  {_sentence(violation)}" for violation in violations)
    else:
        yield f"Error: {plain(error.message)}"
    hint = _hint(error)
    if hint:
        yield f"Hint: {hint}"


def _sentence(violation: errors.Violation) -> str:
    return plain(f"{violation.field}: {violation.description}".replace("\n", " "))


def _hint(error: errors.CallError) -> str | None:
    if error.reason in HINTS:
        return HINTS[error.reason]
    if error.retry_after_seconds is not None:
        return f"try again in {error.retry_after_seconds:.3g} s"
    return None
