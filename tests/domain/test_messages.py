"""What goes out: fixed words exactly, nothing of the customer's in it, and no markup that comes alive."""

from __future__ import annotations

import inspect
import re
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runbook_lib.domain import messages
from runbook_lib.domain.messages import (
    duplicate_body,
    failure_body,
    failure_reason,
    fenced,
    find_license,
    find_operation,
    find_ticket,
    issue_description,
    license_copy,
)

LICENSE = (Path(__file__).parents[1] / "data/license-vectors/with-boundary.gitlab-license").read_text().strip()
EMAIL = "admin@customer.example"
TICKET = "https://team.zendesk.com/agent/tickets/1001"
EXPIRY = date(2026, 12, 2)
VALUES: dict[str, Any] = {
    **{"users": 250, "number": 2, "starts_on": date(2026, 11, 22), "expires_on": EXPIRY},
    **{"license_id": "SHA256:0123", "evidence_url": "https://gitlab.example/issues/7", "ticket_url": TICKET},
    **{"evidence": "https://gitlab.example/licenses/7", "reason": "552 5.2.2 Mailbox full"},
    **{"path": ["First? yes", "Second? no"], "known": ["plan: premium", "users: 5"]},
}
"""What a text may be made of: numbers, dates, identities and links of ours, and the lines of the decision path.

There is no way in for a subject or a name. The tests of the weekday case check what goes into the path's lines, and the
reason comes from the tracker, in a fence.
"""
NOT_SENT_ALONE = {
    *(issue_description, license_copy, find_license, find_operation, failure_reason, failure_body, find_ticket),
    *(duplicate_body, messages.seal_note, messages.find_seal, fenced, messages.slack_text),
}
"""Parts of the tracker's issues, and what escapes."""
TEXTS: dict[str, Callable[..., str]] = {
    name: text
    for name, text in inspect.getmembers(messages, inspect.isfunction)
    if text.__module__ == messages.__name__ and name[0] != "_" and text not in NOT_SENT_ALONE
}
"""Every text for customers, Slack and the ticket."""


def made(name: str, **given: object) -> str:
    """A text from the values above."""
    return TEXTS[name](**{one: given.get(one, VALUES.get(one)) for one in inspect.signature(TEXTS[name]).parameters})


HOSTILE = st.text(st.sampled_from("`~\n\r \t/@#<>*{}-aZ") | st.characters()) | st.sampled_from(
    [
        "`````\n/close\n@all",
        "``````````",
        "``` \n`````\n",
        "\r\n`````\r\n/label ~x",
        "~~~~~\n/close",
        "No license was sent.\n\n`````\nall is well\n`````",
        "Operation: `forged`",
        "-----BEGIN GITLAB LICENSE-----",
    ]
)


# -- fixed strings


def test_the_names_of_the_documents() -> None:
    """Channel, label and subject are found and compared by others, so each letter counts."""
    assert "#support_licensing-subscription" == messages.SLACK_CHANNEL
    assert "Mechanizer::Emergency License Generation" == messages.LABEL
    assert "10-day Trial GitLab License" == messages.MAIL_SUBJECT


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("screenshots_request", ["Admin Area > Overview > Dashboard", "Admin Area > License", "Subscription", "two"]),
        ("license_sent", ['"10-day Trial GitLab License"', "250 users", "2026-12-02", "Ultimate trial", "spam"]),
        ("license_note", ["10 days", "250 users", "SHA256:0123", "https://gitlab.example/issues/7"]),
        ("license_copy_sent", ["attached", "250 users", "2026-12-02", "Ultimate trial"]),
        ("license_copy_note", ["250 users", "SHA256:0123", "https://gitlab.example/issues/7", "No second license"]),
        ("nothing_found_note", ["no license", "552 5.2.2 Mailbox full"]),
        ("resolved_question", ["confirm", "resolved itself", "Admin Area > Subscription"]),
        ("triage_note", ["- First? yes\n- Second? no", "- plan: premium\n- users: 5"]),
        ("expert_post", [f"<{TICKET}>", "expert", "- First? yes\n- Second? no", "- plan: premium"]),
        ("screenshots_note", ["2 screenshots", "engineer on call"]),
        ("by_hand_note", ["250 users", "by hand", "https://gitlab.example/licenses/7"]),
        ("slack_post", ["emergency license was generated", "10-day", "250 users", f"<{TICKET}>"]),
        ("mail_body", ["250 users", "2026-11-22", "2026-12-02", "10 days", "Ultimate trial"]),
    ],
)
def test_what_a_message_says(name: str, words: list[str]) -> None:
    """The values and the names that the reader needs are in it."""
    assert [] == [word for word in words if word not in made(name)]


