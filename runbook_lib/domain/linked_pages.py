"""The pages that a run found, where a sentence names their addresses: what each is called."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

_ADDRESS = re.compile(r"https?://[^\s<>“”()]+?(?=[.,;:]*(?:[\s<>“”()]|$))")
_KINDS = (
    (re.compile(r"/-/issues/(\d+)"), "issue"),
    (re.compile(r"/-/pipelines/(\d+)"), "pipeline"),
    (re.compile(r"/agent/tickets/(\d+)"), "ticket"),
)


def pieces(words: str, pages: Collection[str]) -> Iterator[tuple[str, str]]:
    """A sentence, piece by piece: words, and the address that they stand for, or "".

    An address that is none of these pages, which a customer may have written, is words as any other.

    Args:
        words: The sentence.
        pages: The addresses that services gave this run for what it found and made.
    """
    end = 0
    for found in _ADDRESS.finditer(words):
        if found[0] in pages:
            yield words[end : found.start()], ""
            yield _name(found[0]), found[0]
            end = found.end()
    yield words[end:], ""


def _name(address: str) -> str:
    named = (f"{kind} {found[1]}" for path, kind in _KINDS if (found := path.search(address)))
    return next(named, "this page")
