"""HTML that is escaped unless it was made here: names, parameters, labels and messages come from other people."""

from __future__ import annotations

from html import escape

from tapedeck_client.render.text import plain

_WITHOUT_END = {"br", "meta"}


class Html(str):
    """Markup; every other text is escaped where it enters an element."""

    __slots__ = ()


def element(name: str, /, *children: str, **attributes: str) -> Html:
    """An element: children that are no `Html` are escaped, and so are attributes; `class_` is written as class, `_` in a name as `-`."""
    written = "".join(f' {key.rstrip("_").replace("_", "-")}="{escape(plain(value))}"' for key, value in attributes.items())
    if name in _WITHOUT_END:
        return Html(f"<{name}{written}>")
    return Html(f"<{name}{written}>{joined(*children)}</{name}>")


def joined(*children: str) -> Html:
    """Markup and escaped texts, one after the other."""
    return Html("".join(child if isinstance(child, Html) else escape(plain(child)) for child in children))
