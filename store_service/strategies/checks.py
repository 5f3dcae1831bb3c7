"""What may be kept of strategies: everything that is wrong with a request is found here, at once, before any of it is written."""

from __future__ import annotations

from google.protobuf import struct_pb2
from google.protobuf.json_format import MessageToJson

from store_service.conversions import id_violations, run_id_violations
from store_service.models import MAX_NOTE_CHARS
from store_service.recording.checks import MAX_NAME_CHARS, Problems, check_storable, check_text
from tapedeck.v1 import record_service_pb2, strategy_pb2, strategy_service_pb2

MAX_SOURCE_BYTES = 1024 * 1024
"""Source code of a version, in UTF-8: thirty thousand lines; what is larger is a program, and is kept as one."""

MAX_PARAMETERS_BYTES = 100 * 1024
"""Parameters of a version, as JSON: thousands of them, or a few long lists."""

MAX_SUGGESTIONS_OF_RUN = 10_000
"""Suggestions about one run: far more than anybody reads, and an import of them is written in a second or two."""

MAX_ITEMS = 50
"""Changes, or references, of one suggestion: more are several suggestions."""

PRIORITIES = tuple(name.removeprefix("SUGGESTION_PRIORITY_") for name in strategy_pb2.SuggestionPriority.keys()[1:])

VersionRequest = strategy_service_pb2.CreateStrategyVersionRequest | record_service_pb2.RegisterStrategyRequest


def check_version(request: VersionRequest) -> None:
    """Check a version that is to be kept.

    Raises:
        InvalidArgument: with everything that is wrong with it.
    """
    problems = Problems()
    check_storable(request, "version", problems)
    is_storable = not problems.violations
    if not 1 <= len(request.name) <= MAX_NAME_CHARS:
        problems.add("name", f"has 1 to {MAX_NAME_CHARS} characters, not {len(request.name)}")
    if not 1 <= (size := len(request.source_code.encode())) <= MAX_SOURCE_BYTES:
        problems.add("source_code", f"has 1 to {MAX_SOURCE_BYTES:,} bytes, not {size:,}")
    # What can't be stored has no JSON.
    if is_storable and (size := _json_size(request.parameters)) > MAX_PARAMETERS_BYTES:
        problems.add("parameters", f"have at most {MAX_PARAMETERS_BYTES:,} bytes as JSON, not {size:,}")
    if isinstance(request, strategy_service_pb2.CreateStrategyVersionRequest):
        if request.parent_version_id:
            problems.violations += id_violations(request.parent_version_id, "parent_version_id", "strategy version")
        _check_prose("notes", request.notes, problems)
    problems.raise_any()


def check_name(name: str, field: str) -> None:
    """Check that a text can be the name of a strategy.

    Raises:
        InvalidArgument: with everything that is wrong with it.
    """
    problems = Problems()
    check_text(name, field, problems)
    if not 1 <= len(name) <= MAX_NAME_CHARS:
        problems.add(field, f"has 1 to {MAX_NAME_CHARS} characters, not {len(name)}")
    problems.raise_any()


def check_suggestion(request: strategy_service_pb2.CreateSuggestionRequest) -> None:
    """Check a suggestion that is to be attached to a run.

    Raises:
        InvalidArgument: with everything that is wrong with it.
    """
    problems = Problems()
    problems.violations += run_id_violations(request.suggestion.run_id, "suggestion.run_id")
    check_suggested(request.suggestion, "suggestion", problems)
    check_text(request.request_id, "request_id", problems)
    if len(request.request_id) > MAX_NAME_CHARS:
        problems.add("request_id", f"has at most {MAX_NAME_CHARS} characters, not {len(request.request_id)}")
    problems.raise_any()


def check_suggested(suggestion: strategy_pb2.Suggestion, path: str, problems: Problems) -> None:
    """Check what a suggestion says, whatever run it is about."""
    check_storable(suggestion, path, problems)
    if suggestion.priority not in strategy_pb2.SuggestionPriority.values()[1:]:
        problems.add(f"{path}.priority", f"is one of {', '.join(PRIORITIES)}")
    _check_prose(f"{path}.description", suggestion.description, problems, is_required=True)
    _check_prose(f"{path}.expected_impact", suggestion.expected_impact, problems)
    _check_prose(f"{path}.rationale", suggestion.rationale, problems)
    for field, items in (("specific_changes", suggestion.specific_changes), ("references", suggestion.references)):
        if len(items) > MAX_ITEMS:
            problems.add(f"{path}.{field}", f"has at most {MAX_ITEMS} entries, not {len(items)}")
        for place, item in enumerate(items[:MAX_ITEMS]):
            _check_prose(f"{path}.{field}[{place}]", item, problems, is_required=True)


def _check_prose(field: str, text: str, problems: Problems, *, is_required: bool = False) -> None:
    if is_required and not text.strip():
        problems.add(field, "must not be empty")
    if len(text) > MAX_NOTE_CHARS:
        problems.add(field, f"has at most {MAX_NOTE_CHARS:,} characters, not {len(text):,}")


def _json_size(parameters: struct_pb2.Struct) -> int:
    return len(MessageToJson(parameters, indent=None, ensure_ascii=False).encode()) if parameters.fields else 0
