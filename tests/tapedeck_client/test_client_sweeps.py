"""Sweeps: what each method sends, on a fake channel; what becomes of a stream that is cut, on a real server."""

from __future__ import annotations

import pytest

from tapedeck.v1 import engine_service_pb2, sweep_service_pb2
from tapedeck.v1.run_pb2 import ENGINE_CHOICE_ZIPLINE
from tapedeck.v1.sweep_pb2 import EdgeScore, ParameterRange, ParameterSample, Sweep, SymbolGrouping
from tapedeck_client import TapedeckClient
from tapedeck_rpc import errors
from tapedeck_rpc.channel import RETRYABLE_ATTEMPTS
from tests.tapedeck_client.fake_wire import FakeWire
from tests.tapedeck_client.services import Engine, Store, away, spec, story
from tests.tapedeck_client.sweep_story import CANCELLED_SWEEP_ID, GRID, SWEEP_ID, identical, sweep_story


def test_sweep_sends_its_grid_and_choices_and_yields_what_happens(wire: FakeWire) -> None:
    score = EdgeScore(weights={"win_rate": 1}, minimum_trades=5)
    request, yielded = wire.stream(
        lambda: wire.client.sweep(
            spec(),
            GRID,
            symbol_grouping=SymbolGrouping.SYMBOL_GROUPING_TOGETHER,
            rank_by="edge_score",
            edge_score=score,
            engine=ENGINE_CHOICE_ZIPLINE,
            top=5,
            verify=True,
            verify_sample_count=0,
            promote_top=2,
            save=False,
            labels={"team": "alpha"},
            request_id="key",
            omit_batches=True,
        ),
        "RunSweep",
        sweep_story(),
    )
    assert yielded == sweep_story()
    assert request == engine_service_pb2.RunSweepRequest(
        spec=spec(),
        grid=GRID,
        symbol_grouping=SymbolGrouping.SYMBOL_GROUPING_TOGETHER,
        rank_by="edge_score",
        edge_score=score,
        engine=ENGINE_CHOICE_ZIPLINE,
        top=5,
        verify=True,
        verify_sample_count=0,
        promote_top=2,
        save=False,
        labels={"team": "alpha"},
        request_id="key",
        omit_batches=True,
    )


def test_combinations_come_from_a_list_or_a_sample_too(client: TapedeckClient, engine: Engine) -> None:
    sample = ParameterSample(ranges={"fast": ParameterRange(minimum=2, maximum=20)}, count=10, seed=7)
    list(client.sweep(spec(), [{"fast": 5, "slow": 50}, {"fast": 10}]))
    list(client.sweep(spec(), sample))
    listed, drawn = engine.requests
    assert [dict(combination) for combination in listed.list.combinations] == [{"fast": 5, "slow": 50}, {"fast": 10}]
    assert drawn.sample == sample


def test_an_empty_grid_is_still_a_grid(client: TapedeckClient, engine: Engine) -> None:
    list(client.sweep(spec(), {}))
    assert engine.requests[0].HasField("grid")


def test_a_sweep_is_saved_and_gets_a_request_id(client: TapedeckClient, engine: Engine) -> None:
    messages = client.sweep(spec(), GRID)
    assert engine.requests == [], "nothing is sent before the first message is asked for"
    next(messages)
    (request,) = engine.requests
    assert (len(request.request_id), request.save, request.HasField("verify_sample_count")) == (36, True, False)


def test_closing_the_stream_of_a_sweep_cancels_it(client: TapedeckClient, engine: Engine) -> None:
    engine.hold_after = 2
    messages = client.sweep(spec(), GRID)
    next(messages)
    assert not engine.cancelled.is_set()
    messages.close()
    assert engine.cancelled.wait(timeout=30)


