"""What each method sends, on a fake channel; deadlines and retries, on a real server."""

from __future__ import annotations

import pytest

import tapedeck_client
from tapedeck.v1 import engine_service_pb2, store_service_pb2
from tapedeck.v1.run_pb2 import ENGINE_CHOICE_KERNEL, Run
from tapedeck_client import TapedeckClient
from tapedeck_rpc import errors
from tests.tapedeck_client.fake_wire import FakeWire
from tests.tapedeck_client.services import FAILED_ID, OTHER_ID, RUN_ID, Engine, Store, away, spec, story


def test_get_asks_for_a_run_in_a_view(wire: FakeWire) -> None:
    response = store_service_pb2.GetRunResponse(run=Run(run_id=RUN_ID))
    request, run = wire.unary(lambda: wire.client.get(RUN_ID, view=store_service_pb2.RUN_VIEW_BASIC), "GetRun", response)
    assert request == store_service_pb2.GetRunRequest(run_id=RUN_ID, view=store_service_pb2.RUN_VIEW_BASIC)
    assert run == Run(run_id=RUN_ID)


def test_list_sends_filter_order_and_page(wire: FakeWire) -> None:
    response = store_service_pb2.ListRunsResponse(next_page_token="more")
    request, page = wire.unary(
        lambda: wire.client.list("sharpe_ratio > 1", "pnl desc", page_size=5, page_token="token"), "ListRuns", response
    )
    expected = store_service_pb2.ListRunsRequest(filter="sharpe_ratio > 1", order_by="pnl desc", page_size=5, page_token="token")
    assert (request, page) == (expected, response)


def test_count_returns_the_number(wire: FakeWire) -> None:
    request, count = wire.unary(lambda: wire.client.count("state = FAILED"), "CountRuns", store_service_pb2.CountRunsResponse(run_count=7))
    assert (request.filter, count) == ("state = FAILED", 7)


def test_deleted_runs_are_listed_and_counted_when_they_are_asked_for(client: TapedeckClient, store: Store) -> None:
    client.list(show_deleted=True)
    list(client.list_all(show_deleted=True))
    client.count(show_deleted=True)
    assert [request.show_deleted for request in store.requests] == [True] * 3


def test_compare_sends_the_ids_in_order(wire: FakeWire) -> None:
    response = store_service_pb2.CompareRunsResponse(missing_run_ids=[OTHER_ID])
    request, comparison = wire.unary(lambda: wire.client.compare([RUN_ID, OTHER_ID], include_curves=True), "CompareRuns", response)
    assert request == store_service_pb2.CompareRunsRequest(run_ids=[RUN_ID, OTHER_ID], include_curves=True)
    assert comparison == response


def test_summarize_sends_filter_grouping_and_metrics(wire: FakeWire) -> None:
    response = store_service_pb2.SummarizeRunsResponse(groups=[store_service_pb2.RunGroup(run_count=7)])
    request, summary = wire.unary(
        lambda: wire.client.summarize("pnl > 0", group_by="parameters.fast", metrics=["alpha"]), "SummarizeRuns", response
    )
    expected = store_service_pb2.SummarizeRunsRequest(filter="pnl > 0", group_by="parameters.fast", metrics=["alpha"])
    assert (request, summary) == (expected, response)


def test_cancel_names_the_run(wire: FakeWire) -> None:
    response = engine_service_pb2.CancelRunResponse(run_id=RUN_ID)
    request, answer = wire.unary(lambda: wire.client.cancel(RUN_ID), "CancelRun", response)
    assert (request.run_id, answer) == (RUN_ID, response)


def test_strategies_and_datasets_return_what_the_engine_lists(wire: FakeWire) -> None:
    strategies = engine_service_pb2.ListStrategiesResponse(strategies=[engine_service_pb2.Strategy(name="momentum")])
    assert wire.unary(wire.client.strategies, "ListStrategies", strategies)[1] == strategies
    datasets = engine_service_pb2.ListDatasetsResponse(datasets=[engine_service_pb2.Dataset(name="wiki")])
    assert wire.unary(wire.client.datasets, "ListDatasets", datasets)[1] == datasets


