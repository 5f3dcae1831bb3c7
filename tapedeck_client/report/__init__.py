"""The tear sheet of a recorded run: one page of HTML with its charts inside, which needs no network and no script.

`benchmark` fetches the curve to compare with, `charts` draws, `sections` writes the page's parts, `tear_sheet` puts them together. The same
run gives the same bytes.
"""
