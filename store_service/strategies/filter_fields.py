"""What filters on strategy versions and on suggestions may name."""

from __future__ import annotations

from store_service.filter_fields import Fields, enum_field, parameters_field, prose_field, text_field, time_field, uuid_field
from store_service.models import runs
from store_service.strategy_models import strategy_versions, suggestions
from tapedeck.v1 import strategy_pb2

VERSION_FIELDS = Fields(
    "a strategy version",
    {
        "version_id": uuid_field(strategy_versions.c.version_id),
        "name": text_field(strategy_versions.c.name),
        "source_digest": text_field(strategy_versions.c.source_digest),
        "parent_version_id": uuid_field(strategy_versions.c.parent_version_id),
        "notes": prose_field(strategy_versions.c.notes),
        "parameters": parameters_field(strategy_versions.c.parameters),
        "create_time": time_field(strategy_versions.c.create_time),
    },
)

SUGGESTION_FIELDS = Fields(
    "a suggestion",
    {
        "suggestion_id": uuid_field(suggestions.c.suggestion_id),
        "run_id": uuid_field(suggestions.c.run_id),
        "strategy": text_field(runs.c.strategy),
        "priority": enum_field(suggestions.c.priority, strategy_pb2.SuggestionPriority, "SUGGESTION_PRIORITY_"),
        "description": prose_field(suggestions.c.description),
        "create_time": time_field(suggestions.c.create_time),
    },
)
