"""HTML that is escaped unless it was made here."""

from __future__ import annotations

from tapedeck_client.report.html import Html, element, joined


def test_texts_and_attributes_are_escaped_and_elements_are_not() -> None:
    assert element("p", "<b>", element("i", '"&'), title='"<') == '<p title="&quot;&lt;">&lt;b&gt;<i>&quot;&amp;</i></p>'


def test_names_of_attributes_are_written_as_html_writes_them() -> None:
    assert element("div", class_="wide", aria_label="x", name="y") == '<div class="wide" aria-label="x" name="y"></div>'


def test_an_element_without_content_has_no_end() -> None:
    assert element("br") == "<br>"


def test_what_is_joined_is_markup_and_is_not_escaped_again() -> None:
    once = joined("a<b", Html("<br>"))
    assert once == "a&lt;b<br>"
    assert joined(once) == once


def test_characters_that_are_not_printed_are_shown_as_such() -> None:
    assert element("p", "a\x00\x1bb\u202e") == "<p>a\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}</p>"
