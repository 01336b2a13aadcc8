"""The addresses of our own services in a sentence, and what each is called."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

_ADDRESS = re.compile(r"https?://[^\s<>“”()]+?(?=[.,;:]*(?:[\s<>“”()]|$))")
_PAGES = (
    (re.compile(r"([\w./-]+)/-/issues/(\d+)"), r"\1#\2"),
    (re.compile(r"([\w./-]+)/-/pipelines/(\d+)"), r"pipeline \2 of \1"),
    (re.compile(r"agent/tickets/(\d+)"), r"ticket \1"),
)
"""What a page is called, by the path of its address; one of GitLab's, where others have projects too, with its project.
Source: GitLab's own references, https://docs.gitlab.com/user/markdown/#gitlab-specific-references."""


def pieces(words: str, ours: Sequence[str]) -> Iterator[tuple[str, str]]:
    """A sentence, piece by piece: words, and the address that they stand for, or "".

    An address of anybody else's, which a customer may have written, is words as any other.

    Args:
        words: The sentence.
        ours: The addresses that those of our services begin with.
    """
    bases = [base.rstrip("/") + "/" for base in ours if base]
    end = 0
    for found in _ADDRESS.finditer(words):
        if base := next(filter(found[0].startswith, bases), ""):
            yield words[end : found.start()], ""
            yield _name(found[0].removeprefix(base)), found[0]
            end = found.end()
    yield words[end:], ""


def _name(path: str) -> str:
    for kind, name in _PAGES:
        if page := kind.fullmatch(path):
            return page.expand(name)
    return "this page"
