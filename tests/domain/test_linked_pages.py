"""Which addresses in a sentence are pages of this run, and what they are called."""

from __future__ import annotations

import pytest

from runbook_lib.domain import linked_pages

NAMES = {
    "https://git.example/gitlab/support/internal-requests/-/issues/14": "issue 14",
    "https://git.example/gitlab/toolbox/mechanizer/-/pipelines/7": "pipeline 7",
    "https://team.zendesk.example/agent/tickets/1001": "ticket 1001",
    "https://git.example/gitlab/a?x=1": "this page",
}


@pytest.mark.parametrize(("address", "name"), NAMES.items())
@pytest.mark.parametrize("around", ["{}", "See {}.", "It failed ({}).", "“{}”, {}"])
def test_a_page_of_this_run_has_a_name(address: str, name: str, around: str) -> None:
    found = list(linked_pages.pieces(around.replace("{}", address), NAMES))
    assert around.replace("{}", name) == "".join(words for words, _ in found)
    assert {address} == {url for _, url in found if url}


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
    assert [(words, "")] == list(linked_pages.pieces(words, NAMES))
