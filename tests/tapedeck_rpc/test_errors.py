"""What the exceptions carry."""

from __future__ import annotations

from tapedeck_rpc import errors


def test_an_error_is_its_message_and_keeps_its_facts() -> None:
    error = errors.NotFound("no such recipe", reason="RECIPE_NOT_FOUND", metadata={"name": "soup"})
    assert str(error) == error.message == "no such recipe"
    assert (error.reason, error.metadata, error.retry_after_seconds) == ("RECIPE_NOT_FOUND", {"name": "soup"}, None)


def test_the_message_of_an_invalid_argument_names_every_violation() -> None:
    violations = [errors.Violation("salt", "must be positive"), errors.Violation("pot", "is missing")]
    error = errors.InvalidArgument(violations=violations)
    assert str(error) == "salt: must be positive; pot: is missing"
    assert error.violations == tuple(violations)
    assert error.reason == "INVALID_REQUEST"


def test_an_invalid_argument_may_have_a_sentence_of_its_own() -> None:
    assert str(errors.InvalidArgument("can't read it", violations=[errors.Violation("pot", "is missing")])) == "can't read it"


def test_every_error_can_be_caught_as_a_call_error() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    assert len(kinds) == 14
    assert all(issubclass(kind, errors.CallError) for kind in kinds)