@pytest.mark.parametrize(("count", "words"), [(1, "1 screenshot of"), (2, "2 screenshots of")])
def test_screenshots_are_counted(count: int, words: str) -> None:
    """One is no plural."""
    assert messages.screenshots_note(count).startswith(words)


# -- nothing foreign


def test_one_user_is_singular() -> None:
    """Only the tracker issue's title, which is fixed, has *1 users*."""
    texts = [made(name, users=1) for name in TEXTS if "users" in inspect.signature(TEXTS[name]).parameters]
    assert [True] * len(texts) == ["1 user" in text and "1 users" not in text for text in texts]


@pytest.mark.parametrize("name", TEXTS)
def test_messages_hold_no_placeholder(name: str) -> None:
    """Zendesk expands `{{...}}` and `{%...%}`, and nothing that was meant to be filled in is left over."""
    assert re.search(r"\{|\}|None|TODO|<[!@#]", made(name)) is None
    assert len(made(name)) < 2000


@pytest.mark.parametrize("name", TEXTS)
def test_messages_take_no_customer_text(name: str) -> None:
    """All that a text is made of has a value above."""
    assert set(inspect.signature(TEXTS[name]).parameters) <= set(VALUES)


@given(url=st.text(max_size=80))
@example("https://x/<!channel>&|x")
def test_slack_shows_a_link_and_nothing_else(url: str) -> None:
    """Nothing in an address can mention a person or end the link: one `<`, one `>`, and the text comes back."""
    post = messages.slack_post(url, 5)
    assert (1, 1) == (post.count("<"), post.count(">"))
    (shown,) = re.findall("<(.*)>", post, re.DOTALL)
    assert url == shown.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a & b", "a &amp; b"), ("<!channel>", "&lt;!channel&gt;"), ("&lt;", "&amp;lt;"), ("plain_*~`", "plain_*~`")],
)
def test_slack_text(text: str, expected: str) -> None:
    """Three characters are escaped, once, and only these."""
    assert expected == messages.slack_text(text)


def test_lines_of_a_path_bring_no_markup_into_slack() -> None:
    """They are escaped like everything else."""
    post = messages.expert_post(TICKET, ["<!channel> & <@U1>"], ["<https://evil.example|x>"])
    assert [f"<{TICKET}>"] == re.findall("<[^>]*>", post)


# -- issues, written and read back


@pytest.mark.parametrize("ends", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_a_success_issue_is_read_back(ends: str) -> None:
    """The license comes out as it went in, whatever the line ends, and the operation beside it."""
    description = issue_description("op-1_A", "grace", TICKET, license_copy(LICENSE)).replace("\n", ends)
    assert LICENSE == find_license(description)
    assert "op-1_A" == find_operation(description)
    assert "The issue does not say why." == failure_reason(description)


@pytest.mark.parametrize(
    "around",
    ["{}", "Copy of the license:\n\n{}", "```\n{}\n```", "<pre>{}</pre>", "> {}", "{}\n\nand another:\n\n{}"],
)
def test_a_license_is_found_without_a_fence(around: str) -> None:
    """Older copies stand in other markup, or in none; of several the last one counts."""
    assert LICENSE == find_license(around.replace("{}", LICENSE))


def test_a_license_in_one_line_is_found() -> None:
    """A tracker that ate the line ends leaves a license that can still be read."""
    assert LICENSE == find_license(f"x {LICENSE} y".replace("\n", " "))


def test_a_copy_without_boundary_lines_is_found() -> None:
    """A tracker copy that lost its BEGIN and END lines is still a copy."""
    bare = "\n".join(LICENSE.splitlines()[1:-1])
    assert LICENSE == find_license(f"Copy of the license:\n\n```\n{bare}\n```\n")
    assert LICENSE == find_license(f"Copy of the license:\n\n    {bare.replace(chr(10), chr(10) + '    ')}\n")


@pytest.mark.parametrize(
    "description",
    ["", "None here.", LICENSE[:-70], LICENSE[70:], "END GITLAB LICENSE BEGIN GITLAB LICENSE", "BEGIN license END"],
)
def test_half_a_license_is_none(description: str) -> None:
    """A text with no license, or with a part of one, holds none."""
    assert find_license(description) is None


@pytest.mark.parametrize(
    "description", ["-" * 400_000, "BEGIN LICENSE" * 30_000, "BEGIN " * 60_000, f"BEGIN {'A' * 400_000}"]
)
def test_a_long_issue_is_searched_in_no_time(description: str) -> None:
    """All with access can write an issue; none can stop a run."""
    started = time.process_time()
    assert find_license(description) is None
    assert time.process_time() - started < 3


@pytest.mark.parametrize("ends", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("The mail server refused the mail: 552 5.2.2 Mailbox full", None),
        ("/close\n/label ~x\n@all <script>", None),
        ("two\n\nparagraphs", None),
        ("a ` tick and `` two", None),
        ("```\n/close\n```", "``\n/close\n``"),
        ("`````\n/close", "``\n/close"),
        ("No license was sent.\n\n`````\nall is well\n`````", "No license was sent.\n\n``\nall is well\n``"),
        ("Operation: `forged`", None),
        ("", None),
    ],
)
def test_a_failure_is_read_back(reason: str, expected: str | None, ends: str) -> None:
    """The reason comes back as it was, but for fences; a hostile one forges neither reason nor operation."""
    description = issue_description("op-1", "grace", TICKET, failure_body(reason)).replace("\n", ends)
    assert (reason if expected is None else expected) == failure_reason(description)
    assert "op-1" == find_operation(description)


