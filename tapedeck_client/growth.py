"""The equity curves of compared runs in one picture."""

from __future__ import annotations

from tapedeck.v1.run_pb2 import Run
from tapedeck.v1.store_service_pb2 import CompareRunsResponse
from tapedeck_client.picture import Picture, days
from tapedeck_client.render.text import plain, session, symbols, tail


def draw_growth(picture: Picture, response: CompareRunsResponse) -> str:
    """Draw what 1 unit of money became in each run, on the sessions that the runs have in common.

    Args:
        picture: Where to.
        response: With curves.

    Returns:
        A line that says what was drawn, or why nothing was.

    Raises:
        click.ClickException: the file can't be written.
    """
    curves = response.curves
    if not curves.session_dates:
        return f"no picture: {plain(curves.note) or 'no session was recorded of these runs'}"
    import matplotlib as mpl

    at = days(curves.session_dates)
    runs = {run.run_id: run for run in response.runs}
    with mpl.rc_context({"text.parse_math": False}):
        axes = picture.figure.subplots()
        for curve in curves.curves:
            start = curve.portfolio_values[0]
            growth = [value / start for value in curve.portfolio_values] if start else []
            axes.plot(at[: len(growth)], growth, label=_name(runs[curve.run_id]), linewidth=1.4)
        axes.xaxis_date()
        axes.set_title(f"Growth of 1, {session(curves.session_dates[0])} to {session(curves.session_dates[-1])}")
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
        picture.figure.legend(loc="outside lower center", ncols=2, frameon=False)
        picture.save()
    return f"{plain(str(picture.path))} shows the growth of 1 on {len(at):,} common sessions"


def _name(run: Run) -> str:
    return f"{tail(run.run_id)}  {plain(run.spec.strategy)} on {symbols(run.spec)}"
