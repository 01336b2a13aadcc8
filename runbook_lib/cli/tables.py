"""Tables of the terminal: a record's name or a command stays whole, so that it can be copied."""

from __future__ import annotations

from collections.abc import Sequence

from tabulate import tabulate


def table(rows: Sequence[Sequence[object]], heads: Sequence[str], widths: Sequence[int | None] | None = None) -> str:
    """Rows below their heads; a column with a width is broken into lines, between words."""
    return tabulate(
        rows,
        headers=heads,
        maxcolwidths=widths,
        disable_numparse=True,
        break_long_words=False,
        break_on_hyphens=False,
    )