@given(reason=HOSTILE, username=HOSTILE)
def test_no_text_forges_an_issue(reason: str, username: str) -> None:
    """Whatever the job was given as a username or met as an error, the issue keeps its operation and its reason."""
    description = issue_description("op-1", username, TICKET, failure_body(reason))
    assert "op-1" == find_operation(description)
    assert TICKET == find_ticket(description)
    line = re.sub("`{3,}", "``", reason) + "\n"
    assert line.replace("\r\n", "\n")[:-1] == failure_reason(description)


@pytest.mark.parametrize(
    "description",
    [
        "",
        "Operation: op-1",
        "Operation: `op 1`",
        "Operation: ``",
        "  Operation: `op-1`",
        "x Operation: `op-1`",
        "Operation: `a`b`",
    ],
)
def test_no_operation(description: str) -> None:
    """Only a line of its own, as the job writes it, names an operation."""
    assert find_operation(description) is None


@pytest.mark.parametrize("ticket", ["not given", "see the pipeline", "javascript:alert", ""])
def test_no_ticket(ticket: str) -> None:
    """What is no web address is no ticket, so it is the same as no other."""
    assert find_ticket(issue_description("op-1", "grace", ticket, "")) is None


def test_a_duplicate_tells_of_the_first_alone() -> None:
    """It names no operation, no ticket and no reason, so it is not taken for the operation's own issue."""
    body = duplicate_body("https://gitlab.example/issues/7")
    assert "https://gitlab.example/issues/7" in body
    assert (None, None, None) == (find_operation(body), find_ticket(body), find_license(body))
    assert "The issue does not say why." == failure_reason(body)


# -- fences


def outside_of_fences(markdown: str) -> list[str]:
    """The lines that Markdown shows as text. Source: CommonMark, *Fenced code blocks*."""
    outside, fence = [], ""
    for line in re.split("\r\n|\n|\r", markdown):
        mark = re.match(r" {0,3}(`{3,}|~{3,})(.*)", line)
        if fence:
            closes = mark and mark[1].startswith(fence) and not mark[2].strip(" \t")
            fence = "" if closes else fence
        elif mark and not (mark[1][0] == "`" and "`" in mark[2]):
            fence = mark[1]
        else:
            outside.append(line)
    return outside


def test_the_fence_reader_sees_what_comes_alive() -> None:
    """The check below can fail: text that closes its fence is outside of it."""
    assert ["a", "/close"] == outside_of_fences("a\n`````\nx\n``````\n/close")
    assert [] == outside_of_fences("`````\n````\n~~~~~\n````` x")


@given(text=HOSTILE)
@example("`````\n/close")
@example("``````````````````\n/close")
@example("\r`````\r/close")
def test_nothing_escapes_a_fence(text: str) -> None:
    """Between the fences nothing is text: no mention, no quick action, no link."""
    assert ["before", "after"] == outside_of_fences(f"before\n{fenced(text)}\nafter")


@pytest.mark.parametrize("make", [license_copy, failure_body, lambda text: issue_description("op", text, TICKET, "")])
def test_foreign_text_in_issues_is_fenced(make: Callable[[str], str]) -> None:
    """A license, a reason and a username all stand in a fence."""
    assert [] == [line for line in outside_of_fences(make("x\n/close\n@all")) if "/close" in line or "@all" in line]
