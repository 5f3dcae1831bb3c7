"""Where the client connects to, and what it closes."""

from __future__ import annotations

import pytest

from tapedeck.v1.store_service_pb2 import ListRunsResponse
from tapedeck_client import TapedeckClient
from tapedeck_client.connection import every_page
from tapedeck_rpc.channel import open_channel


def test_injected_channels_are_left_open_for_their_owner(target: str) -> None:
    with open_channel(target) as channel:
        for _ in range(2):
            with TapedeckClient(engine_channel=channel, store_channel=channel) as client:
                assert client.count() == 3


def test_targets_come_from_the_environment(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAPEDECK_ENGINE_TARGET", target)
    monkeypatch.setenv("TAPEDECK_STORE_TARGET", target)
    with TapedeckClient() as client:
        assert client.count() == 3
        assert len(client.strategies().strategies) == 2


def test_pages_are_fetched_by_the_token_of_the_page_before_as_they_are_asked_for() -> None:
    asked: list[str] = []

    def fetch(page_token: str) -> ListRunsResponse:
        asked.append(page_token)
        return ListRunsResponse(next_page_token={"": "second", "second": "third"}.get(page_token, ""))

    pages = every_page(fetch)
    assert asked == []
    next(pages)
    assert asked == [""]
    assert len(list(pages)) == 2
    assert asked == ["", "second", "third"]
