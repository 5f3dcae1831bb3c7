"""Strategy versions and suggestions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from google.protobuf.json_format import MessageToDict
from rich.console import Group, RenderableType
from rich.syntax import Syntax
from rich.text import Text
from rich.tree import Tree

from tapedeck.v1.strategy_pb2 import StrategyVersion, Suggestion, SuggestionPriority
from tapedeck_client.render.tables import FINGERPRINT_DIGITS, facts, plain_table
from tapedeck_client.render.text import count, instant, plain, scalar, tail

_PRIORITY_STYLES = {
    SuggestionPriority.SUGGESTION_PRIORITY_HIGH: "red",
    SuggestionPriority.SUGGESTION_PRIORITY_MEDIUM: "yellow",
    SuggestionPriority.SUGGESTION_PRIORITY_LOW: "green",
}


def strategy_versions(versions: Sequence[StrategyVersion]) -> RenderableType:
    """Versions, one a row."""
    table = plain_table("Version", "Created (UTC)", "Strategy", "Runs", "Parent", "Notes", right=("Runs",))
    for version in versions:
        table.add_row(
            Text(tail(version.version_id), style="bold"),
            instant(version.create_time),
            plain(version.name),
            count(version.iteration_count),
            tail(version.parent_version_id),
            plain(version.notes),
        )
    return table


def strategy_version(version: StrategyVersion, lineage: Sequence[StrategyVersion]) -> RenderableType:
    """One version: what is known of it, the tree it belongs to, and its source code."""
    code = plain(version.source_code.expandtabs(4))
    return Group(
        facts(_fact_rows(version)),
        Text("\nLineage", style="bold"),
        lineage_tree(lineage, version.version_id),
        Text("\nSource code", style="bold"),
        Syntax(code, "python", theme="ansi_dark", background_color="default", word_wrap=True),
    )


def lineage_tree(versions: Sequence[StrategyVersion], marked: str) -> RenderableType:
    """Versions as a tree, each of them after its parent, with one of them marked."""
    branches: dict[str, Tree] = {}
    for version in versions:
        label = _label(version, is_marked=version.version_id == marked)
        parent = branches.get(version.parent_version_id)
        branches[version.version_id] = Tree(label) if parent is None else parent.add(label)
    return next(iter(branches.values()))


def suggestions(found: Sequence[Suggestion]) -> RenderableType:
    """Suggestions, one block each."""
    return Group(*(part for place, suggestion in enumerate(found) for part in (*([Text("")] if place else []), _block(suggestion))))


def _label(version: StrategyVersion, *, is_marked: bool) -> Text:
    runs = f"{version.iteration_count:,} run{'' if version.iteration_count == 1 else 's'}"
    text = f"{tail(version.version_id)} {plain(version.name)}, {instant(version.create_time)}, {runs}"
    return Text(f"{text} ◀" if is_marked else text, style="bold" if is_marked else "")


def _fact_rows(version: StrategyVersion) -> Iterator[tuple[str, RenderableType]]:
    yield "Version", Text(plain(version.version_id), style="bold")
    yield "Strategy", plain(version.name)
    yield "Created (UTC)", instant(version.create_time)
    yield "Runs", Text(f"{version.iteration_count:,}")
    yield "Source digest", plain(version.source_digest)[:FINGERPRINT_DIGITS]
    if version.parameters.fields:
        yield "Parameters", scalar(dict(sorted(MessageToDict(version.parameters).items())))
    if version.notes:
        yield "Notes", plain(version.notes)


def _block(suggestion: Suggestion) -> RenderableType:
    priority = SuggestionPriority.Name(suggestion.priority).removeprefix("SUGGESTION_PRIORITY_")
    heading = Text.assemble((f"{priority} ", f"bold {_PRIORITY_STYLES[suggestion.priority]}"), plain(suggestion.description))
    rows: list[tuple[str, RenderableType]] = [("Run", f"{tail(suggestion.run_id)} ({plain(suggestion.strategy)})")]
    rows += [("Change", plain(change)) for change in suggestion.specific_changes]
    rows += [(name, plain(text)) for name, text in (("Impact", suggestion.expected_impact), ("Why", suggestion.rationale)) if text]
    rows += [("See", plain(reference)) for reference in suggestion.references]
    return Group(heading, facts([*rows, ("Made (UTC)", f"{instant(suggestion.create_time)}, {plain(suggestion.suggestion_id)}")]))
