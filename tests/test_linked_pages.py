"""Which addresses in a sentence are pages of this run, and what they are called."""

from __future__ import annotations

import html
import re

import pytest

from runbook_lib import card_html
from runbook_lib.display import Card, Paragraph, Tone

NAMES = {
    "https://git.example/gitlab/support/internal-requests/-/issues/14": "issue 14",
    "https://git.example/gitlab/toolbox/mechanizer/-/pipelines/7": "pipeline 7",
    "https://team.zendesk.example/agent/tickets/1001": "ticket 1001",
    "https://git.example/gitlab/a?x=1": "this page",
}


def shown(words: str) -> tuple[str, list[str]]:
    """A sentence as a card shows it: its words, and the addresses that are links."""
    page = card_html.html(Card("title", "state", Tone.PLAIN, "badge", (Paragraph(words),), pages=NAMES))
    paragraph = page[page.index("<p") :]
    return html.unescape(re.sub("<[^>]*>", "", paragraph)), re.findall('href="([^"]*)"', paragraph)


@pytest.mark.parametrize(("address", "name"), NAMES.items())
@pytest.mark.parametrize("around", ["{}", "See {}.", "It failed ({}).", "“{}”, {}"])
def test_a_page_of_this_run_has_a_name(address: str, name: str, around: str) -> None:
    words, links = shown(around.replace("{}", address))
    assert around.replace("{}", name) == words
    assert {address} == set(links)


@pytest.mark.parametrize(
    "words",
    [
        "https://git.example/gitlab/support/internal-requests/-/issues/15",
        "https://git.example/gitlab/support/internal-requests/-/issues/14/../../evil",
        "https://team.zendesk.example.evil/agent/tickets/1001",
        "https://team.zendesk.example@evil.example/agent/tickets/1001",
        "http://team.zendesk.example/agent/tickets/1001",
        "team.zendesk.example/agent/tickets/1001",
        "https://",
        "",
    ],
)
def test_another_address_is_words(words: str) -> None:
    assert (words, []) == shown(words)