def test_run_sends_spec_labels_and_choices_and_yields_the_events(wire: FakeWire) -> None:
    responses = [engine_service_pb2.RunBacktestResponse(event=event) for event in story()]
    choice, kernel = engine_service_pb2.IF_STORE_UNAVAILABLE_FAIL, ENGINE_CHOICE_KERNEL
    request, yielded = wire.stream(
        lambda: wire.client.run(spec(), request_id="key", save=False, labels={"team": "alpha"}, if_store_unavailable=choice, engine=kernel),
        "RunBacktest",
        responses,
    )
    assert yielded == responses
    assert request == engine_service_pb2.RunBacktestRequest(
        spec=spec(), request_id="key", save=False, labels={"team": "alpha"}, if_store_unavailable=choice, engine=kernel
    )


def test_a_run_without_a_request_id_gets_one_and_is_saved(wire: FakeWire) -> None:
    responses = [engine_service_pb2.RunBacktestResponse(event=event) for event in story()]
    request, _ = wire.stream(lambda: wire.client.run(spec()), "RunBacktest", responses)
    assert len(request.request_id) == 36
    assert request.save


def test_watch_asks_from_a_sequence_on(wire: FakeWire) -> None:
    responses = [store_service_pb2.WatchRunResponse(event=event) for event in story()[2:]]
    request, yielded = wire.stream(lambda: wire.client.watch(RUN_ID, 3), "WatchRun", responses)
    assert request == store_service_pb2.WatchRunRequest(run_id=RUN_ID, from_sequence=3)
    assert yielded == responses


def test_replay_sends_overrides_and_yields_events_and_verdict(wire: FakeWire) -> None:
    responses = [store_service_pb2.ReplayRunResponse(event=event) for event in story()]
    responses.append(store_service_pb2.ReplayRunResponse(verdict={"run_id": OTHER_ID}))
    overrides = store_service_pb2.RunOverrides(end_date="2012-12-31")
    latest = store_service_pb2.REPLAY_DATA_LATEST
    request, yielded = wire.stream(lambda: wire.client.replay(RUN_ID, overrides, data=latest, request_id="key"), "ReplayRun", responses)
    assert request == store_service_pb2.ReplayRunRequest(run_id=RUN_ID, overrides=overrides, data=latest, request_id="key")
    assert yielded == responses


def test_list_all_goes_through_every_page(client: TapedeckClient, store: Store) -> None:
    store.page_size = 2
    assert [run.run_id for run in client.list_all("state = FAILED", "pnl")] == [RUN_ID, OTHER_ID, FAILED_ID]
    assert [(request.page_token, request.filter, request.order_by) for request in store.requests] == [
        ("", "state = FAILED", "pnl"),
        ("2", "state = FAILED", "pnl"),
    ]


def test_a_service_that_is_away_for_a_moment_is_asked_again(client: TapedeckClient, store: Store) -> None:
    store.plans = [(0, away()), (0, away())]
    assert client.get(RUN_ID).run_id == RUN_ID
    assert len(store.requests) == 3


def test_a_refusal_is_not_asked_again(client: TapedeckClient, store: Store) -> None:
    with pytest.raises(errors.NotFound) as raised:
        client.get("019ab000-0000-7000-8000-0000dddd0004")
    assert (raised.value.reason, len(store.requests)) == ("RUN_NOT_FOUND", 1)


def test_nothing_is_sent_before_the_first_event_is_asked_for(client: TapedeckClient, engine: Engine) -> None:
    messages = client.run(spec())
    assert engine.requests == []
    next(messages)
    assert len(engine.requests) == 1


def test_everything_that_is_public_is_there() -> None:
    assert [name for name in tapedeck_client.__all__ if not hasattr(tapedeck_client, name)] == []