def test_a_sweep_is_asked_for_again_while_the_engine_is_away_at_first(client: TapedeckClient, engine: Engine) -> None:
    engine.plans = [(0, away())] * (RETRYABLE_ATTEMPTS - 1)
    assert list(client.sweep(spec(), GRID)) == sweep_story()
    assert len({request.request_id for request in engine.requests}) == 1


@pytest.mark.parametrize("after", [1, 3])
def test_a_sweep_that_is_cut_is_lost_and_says_how_to_ask_for_it(client: TapedeckClient, engine: Engine, after: int) -> None:
    engine.plans = [(after, away())]
    with pytest.raises(errors.Unavailable, match=f"middle of sweep {SWEEP_ID}; sent again with request_id key") as raised:
        list(client.sweep(spec(), GRID, request_id="key"))
    assert raised.value.reason == "ENGINE_UNAVAILABLE"
    assert len(engine.requests) == 1


def test_a_stream_that_ends_before_its_sweep_does_counts_as_cut(client: TapedeckClient, engine: Engine) -> None:
    engine.sweep = sweep_story()[:3]
    with pytest.raises(errors.Unavailable):
        list(client.sweep(spec(), GRID))


def test_what_follows_a_sweep_is_yielded_too(client: TapedeckClient, engine: Engine) -> None:
    engine.sweep = sweep_story(verification=identical())
    assert list(client.sweep(spec(), GRID))[-1].verification == identical()


def test_a_refused_sweep_lists_what_is_wrong(client: TapedeckClient, engine: Engine) -> None:
    violation = errors.Violation("grid.fast", "is empty")
    engine.plans = [(0, errors.InvalidArgument(violations=[violation]))]
    with pytest.raises(errors.InvalidArgument) as raised:
        list(client.sweep(spec(), {"fast": []}))
    assert list(raised.value.violations) == [violation]


def test_get_sweep_asks_for_one(wire: FakeWire) -> None:
    response = sweep_service_pb2.GetSweepResponse(sweep=Sweep(sweep_id=SWEEP_ID))
    request, sweep = wire.unary(lambda: wire.client.get_sweep(SWEEP_ID), "GetSweep", response)
    assert (request.sweep_id, sweep) == (SWEEP_ID, response.sweep)


def test_sweeps_and_results_go_through_every_page(client: TapedeckClient, store: Store) -> None:
    store.page_size = 1
    assert [sweep.sweep_id for sweep in client.sweeps("state = SUCCEEDED")] == [SWEEP_ID, CANCELLED_SWEEP_ID]
    store.page_size = 3
    results = client.sweep_results(SWEEP_ID, "trades_total > 1", "sharpe_ratio desc", page_size=3)
    assert [result.number for result in results] == [1, 2, 3, 4]
    first, second, third, fourth = store.requests
    assert [(request.filter, request.page_token) for request in (first, second)] == [("state = SUCCEEDED", ""), ("state = SUCCEEDED", "1")]
    assert (third.sweep_id, third.filter, third.order_by, third.page_size) == (SWEEP_ID, "trades_total > 1", "sharpe_ratio desc", 3)
    assert fourth.page_token == "3"


def test_promote_names_the_result_and_yields_the_runs_events(wire: FakeWire) -> None:
    responses = [sweep_service_pb2.PromoteSweepResultResponse(event=event) for event in story()]
    request, yielded = wire.stream(lambda: wire.client.promote(SWEEP_ID, 7, request_id="key"), "PromoteSweepResult", responses)
    assert request == sweep_service_pb2.PromoteSweepResultRequest(sweep_id=SWEEP_ID, number=7, request_id="key")
    assert yielded == responses


def test_a_promotion_that_is_cut_is_asked_for_again_with_the_same_key(client: TapedeckClient, store: Store) -> None:
    store.plans = [(2, away()), (4, away())]
    assert [message.event.sequence for message in client.promote(SWEEP_ID, 7)] == [1, 2, 3, 4, 5]
    assert len(store.requests) == 3
    assert len({request.request_id for request in store.requests}) == 1
