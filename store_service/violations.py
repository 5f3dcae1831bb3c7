"""Checking a request part by part, and telling the caller everything that is wrong with it at once."""

from __future__ import annotations

from types import TracebackType

from tapedeck_rpc import errors


class Checks:
    """Collects what the parts of a request are refused for.

    with checks:
        order = parse_order_by(request.order_by)
    with checks:
        matching = condition(request.filter)
    checks.done()
    """

    def __init__(self) -> None:
        self._refused: list[errors.InvalidArgument] = []

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None) -> bool:
        if isinstance(error, errors.InvalidArgument):
            self._refused.append(error)
            return True
        return False

    def done(self) -> None:
        """All parts have been looked at.

        Raises:
            InvalidArgument: some were refused; the reason is theirs when they agree, INVALID_REQUEST otherwise.
        """
        if not self._refused:
            return
        reasons = {error.reason for error in self._refused}
        raise errors.InvalidArgument(
            "; ".join(error.message for error in self._refused),
            reason=reasons.pop() if len(reasons) == 1 else "INVALID_REQUEST",
            violations=[violation for error in self._refused for violation in error.violations],
        )


def refuse(field: str, problem: str) -> errors.InvalidArgument:
    """The error that says that one field is wrong."""
    return errors.InvalidArgument(violations=[errors.Violation(field, problem)])
