"""Commands for strategy versions and suggestions: strategy-versions, strategy-version, suggest, suggestions."""

from __future__ import annotations

import itertools
import uuid

import click

from tapedeck.v1.strategy_pb2 import SuggestionPriority
from tapedeck.v1.strategy_service_pb2 import CreateSuggestionResponse, ListStrategyVersionsResponse, ListSuggestionsResponse
from tapedeck_client.client_strategies import VERSION_PAGE_SIZE
from tapedeck_client.filter_options import filter_text
from tapedeck_client.ids import find_run, find_version
from tapedeck_client.render import strategies as render
from tapedeck_client.terminal import Terminal, pass_terminal, shared_options

MOST_LISTED = 10_000
"""What somebody may want to see on a terminal or pipe into a file; programs use the client."""

_PRIORITIES = {
    "high": SuggestionPriority.SUGGESTION_PRIORITY_HIGH,
    "medium": SuggestionPriority.SUGGESTION_PRIORITY_MEDIUM,
    "low": SuggestionPriority.SUGGESTION_PRIORITY_LOW,
}
_limit = click.option("--limit", type=click.IntRange(1, MOST_LISTED), default=20, show_default=True, help="Shown at most.")
_priority = click.Choice(list(_PRIORITIES), case_sensitive=False)


@click.command("strategy-versions")
@click.argument("name", required=False)
@_limit
@click.option("--filter", "expression", metavar="EXPR", help="Only versions that match, such as 'notes:costs'.")
@shared_options
@pass_terminal
def strategy_versions(terminal: Terminal, name: str | None, limit: int, expression: str | None) -> None:
    """List the recorded versions of all strategies, or of the one called NAME, newest first."""
    matching = filter_text(expression, [("name = ", name)])
    found = terminal.client().strategy_versions(matching, page_size=min(limit, VERSION_PAGE_SIZE))
    response = ListStrategyVersionsResponse(versions=itertools.islice(found, limit))
    nothing = "no version matches" if matching else "no version is recorded yet: an engine registers its strategies when it starts"
    terminal.show(response, lambda: render.strategy_versions(response.versions) if response.versions else nothing)


@click.command("strategy-version")
@click.argument("version_id", metavar="VERSION")
@shared_options
@pass_terminal
def strategy_version(terminal: Terminal, version_id: str) -> None:
    """Show VERSION, the versions it came from and led to, and its source code.

    VERSION is an id, or its last 8 digits as `tapedeck strategy-versions` prints them.
    """
    client = terminal.client()
    version = client.get_strategy_version(find_version(client, version_id))
    terminal.show(version, lambda: render.strategy_version(version, client.strategy_lineage(version.version_id).versions))


@click.command()
@click.argument("run_id", metavar="RUN")
@click.argument("description")
@click.option("--priority", type=_priority, default="medium", show_default=True, help="How much it matters.")
@click.option("--change", "changes", multiple=True, metavar="TEXT", help="What is to be changed; repeatable.")
@click.option("--impact", default="", metavar="TEXT", help="What it should bring.")
@click.option("--why", default="", metavar="TEXT", help="The reason.")
@click.option("--see", "references", multiple=True, metavar="TEXT", help="Where that comes from; repeatable.")
@click.option("--request-id", help="Idempotency key: given again, no second suggestion is made.")
@shared_options
@pass_terminal
def suggest(
    terminal: Terminal,
    run_id: str,
    description: str,
    priority: str,
    changes: tuple[str, ...],
    impact: str,
    why: str,
    references: tuple[str, ...],
    request_id: str | None,
) -> None:
    """Attach a suggestion to RUN: what to try next.

    Example: tapedeck suggest 9f3c2a10 "Trade less" --priority high --change "slow = 60" --why "Most losses are costs"
    """
    client = terminal.client()
    made = client.suggest(
        find_run(client, run_id),
        _PRIORITIES[priority],
        description,
        specific_changes=changes,
        expected_impact=impact,
        rationale=why,
        references=references,
        request_id=request_id or str(uuid.uuid4()),
    )
    terminal.show(CreateSuggestionResponse(suggestion=made), lambda: render.suggestions([made]))


@click.command()
@click.argument("run_id", metavar="[RUN]", required=False)
@_limit
@click.option("--priority", type=_priority, help="Only suggestions of this priority.")
@click.option("--strategy", help="Only suggestions about runs of this strategy.")
@shared_options
@pass_terminal
def suggestions(terminal: Terminal, run_id: str | None, limit: int, priority: str | None, strategy: str | None) -> None:
    """List what is suggested about RUN, or about all runs, high priority first."""
    client = terminal.client()
    whole_id = find_run(client, run_id) if run_id else None
    asked = [("run_id = ", whole_id), ("strategy = ", strategy), ("priority = ", priority.upper() if priority else None)]
    found = client.suggestions(filter_text(None, asked), page_size=min(limit, VERSION_PAGE_SIZE))
    response = ListSuggestionsResponse(suggestions=itertools.islice(found, limit))
    nothing = "nothing is suggested: `tapedeck suggest RUN TEXT` does it"
    terminal.show(response, lambda: render.suggestions(response.suggestions) if response.suggestions else nothing)
