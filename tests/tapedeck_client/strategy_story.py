"""Strategy versions, statistics and suggestions as a store has them."""

from __future__ import annotations

from google.protobuf.timestamp_pb2 import Timestamp

from tapedeck.v1.strategy_pb2 import MetricStatistics, StrategyStatistics, StrategyVersion, Suggestion, SuggestionPriority

ROOT_ID = "019ab000-0000-4000-8000-0000aaaa1111"
CHILD_ID = "019ab000-0000-4000-8000-0000bbbb2222"
SIBLING_ID = "019ab000-0000-4000-8000-0000cccc3333"
TIME = Timestamp(seconds=1_790_000_000)


def recorded_versions() -> list[StrategyVersion]:
    """A root with source code and parameters, and two versions that were made of it."""
    root = StrategyVersion(
        version_id=ROOT_ID,
        name="sma_crossover",
        source_digest="abcdef0123456789" * 4,
        source_code="def signals(bars, parameters):\n\treturn bars.close\x1b[31m\n",
        notes="The first one.",
        create_time=TIME,
        iteration_count=1_234,
    )
    root.parameters.update({"slow": 30, "fast": 10})
    child = StrategyVersion(version_id=CHILD_ID, name="sma_crossover", parent_version_id=ROOT_ID, create_time=TIME, iteration_count=1)
    return [root, child, StrategyVersion(version_id=SIBLING_ID, name="sma_crossover", parent_version_id=ROOT_ID, create_time=TIME)]


def recorded_statistics() -> StrategyStatistics:
    """Of three runs, of which one has no Sharpe ratio and none an alpha."""
    ratio = MetricStatistics(metric="sharpe_ratio", count=2, undefined_count=1, mean=1.25, lowest=0.5, highest=2.0, best=2.0, worst=0.5)
    pnl = MetricStatistics(metric="pnl", count=3, lowest=-5.0, highest=1e300, best=1e300, worst=-5.0)
    metrics = [ratio, pnl, MetricStatistics(metric="alpha", undefined_count=3)]
    return StrategyStatistics(strategy="sma_crossover", run_count=3, newest_create_time=TIME, metrics=metrics)


def recorded_suggestions(run_id: str) -> list[Suggestion]:
    """One that says everything, and one that says the least."""
    full = Suggestion(
        suggestion_id=CHILD_ID,
        run_id=run_id,
        strategy="sma_crossover",
        priority=SuggestionPriority.SUGGESTION_PRIORITY_HIGH,
        description="Trade less in calm markets.",
        specific_changes=["slow = 60", "skip when volatility < 10 %"],
        expected_impact="Half the turnover.",
        rationale="Most losses are costs.",
        references=["the notes of 2026-11-02"],
        create_time=TIME,
    )
    least = Suggestion(run_id=run_id, priority=SuggestionPriority.SUGGESTION_PRIORITY_LOW, description="Look at it.", create_time=TIME)
    return [full, least]
