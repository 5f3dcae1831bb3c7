"""Limits of the store's verbs; what the verbs do is in the contract tests."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from store_service.runs import similar, store
from store_service.runs.store import RunStore
from tapedeck.v1 import run_pb2
from tests.fix_runs import Record, make_spec, make_started, whole_run


async def test_a_page_ends_early_when_its_runs_are_large(run_store: RunStore, record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [await record() for _ in range(5)]
    (one,), _ = await run_store.list_runs(page_size=1)
    monkeypatch.setattr(store, "MAX_PAGE_BYTES", one.ByteSize() + 1)
    found, token = await run_store.list_runs()
    assert len(found) == 2
    while token:
        page, token = await run_store.list_runs(page_token=token)
        assert 1 <= len(page) <= 2
        found += page
    assert [run.run_id for run in found] == ids[::-1]


async def test_a_page_works_out_some_verdicts_and_the_next_call_the_others(
    run_store: RunStore, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "SETTLED_PER_PAGE", 2)
    original = await record()
    for _ in range(5):
        await record(whole_run(started={"replay": run_pb2.ReplayLink(original_run_id=original)}))
    for settled in (2, 4, 5, 5):
        listed, _ = await run_store.list_runs(filter_text="replay_of:*")
        assert sum(run.HasField("verdict") for run in listed) == settled


def threads_of(monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> list[threading.Thread]:
    """In which thread each call of a module's function ran, from now on."""
    called: Callable[..., Any] = getattr(module, name)
    threads: list[threading.Thread] = []

    def seen(*arguments: Any) -> Any:
        threads.append(threading.current_thread())
        return called(*arguments)

    monkeypatch.setattr(module, name, seen)
    return threads


async def test_similar_runs_are_compared_beside_the_event_loop(
    run_store: RunStore, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        await record()
    threads = threads_of(monkeypatch, similar, "compare_specs")
    assert len((await run_store.find_similar_runs(spec=make_spec())).runs) == 3
    assert len(threads) == 3
    assert threading.main_thread() not in threads


async def test_curves_are_aligned_for_the_sharpe_test_only_when_it_is_asked_for_and_beside_the_event_loop(
    run_store: RunStore, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [await record(), await record()]
    threads = threads_of(monkeypatch, store, "align_curves")
    assert not (await run_store.compare_runs(ids)).HasField("sharpe")
    assert threads == []
    assert (await run_store.compare_runs(ids, include_sharpe=True)).sharpe.note.startswith("the runs have 2 session returns")
    (thread,) = threads
    assert thread is not threading.main_thread()
    await run_store.compare_runs(ids, include_curves=True)
    assert len(threads) == 2


async def test_many_watchers_of_a_run_see_the_same(run_store: RunStore, record: Record) -> None:
    events = whole_run()
    run_id = await record(events)

    async def watched() -> list[run_pb2.RunEvent]:
        return [event async for event in run_store.watch_run(run_id)]

    assert await asyncio.gather(*(watched() for _ in range(30))) == [events] * 30


async def test_a_run_of_very_many_symbols_is_listed(run_store: RunStore, record: Record) -> None:
    symbols = [f"S{number:05d}" for number in range(10_000)]
    await record(whole_run(symbols=symbols))
    (run,), _ = await run_store.list_runs(filter_text="symbols:S09999")
    assert list(run.spec.symbols) == symbols
    assert make_started().spec.symbols != run.spec.symbols
