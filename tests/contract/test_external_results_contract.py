"""What is promised about suggestions and ranked results that come from elsewhere, asked of the store itself and through gRPC."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from store_service.database import Database
from store_service.models import SORTABLE_METRICS
from store_service.runs.store import RunStore
from store_service.strategies.suggestions import SuggestionStore
from store_service.sweeps.promotion import Promotions
from store_service.sweeps.store import SweepStore
from store_service.transfer import creating_sweeps
from tapedeck.v1 import run_pb2, strategy_pb2, sweep_pb2, transfer_service_pb2
from tapedeck_rpc import errors
from tests.fix_replays import LedgerEngine, fields_of, refusal
from tests.fix_strategies import make_suggestion
from tests.fix_sweeps import RecordSweep, make_sweep_started, whole_sweep
from tests.fix_transfer import Transfers, make_entry, make_ranked

Entry = transfer_service_pb2.SweepResultEntry


def spec(**changes: Any) -> run_pb2.RunSpec:
    fields: dict[str, Any] = {"strategy": "rule_stack", "dataset": "wiki", "start_date": "2010-01-04", "end_date": "2010-12-31"}
    return run_pb2.RunSpec(**{**fields, **changes})


async def promoted(promotions: Promotions, sweep_id: str, number: int) -> list[run_pb2.RunEvent]:
    async with aclosing(promotions.promote_sweep_result(sweep_id, number)) as events:
        return [event async for event in events]


class TestSuggestionsOfRuns:
    async def test_suggestions_are_kept_with_their_run_once_in_their_order(
        self, transfers: Transfers, suggestion_store: SuggestionStore, run_store: RunStore
    ) -> None:
        suggested = [make_suggestion("", description=each).suggestion for each in ("Trade less.", "Hold longer.", "Stop.")]
        created = await transfers.create([make_entry(suggestions=suggested), make_entry(request_id="bare")])
        kept, _ = await suggestion_store.list_suggestions()
        assert [each.description for each in kept] == ["Trade less.", "Hold longer.", "Stop."]
        for each, sent in zip(kept, suggested, strict=True):
            assert (each.run_id, each.strategy) == (created[0].run_id, "my_notebook")
            sent.MergeFrom(strategy_pb2.Suggestion(run_id=each.run_id, strategy=each.strategy, create_time=each.create_time))
            sent.suggestion_id = each.suggestion_id
            assert each == sent
        again = await transfers.create([make_entry(suggestions=suggested[:1]), make_entry(suggestions=suggested, request_id="bare")])
        assert [each.created for each in again] == [False, False]
        assert (await suggestion_store.list_suggestions())[0] == kept

    async def test_a_suggestion_that_is_wrong_keeps_everything_out(self, transfers: Transfers, run_store: RunStore) -> None:
        good = make_suggestion("").suggestion
        wrong = [strategy_pb2.Suggestion(specific_changes=[""])]
        wrong.append(strategy_pb2.Suggestion(priority=9, description="a\0b"))  # type: ignore[arg-type] # any number, as on the wire
        refused = await refusal(lambda: transfers.create([make_entry(suggestions=[good]), make_entry(suggestions=[good, *wrong])]))
        assert sorted(fields_of(refused)) == [
            "runs[1].suggestions[1].description",
            "runs[1].suggestions[1].priority",
            "runs[1].suggestions[1].specific_changes[0]",
            "runs[1].suggestions[2].description",
            "runs[1].suggestions[2].priority",
        ]
        refused = await refusal(lambda: transfers.create([make_entry(suggestions=[good] * 51)]))
        assert (fields_of(refused), "at most 50" in refused.message) == (["runs[0].suggestions"], True)
        assert await run_store.count_runs() == 0


class TestCreateSweep:
    async def test_the_sweep_is_described_as_it_was_sent(self, transfers: Transfers, sweep_store: SweepStore) -> None:
        request = make_ranked(request_id="key")
        sweep_id, created = await transfers.create_sweep(request)
        sweep = await sweep_store.get_sweep(sweep_id)
        assert (created, sweep.source, sweep.state) == (True, sweep_pb2.SWEEP_SOURCE_EXTERNAL, sweep_pb2.SWEEP_STATE_SUCCEEDED)
        wanted = spec(interval="1d", capital_base=100_000.0, symbols=["GOOG", "AAPL"])
        assert sweep.sweep == sweep_pb2.SweepSpec(spec=wanted, symbol_grouping=sweep_pb2.SYMBOL_GROUPING_EACH, rank_by="edge_score")
        assert (sweep.provenance, sweep.strategy_type, dict(sweep.labels)) == (request.provenance, "rules", {"from": "notebook"})
        assert (sweep.create_time, sweep.execution_seconds, sweep.request_id) == (request.create_time, 12.5, "key")
        assert (sweep.result_count, sweep.failed_count, sweep.skipped_count, len(sweep.result_digest)) == (3, 0, 0, 64)

    async def test_every_result_comes_back_under_one_timestamp_numbered_by_rank(
        self, transfers: Transfers, sweep_store: SweepStore
    ) -> None:
        request = make_ranked()
        sweep_id, _ = await transfers.create_sweep(request)
        results, token = await sweep_store.list_sweep_results(sweep_id)
        assert (token, [result.number for result in results]) == ("", [1, 2, 3])
        for result, sent in zip(results, request.results, strict=True):
            assert (result.symbol, result.parameters, result.metrics) == (sent.symbol, sent.parameters, sent.metrics)
            assert (result.HasField("edge_score"), result.edge_score) == (sent.HasField("edge_score"), sent.edge_score)
            assert (result.strategy, result.create_time, result.promoted_run_id) == ("rule_stack", request.create_time, "")

    async def test_results_are_sorted_by_any_metric_and_filtered_beside_those_of_engines(
        self, transfers: Transfers, sweep_store: SweepStore, record_sweep: RecordSweep
    ) -> None:
        await record_sweep(whole_sweep(make_sweep_started(create_time=datetime(2020, 1, 1, tzinfo=UTC))))
        sweep_id, _ = await transfers.create_sweep(make_ranked())
        orders = {"edge_score desc": [1, 2, 3], "sharpe_ratio": [3, 1, 2], "average_trade_return": [1, 2, 3], "number desc": [3, 2, 1]}
        filters = {"symbol = GOOG AND win_rate >= 0.6": [1], "parameters.size = 0.5": [2], "create_time > 2026-03-02": []}
        for asked in (sweep_id, ""):
            for order, numbers in orders.items():
                found, _ = await sweep_store.list_sweep_results(asked, filter_text="create_time > 2026-02-28", order_by=order)
                assert [result.number for result in found] == numbers
            for text, numbers in filters.items():
                found, _ = await sweep_store.list_sweep_results(asked, filter_text=f"create_time > 2026-02-28 AND {text}")
                assert [result.number for result in found] == numbers

    async def test_sweeps_are_told_apart_by_their_source(
        self, transfers: Transfers, sweep_store: SweepStore, record_sweep: RecordSweep
    ) -> None:
        recorded = await record_sweep()
        sweep_id, _ = await transfers.create_sweep(make_ranked())
        for source, wanted in (("EXTERNAL", sweep_id), ("ENGINE", recorded)):
            found, _ = await sweep_store.list_sweeps(filter_text=f"source = {source}")
            assert [sweep.sweep_id for sweep in found] == [wanted]

    async def test_results_without_a_symbol_trade_all_of_the_spec(self, transfers: Transfers, sweep_store: SweepStore) -> None:
        together = [Entry(parameters={"top": top}, metrics=run_pb2.Metrics(sharpe_ratio=top)) for top in (2, 1)]
        sweep_id, _ = await transfers.create_sweep(make_ranked(spec=spec(symbols=["GOOG", "IBM"]), results=together))
        sweep = (await sweep_store.get_sweep(sweep_id)).sweep
        assert (sweep.symbol_grouping, list(sweep.spec.symbols)) == (sweep_pb2.SYMBOL_GROUPING_TOGETHER, ["GOOG", "IBM"])
        results, _ = await sweep_store.list_sweep_results(sweep_id)
        assert [result.symbol for result in results] == ["", ""]

    async def test_the_least_that_can_be_said_is_enough(self, transfers: Transfers, sweep_store: SweepStore) -> None:
        time = datetime(2026, 3, 1, tzinfo=UTC)
        named = run_pb2.RunSpec(strategy="mine", dataset="feed")
        bare = transfer_service_pb2.CreateSweepRequest(create_time=time, spec=named, results=[Entry(symbol="X")])
        sweep_id, created = await transfers.create_sweep(bare)
        (result,), _ = await sweep_store.list_sweep_results(sweep_id)
        assert (created, result.symbol, result.metrics, result.HasField("edge_score")) == (True, "X", run_pb2.Metrics(), False)

    async def test_dates_of_metrics_are_not_kept(self, transfers: Transfers, sweep_store: SweepStore) -> None:
        dated = run_pb2.Metrics(sharpe_ratio=1.0, best_session_date="2010-05-06")
        sweep_id, _ = await transfers.create_sweep(make_ranked(results=[Entry(symbol="GOOG", metrics=dated)]))
        (result,), _ = await sweep_store.list_sweep_results(sweep_id)
        assert result.metrics == run_pb2.Metrics(sharpe_ratio=1.0)

    async def test_the_same_results_again_add_nothing_and_have_the_same_id(self, transfers: Transfers, sweep_store: SweepStore) -> None:
        spelt_out = spec(interval="1d", capital_base=100_000.0, symbols=["GOOG", "AAPL"])
        first, again = [await transfers.create_sweep(request) for request in (make_ranked(), make_ranked(spec=spelt_out))]
        assert (first[1], again) == (True, (first[0], False))
        other = await transfers.create_sweep(make_ranked(results=make_ranked().results[:2]))
        later = await transfers.create_sweep(make_ranked(create_time=datetime(2026, 3, 2, tzinfo=UTC)))
        assert (other[1], later[1], len({first[0], other[0], later[0]})) == (True, True, 3)
        assert len((await sweep_store.list_sweeps())[0]) == 3

    async def test_whatever_differs_makes_another_sweep(self, transfers: Transfers, sweep_store: SweepStore) -> None:
        better = make_ranked()
        better.results[1].metrics.sharpe_ratio += 1.0
        requests = (make_ranked(), better, make_ranked(results=make_ranked().results[::-1]), make_ranked(execution_seconds=7.0))
        answers = [await transfers.create_sweep(request) for request in requests]
        assert [created for _, created in answers] == [True] * 4
        assert len({sweep_id for sweep_id, _ in answers}) == len((await sweep_store.list_sweeps())[0]) == 4

    async def test_equal_requests_at_once_make_one_sweep(self, transfers: Transfers, sweep_store: SweepStore) -> None:
        answers = await asyncio.gather(*(transfers.create_sweep(make_ranked(request_id="key")) for _ in range(4)))
        assert (len({sweep_id for sweep_id, _ in answers}), sum(created for _, created in answers)) == (1, 1)
        assert len((await sweep_store.list_sweep_results())[0]) == 3

    async def test_a_request_id_names_one_sweep(self, transfers: Transfers, sweep_store: SweepStore, record_sweep: RecordSweep) -> None:
        made, _ = await transfers.create_sweep(make_ranked(request_id="key"))
        recorded = await record_sweep(whole_sweep(make_sweep_started(request_id="taken")))
        for key, owner in (("key", made), ("taken", recorded)):
            refused = await refusal(partial(transfers.create_sweep, make_ranked(request_id=key, strategy_type="other")))
            assert (refused.reason, fields_of(refused)) == ("REQUEST_ID_REUSED", ["request_id"])
            assert refused.metadata == {"existing_sweep_id": owner}
        assert len((await sweep_store.list_sweeps())[0]) == 2

    async def test_no_results_change_nothing(self, transfers: Transfers, sweep_store: SweepStore) -> None:
        for request in (make_ranked(results=[]), transfer_service_pb2.CreateSweepRequest()):
            assert await transfers.create_sweep(request) == ("", False)
        assert await sweep_store.list_sweeps() == ([], "")

    async def test_everything_that_is_wrong_is_said_at_once_and_nothing_is_kept(
        self, transfers: Transfers, sweep_store: SweepStore
    ) -> None:
        nan, inf = float("nan"), float("inf")
        metrics = run_pb2.Metrics(sharpe_ratio=nan, max_drawdown=0.1, trades_won=2, trades_lost=2, trades_total=3)
        request = make_ranked(
            create_time=None,
            spec=run_pb2.RunSpec(dataset="wiki", symbols=["GOOG"], start_date="2010-1-4", end_date="2010-01-01", capital_base=-1),
            results=[
                make_ranked().results[0],
                Entry(symbol="GOOG", metrics=metrics, edge_score=-inf),
                Entry(metrics=run_pb2.Metrics(best_session_date="soon")),
                Entry(symbol="IBM", parameters={"a": [{"b": nan}], "c\0": 1}),
            ],
            rank_by="sharp",
            labels={"": "x"},
            strategy_type="t" * 201,
            execution_seconds=nan,
        )
        refused = await refusal(lambda: transfers.create_sweep(request))
        assert (type(refused), refused.reason) == (errors.InvalidArgument, "UNSTORABLE_VALUE")
        assert set(fields_of(refused)) == {
            "create_time",
            "spec.strategy",
            "spec.start_date",
            "spec.capital_base",
            "results[1].metrics.sharpe_ratio",
            "results[1].metrics.max_drawdown",
            "results[1].metrics.trades_total",
            "results[1].edge_score",
            "results[2].symbol",
            "results[2].metrics.best_session_date",
            "results[3].symbol",
            "results[3].parameters.fields['a'].list_value.values[0].struct_value.fields['b'].number_value",
            "results[3].parameters.fields (a key)",
            "rank_by",
            "labels['']",
            "strategy_type",
            "execution_seconds",
        }
        assert await sweep_store.list_sweeps() == ([], "")

    async def test_symbols_must_come_from_the_spec_or_the_results(self, transfers: Transfers) -> None:
        refused = await refusal(lambda: transfers.create_sweep(make_ranked(results=[Entry()])))
        assert fields_of(refused) == ["spec.symbols"]

    @pytest.mark.parametrize("time", [Timestamp(seconds=-1), Timestamp(seconds=10**13), Timestamp(nanos=-1)])
    async def test_the_timestamp_must_be_an_instant(self, transfers: Transfers, time: Timestamp) -> None:
        refused = await refusal(lambda: transfers.create_sweep(make_ranked(create_time=time)))
        assert fields_of(refused) == ["create_time"]

    async def test_too_many_results_and_too_large_requests_say_what_the_limit_is(
        self, transfers: Transfers, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(creating_sweeps, "MAX_RESULTS", 2)
        assert "at most 2" in (await refusal(lambda: transfers.create_sweep(make_ranked()))).message
        monkeypatch.setattr(creating_sweeps, "MAX_RESULTS", 3)
        monkeypatch.setattr(creating_sweeps, "MAX_REQUEST_BYTES", 10)
        assert "at most 10" in (await refusal(lambda: transfers.create_sweep(make_ranked()))).message

    async def test_as_many_results_as_a_request_may_have_are_taken(self, module_database: Database) -> None:
        zeros: dict[str, Any] = dict.fromkeys(SORTABLE_METRICS, 0)
        full = run_pb2.Metrics(**zeros)
        results = [Entry(symbol="GOOG", parameters={"fast": place}, metrics=full) for place in range(creating_sweeps.MAX_RESULTS)]
        assert (await Transfers(module_database).create_sweep(make_ranked(results=results)))[1]


class TestPromoteSweepResult:
    async def test_a_result_from_elsewhere_is_executed_where_strategy_and_data_are_installed(
        self, transfers: Transfers, promotions: Promotions, run_store: RunStore, ledger_engine: LedgerEngine
    ) -> None:
        ledger_engine.strategies.append("rule_stack")
        sweep_id, _ = await transfers.create_sweep(make_ranked(spec=spec(parameters={"fast": 5, "size": 1})))
        events = await promoted(promotions, sweep_id, 2)
        run = await run_store.get_run(events[0].started.run_id)
        assert run.sweep == run_pb2.SweepLink(sweep_id=sweep_id, number=2)
        assert (list(run.spec.symbols), run.spec.start_date, run.spec.capital_base) == (["AAPL"], "2010-01-04", 100_000.0)
        assert run.spec.parameters == spec(parameters={"fast": 5, "size": 0.5, "entry": ["momentum_above(90,0)"]}).parameters

    async def test_what_is_not_installed_is_named(self, transfers: Transfers, promotions: Promotions, ledger_engine: LedgerEngine) -> None:
        sweep_id, _ = await transfers.create_sweep(make_ranked())
        refused = await refusal(lambda: promoted(promotions, sweep_id, 1))
        assert (type(refused), refused.reason) == (errors.FailedPrecondition, "STRATEGY_NOT_INSTALLED")
        assert refused.message == "strategy rule_stack is not installed"
        ledger_engine.strategies.append("rule_stack")
        for changes in ({"dataset": "feed"}, {"dataset_fingerprint": "gone"}):
            sweep_id, _ = await transfers.create_sweep(make_ranked(spec=spec(**changes)))
            refused = await refusal(partial(promoted, promotions, sweep_id, 1))
            assert (type(refused), refused.reason) == (errors.FailedPrecondition, "DATASET_GONE")

    async def test_dates_that_nobody_said_are_named(self, transfers: Transfers, promotions: Promotions, run_store: RunStore) -> None:
        for known, absent in (({"start_date": ""}, "start_date"), ({"start_date": "", "end_date": ""}, "start_date,end_date")):
            sweep_id, _ = await transfers.create_sweep(make_ranked(spec=spec(**known)))
            refused = await refusal(partial(promoted, promotions, sweep_id, 1))
            assert (type(refused), refused.reason) == (errors.FailedPrecondition, "SPEC_INCOMPLETE")
            assert refused.metadata["absent_fields"] == absent
        assert await run_store.count_runs() == 0
