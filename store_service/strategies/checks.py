"""What may be kept of strategies: everything that is wrong with a request is found here, at once, before any of it is written."""

from __future__ import annotations

from google.protobuf import struct_pb2
from google.protobuf.json_format import MessageToJson

from store_service.conversions import id_violations, run_id_violations
from store_service.models import MAX_NOTE_CHARS
from store_service.recording.checks import MAX_NAME_CHARS, Problems, check_storable
from tapedeck.v1 import record_service_pb2, strategy_pb2, strategy_service_pb2

MAX_SOURCE_BYTES = 1024 * 1024
"""Source code of a version, in UTF-8: thirty thousand lines; what is larger is a program, and is kept as one."""

MAX_PARAMETERS_BYTES = 100 * 1024
"""Parameters of a version, as JSON: thousands of them, or a few long lists."""

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


def check_suggestion(request: strategy_service_pb2.CreateSuggestionRequest) -> None:
    """Check a suggestion that is to be attached to a run.

    Raises:
        InvalidArgument: with everything that is wrong with it.
    """
    problems, suggestion = Problems(), request.suggestion
    check_storable(request, "request", problems)
    problems.violations += run_id_violations(suggestion.run_id, "suggestion.run_id")
    if suggestion.priority not in strategy_pb2.SuggestionPriority.values()[1:]:
        problems.add("suggestion.priority", f"is one of {', '.join(PRIORITIES)}")
    _check_prose("suggestion.description", suggestion.description, problems, is_required=True)
    _check_prose("suggestion.expected_impact", suggestion.expected_impact, problems)
    _check_prose("suggestion.rationale", suggestion.rationale, problems)
    for field, items in (("specific_changes", suggestion.specific_changes), ("references", suggestion.references)):
        if len(items) > MAX_ITEMS:
            problems.add(f"suggestion.{field}", f"has at most {MAX_ITEMS} entries, not {len(items)}")
        for place, item in enumerate(items[:MAX_ITEMS]):
            _check_prose(f"suggestion.{field}[{place}]", item, problems, is_required=True)
    if len(request.request_id) > MAX_NAME_CHARS:
        problems.add("request_id", f"has at most {MAX_NAME_CHARS} characters, not {len(request.request_id)}")
    problems.raise_any()


def _check_prose(field: str, text: str, problems: Problems, *, is_required: bool = False) -> None:
    if is_required and not text.strip():
        problems.add(field, "must not be empty")
    if len(text) > MAX_NOTE_CHARS:
        problems.add(field, f"has at most {MAX_NOTE_CHARS:,} characters, not {len(text):,}")


def _json_size(parameters: struct_pb2.Struct) -> int:
    return len(MessageToJson(parameters, indent=None, ensure_ascii=False).encode()) if parameters.fields else 0
