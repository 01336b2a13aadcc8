"""Which addresses in a sentence are ours, and what they are called."""

from __future__ import annotations

import pytest

from runbook_lib.domain import addresses

OURS = ("https://team.zendesk.example/", "https://git.example/gitlab", "")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("https://git.example/gitlab/support/internal-requests/-/issues/14", "support/internal-requests#14"),
        ("https://git.example/gitlab/toolbox/mechanizer/-/pipelines/7", "pipeline 7 of toolbox/mechanizer"),
        ("https://team.zendesk.example/agent/tickets/1001", "ticket 1001"),
        ("https://git.example/gitlab/a/-/issues/14?x=1", "this page"),
    ],
)
@pytest.mark.parametrize("around", ["{}", "See {}.", "It failed ({}).", "“{}”, {}"])
def test_an_address_of_ours_has_a_name(path: str, name: str, around: str) -> None:
    found = list(addresses.pieces(around.replace("{}", path), OURS))
    assert around.replace("{}", name) == "".join(words for words, _ in found)
    assert {path} == {url for _, url in found if url}


@pytest.mark.parametrize(
    "words",
    [
        "https://git.example/other/-/issues/1",
        "https://team.zendesk.example.evil/agent/tickets/1001",
        "https://team.zendesk.example@evil.example/agent/tickets/1001",
        "http://team.zendesk.example/agent/tickets/1001",
        "team.zendesk.example/agent/tickets/1001",
        "https://",
        "",
    ],
)
def test_another_address_is_words(words: str) -> None:
    assert [(words, "")] == list(addresses.pieces(words, OURS))
