"""The tear sheet of a real run, opened by a real browser."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib import image

from deploy.local import Pair
from tapedeck.v1.run_pb2 import RunSpec
from tapedeck_client import TapedeckClient
from tests.system.chromium import Tab, chromium

pytestmark = pytest.mark.system

LABEL = "<script>document.title = 'harmed'</script><img src='https://example.com/x.png'>"

LINES = (
    "equity-line-equity",
    "equity-line-benchmark",
    "drawdown-line-drawdown",
    "drawdown-area-drawdown",
    "rolling-line-volatility",
    "rolling-line-sharpe",
)

BOXES = """
Object.fromEntries([...document.querySelectorAll("svg, svg [id*='-line-'], svg [id*='-area-']")].map((drawn) => {
    const box = drawn.getBoundingClientRect();
    return [drawn.id || drawn.getAttribute("aria-labelledby"), [box.width, box.height]];
}))
"""


@pytest.fixture(scope="module")
def page(pair: Pair, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tear sheet of a run with a benchmark, as the command line writes it."""
    path = tmp_path_factory.mktemp("report") / "run.html"
    spec = RunSpec(
        strategy="rsi_mean_reversion",
        dataset="wiki",
        symbols=["MSFT"],
        start_date="2006-01-03",
        end_date="2008-12-31",
        benchmark_symbol="IBM",
    )
    with TapedeckClient(pair.engine_address, pair.store_address) as client:
        *_, last = client.run(spec, labels={"team": LABEL})
        first = client.list().runs[0]
    assert last.event.finished.recorded
    command = [sys.executable, "-m", "tapedeck_client", "--engine-target", pair.engine_address, "--store-target", pair.store_address]
    subprocess.run([*command, "report", first.run_id, "--out", path], check=True, timeout=60)
    return path


@pytest.fixture(scope="module")
def tab(page: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    """A browser that has opened it."""
    with chromium(tmp_path_factory.mktemp("profile")) as tab:
        tab.call("Emulation.setDeviceMetricsOverride", width=1100, height=900, deviceScaleFactor=1, mobile=False)
        tab.open(page.as_uri())
        yield tab


def test_every_chart_is_drawn(tab: Tab) -> None:
    boxes: dict[str, Any] = tab.evaluate(BOXES)
    charts = {name: box for name, box in boxes.items() if " " in name}
    assert charts.keys() == {"equity-title equity-desc", "drawdown-title drawdown-desc", "rolling-title rolling-desc"}
    assert all(width > 800 and height > 150 for width, height in charts.values())
    for line in LINES:
        width, height = boxes[line]
        assert width > 500, line
        assert height > 30, line


@pytest.mark.parametrize(
    ("colour_scheme", "paper", "equity", "benchmark", "loss"),
    [
        ("light", "#ffffff", "#1f5fbf", "#b8620a", "#c0392b"),
        ("dark", "#12161c", "#6ea8ff", "#f0a04b", "#ff7b6b"),
    ],
)
def test_the_lines_have_their_colours(tab: Tab, colour_scheme: str, paper: str, equity: str, benchmark: str, loss: str) -> None:
    pixels = np.rint(image.imread(io.BytesIO(tab.screenshot(colour_scheme)))[..., :3] * 255).astype(int)
    red, green, blue = (pixels[..., channel] for channel in range(3))

    def count(colour: str) -> int:
        wanted = bytes.fromhex(colour[1:])
        return int(np.count_nonzero((red == wanted[0]) & (green == wanted[1]) & (blue == wanted[2])))

    assert count(paper) > pixels[..., 0].size / 2
    assert all(count(colour) > 300 for colour in (equity, benchmark, loss))


def test_the_page_asks_for_nothing_but_itself_and_breaks_no_rule(tab: Tab, page: Path) -> None:
    assert [request["request"]["url"] for request in tab.told("Network.requestWillBeSent")] == [page.as_uri()]
    assert tab.told("Log.entryAdded") == []
    assert tab.told("Runtime.exceptionThrown") == []


def test_a_label_that_is_a_script_is_shown_and_not_executed(tab: Tab) -> None:
    assert tab.evaluate("document.title") == "rsi_mean_reversion on MSFT, 2006-01-03 to 2008-12-31"
    assert f"team={LABEL}" in tab.evaluate("document.body.innerText")
    assert tab.evaluate("document.querySelectorAll('script, img, link').length") == 0


def test_the_page_fits_a_telephone(tab: Tab) -> None:
    tab.call("Emulation.setDeviceMetricsOverride", width=390, height=800, deviceScaleFactor=1, mobile=True)
    assert tab.evaluate("document.documentElement.scrollWidth") == 390
