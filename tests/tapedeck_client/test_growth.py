"""The equity curves of compared runs in one picture."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest

from tapedeck.v1.store_service_pb2 import AlignedCurves, CompareRunsResponse, Curve
from tapedeck_client.growth import draw_growth
from tapedeck_client.picture import Picture
from tests.tapedeck_client.services import FAILED_ID, OTHER_ID, RUN_ID, recorded_runs


def compared(*curves: Curve, note: str = "") -> CompareRunsResponse:
    dates = [20050103, 20050104, 20050105] if curves else []
    return CompareRunsResponse(runs=recorded_runs(), curves=AlignedCurves(session_dates=dates, curves=curves, note=note))


def test_every_curve_starts_at_one_and_is_named(tmp_path: Path) -> None:
    picture = Picture(tmp_path / "x.svg", "--plot")
    one, other = Curve(run_id=RUN_ID, portfolio_values=[50, 75, 100]), Curve(run_id=OTHER_ID, portfolio_values=[1000, 900, 800])
    with mpl.rc_context({"svg.fonttype": "none"}):
        said = draw_growth(picture, compared(one, other))
    assert said == f"{picture.path} shows the growth of 1 on 3 common sessions"
    (axes,) = picture.figure.axes
    assert [np.asarray(line.get_ydata()).tolist() for line in axes.lines] == [[1, 1.5, 2], [1, 0.9, 0.8]]
    text = picture.path.read_text()
    for words in ("Growth of 1, 2005-01-03 to 2005-01-05", "aaaa0001  sma_crossover on GOOG", "bbbb0002  sma_crossover on GOOG"):
        assert words in text


def test_a_name_that_looks_like_a_formula_is_a_name(tmp_path: Path) -> None:
    response = compared(Curve(run_id=RUN_ID, portfolio_values=[1, 1, 1]))
    response.runs[0].spec.strategy = r"$\frac$ <b>"
    assert "shows the growth" in draw_growth(Picture(tmp_path / "x.png", "--plot"), response)


def test_a_curve_that_starts_from_nothing_has_no_growth(tmp_path: Path) -> None:
    picture = Picture(tmp_path / "x.png", "--plot")
    draw_growth(picture, compared(Curve(run_id=FAILED_ID, portfolio_values=[0, 1, 2]), Curve(run_id=RUN_ID, portfolio_values=[1, 2, 4])))
    assert [np.asarray(line.get_ydata()).size for line in picture.figure.axes[0].lines] == [0, 3]


@pytest.mark.parametrize(
    ("note", "said"),
    [("no session in common", "no picture: no session in common"), ("", "no picture: no session was recorded of these runs")],
)
def test_without_common_sessions_there_is_no_picture_but_a_reason(tmp_path: Path, note: str, said: str) -> None:
    assert draw_growth(Picture(tmp_path / "x.png", "--plot"), compared(note=note)) == said
    assert list(tmp_path.iterdir()) == []
