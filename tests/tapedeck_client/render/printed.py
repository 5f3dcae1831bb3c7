"""What a renderable looks like as plain text of 100 columns."""

from __future__ import annotations

from rich.console import Console, RenderableType


def printed(renderable: RenderableType, *, columns: int = 100) -> str:
    console = Console(width=columns, color_system=None, markup=False, highlight=False, emoji=False)
    with console.capture() as capture:
        console.print(renderable)
    return capture.get()
