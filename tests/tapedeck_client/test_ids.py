"""Runs and sweeps by id and by tail."""

from __future__ import annotations

import pytest

from tapedeck_client import TapedeckClient
from tapedeck_client.ids import find_run, find_sweep
from tapedeck_rpc import errors
from tests.tapedeck_client.services import OTHER_ID, RUN_ID, UNKNOWN_ID, Store
from tests.tapedeck_client.sweep_story import CANCELLED_SWEEP_ID, SWEEP_ID


def test_a_whole_id_is_taken_as_it_is_without_asking(client: TapedeckClient, store: Store) -> None:
    assert find_run(client, f" {UNKNOWN_ID.upper()} ") == UNKNOWN_ID
    assert store.requests == []


def test_a_tail_finds_its_run(client: TapedeckClient, store: Store) -> None:
    assert find_run(client, "BBBB0002") == OTHER_ID
    assert store.requests[0].filter == 'run_id = "*bbbb0002"'
    assert store.requests[0].show_deleted, "or nobody could bring one back by its tail"


def test_a_tail_of_several_runs_names_them(client: TapedeckClient, store: Store) -> None:
    store.runs[1].run_id = "019ab000-0000-7000-8000-1111aaaa0001"
    with pytest.raises(errors.InvalidArgument, match=r"tail of several runs: .*0000aaaa0001, .*1111aaaa0001") as raised:
        find_run(client, "aaaa0001")
    assert raised.value.reason == "WHICH_ONE"
    assert find_run(client, "0000aaaa0001") == RUN_ID


def test_a_tail_of_no_run_is_not_found(client: TapedeckClient) -> None:
    with pytest.raises(errors.NotFound, match='ends with "12345678"'):
        find_run(client, "12345678")


@pytest.mark.parametrize("text", ["abc", "latest", "", '0" OR run_id = "', RUN_ID + "0", "*"])
def test_what_is_no_id_is_refused_without_asking(client: TapedeckClient, store: Store, text: str) -> None:
    with pytest.raises(errors.InvalidArgument, match="is no id of a run"):
        find_run(client, text)
    assert store.requests == []


def test_sweeps_are_found_the_same_way(client: TapedeckClient, store: Store) -> None:
    assert find_sweep(client, UNKNOWN_ID) == UNKNOWN_ID
    assert find_sweep(client, "bbbb0002") == CANCELLED_SWEEP_ID
    store.sweeps[1].sweep_id = "019ab000-0000-7000-8000-1111aaaa0001"
    with pytest.raises(errors.InvalidArgument, match="tail of several sweeps"):
        find_sweep(client, "aaaa0001")
    with pytest.raises(errors.InvalidArgument, match="is no id of a sweep"):
        find_sweep(client, "best")
    with pytest.raises(errors.NotFound) as raised:
        find_sweep(client, "12345678")
    assert raised.value.reason == "SWEEP_NOT_FOUND"


def test_a_tail_of_very_many_names_a_few(client: TapedeckClient, store: Store) -> None:
    store.sweeps = [type(store.sweeps[0])(sweep_id=SWEEP_ID) for _ in range(20)]
    store.page_size = 5
    with pytest.raises(errors.InvalidArgument) as raised:
        find_sweep(client, "aaaa0001")
    assert raised.value.message.count(SWEEP_ID) == 5
    assert len(store.requests) == 1
