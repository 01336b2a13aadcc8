"""Every practice ticket of the weekend, performed.

One of each kind by the command, with a kernel and a record; the others by their notebook's cells.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest

from runbook_lib.domain import license
from runbook_lib.sandbox import tickets
from tests.practice import WORLD_DATE, Ran, World, start
from tests.practice_cells import Walked, cells

pytestmark = pytest.mark.slow

EXPECTED = {ticket.id: expected for ticket, expected in tickets.expected_ends().items() if ticket.id < 1020}
ISSUED = [ticket_id for ticket_id, expected in EXPECTED.items() if expected.end == "license_issued"]
OUTCOMES = {ticket_id: str(expected.outcome) for ticket_id, expected in EXPECTED.items() if expected.outcome}
INSTEAD = {
    1003: "normal License & Renewals request",
    1004: "normal request",
    1006: "Sales",
    1007: "Free",
    1008: "SaaS License Emergencies workflow",
}
"""What the summary of a ticket that is out of scope says to do."""
BY_COMMAND = (1001, 1002, 1008, 1010, 1011)
PERFORMED: dict[tuple[World, int], Ran | Walked] = {}


@pytest.fixture(scope="module")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world for these tickets alone."""
    yield from start(tmp_path_factory.mktemp("practice"))


def performed(world: World, ticket_id: int) -> Ran | Walked:
    """A performed ticket; each is performed once for all tests that look at it."""
    if (world, ticket_id) not in PERFORMED:
        by_command = ticket_id in BY_COMMAND
        ran = world.runbook("run", "weekend_license", ticket_id, "--perform", "--json") if by_command else None
        PERFORMED[world, ticket_id] = ran or cells(world, "weekend_license", ticket_id, perform=True)
    return PERFORMED[world, ticket_id]


def run_by_command(world: World, ticket_id: int) -> Ran:
    """A run that has a record and an exit status."""
    ran = performed(world, ticket_id)
    assert isinstance(ran, Ran)
    return ran


@pytest.mark.parametrize("ticket_id", OUTCOMES)
def test_performing_reaches_the_outcome_of_the_ticket(practice: World, ticket_id: int) -> None:
    """And the ticket is assigned."""
    assert OUTCOMES[ticket_id] == performed(practice, ticket_id).report["outcome"]
    assert [{"name": "Practice Engineer"}] == practice.rows(
        "SELECT u.name FROM tickets t JOIN users u ON u.id = t.assignee_id WHERE t.id = ?", ticket_id
    )


@pytest.mark.parametrize("ticket_id", [ticket_id for ticket_id in BY_COMMAND if ticket_id in OUTCOMES])
def test_the_command_ends_well(practice: World, ticket_id: int) -> None:
    """The exit status is 0, and the journal tells of start and end."""
    ran = run_by_command(practice, ticket_id)
    assert (0, "", "completed") == (ran.status, ran.stderr, ran.report["status"])
    (journal,) = (practice.outputs / "sandbox" / str(ticket_id)).glob("journal.*.jsonl")
    lines = journal.read_text().splitlines()
    kinds = [json.loads(line)["kind"] for line in lines]
    # after the end comes only the note with the record's digest
    assert ("run_started", ["run_ended", "intended", "done"]) == (kinds[0], kinds[-3:])
    assert kinds.count("intended") == kinds.count("done")


@pytest.mark.parametrize("ticket_id", ISSUED)
def test_the_customer_gets_one_valid_license(practice: World, ticket_id: int) -> None:
    """A ten-day Ultimate trial for that many users, in generic names."""
    performed(practice, ticket_id)
    (requester,) = practice.rows(
        "SELECT u.* FROM tickets t JOIN users u ON u.id = t.requester_id WHERE t.id = ?", ticket_id
    )
    (mail,) = practice.mails(requester["email"])
    assert "10-day Trial GitLab License" == mail["Subject"]
    (attachment,) = mail.iter_attachments()
    found = license.read(attachment.get_content(), public_key(practice))
    assert (True, "ultimate", 250) == (found.is_trial, found.plan, found.user_count)
    assert (WORLD_DATE, WORLD_DATE + timedelta(days=10)) == (found.starts_on, found.expires_on)
    assert requester["email"] not in found.licensee.values()


@pytest.mark.parametrize("ticket_id", ISSUED)
def test_the_tracker_has_one_closed_issue_with_the_same_license(practice: World, ticket_id: int) -> None:
    """Title and label are those that the workflow names."""
    performed(practice, ticket_id)
    (requester,) = practice.rows(
        "SELECT u.email FROM tickets t JOIN users u ON u.id = t.requester_id WHERE t.id = ?", ticket_id
    )
    (issue,) = practice.issues(ticket_id)
    assert f"[Success] - Created a license under {requester['email']} for 250 users" == issue["title"]
    assert ("closed", ["Mechanizer::Emergency License Generation"]) == (issue["state"], json.loads(issue["labels"]))
    (mail,) = practice.mails(requester["email"])
    (attachment,) = mail.iter_attachments()
    assert attachment.get_content().decode() in issue["description"]


@pytest.mark.parametrize("ticket_id", ISSUED)
def test_team_and_customer_get_one_message_each(practice: World, ticket_id: int) -> None:
    """One Slack post with the ticket's link, one public reply, one internal note; no license in any of them."""
    performed(practice, ticket_id)
    (post,) = practice.posts(ticket_id)
    assert f"/agent/tickets/{ticket_id}" in post
    comments = practice.comments(ticket_id)
    assert [1, 0] == [comment["public"] for comment in comments]
    assert not [words for words in (post, *(c["body"] for c in comments)) if "BEGIN" in words]


@pytest.mark.parametrize("ticket_id", [1001])
def test_a_second_performing_run_repeats_nothing(practice: World, ticket_id: int) -> None:
    """All effects are found in the journal, and the world stays as it is."""
    performed(practice, ticket_id)
    before = practice.contents()
    again = cells(practice, "weekend_license", ticket_id, perform=True)
    assert before == practice.contents()
    assert "license_issued" == again.report["outcome"]
    assert {"already_done", "adopted"} == {effect["state"] for effect in again.report["effects"]}


@pytest.mark.parametrize("ticket_id", [1001])
def test_another_machine_repeats_nothing(practice: World, ticket_id: int, tmp_path: Path) -> None:
    """Without the journal everything is found where it happened."""
    performed(practice, ticket_id)
    elsewhere = practice.seen_from(tmp_path / "outputs")
    before = practice.contents()
    again = cells(elsewhere, "weekend_license", ticket_id, perform=True)
    assert before == practice.contents()
    assert "license_issued" == again.report["outcome"]
    assert {"adopted"} == {effect["state"] for effect in again.report["effects"]}


@pytest.mark.parametrize("ticket_id", INSTEAD)
def test_out_of_scope_says_why_and_what_instead(practice: World, ticket_id: int) -> None:
    """Nothing but the assignment happens."""
    ran = performed(practice, ticket_id)
    for words in (EXPECTED[ticket_id].because, INSTEAD[ticket_id]):
        assert words in ran.report["summary"]
    assert ["assignment"] == [effect["name"] for effect in ran.report["effects"]]
    assert ([], [], []) == (practice.comments(ticket_id), practice.posts(ticket_id), practice.issues(ticket_id))


@pytest.mark.parametrize("ticket_id", [1002])
def test_an_empty_ticket_asks_for_both_screenshots(practice: World, ticket_id: int) -> None:
    """One public reply; asking again sends nothing twice."""
    performed(practice, ticket_id)
    (asked,) = practice.comments(ticket_id)
    assert 1 == asked["public"]
    for page in ("Admin Area > Overview > Dashboard", "Admin Area > License", "Subscription"):
        assert page in asked["body"]
    again = cells(practice, "weekend_license", ticket_id, perform=True)
    assert "waiting_for_customer" == again.report["outcome"]
    assert 1 == len(practice.comments(ticket_id))


def test_a_failing_job_issues_nothing_and_says_why(practice: World) -> None:
    """The failure issue stays open; neither the team nor the customer reads of a license."""
    ran = run_by_command(practice, 1010)
    assert (3, "needs_answer", None) == (ran.status, ran.report["status"], ran.report["outcome"])
    (issue,) = practice.issues(1010)
    assert "opened" == issue["state"]
    assert issue["title"].startswith("[Failure]")
    for words in ("552 5.2.2 Mailbox full", f"/issues/{issue['iid']}", "run this again"):
        assert words in ran.report["summary"]
    assert ([], []) == (practice.comments(1010), practice.posts(1010))
    assert "BEGIN" not in issue["description"]


def test_after_a_failure_the_next_run_tries_again(own_world: World) -> None:
    """Once the mailbox takes mail, a second run issues one license; the failure stays on file."""
    assert cells(own_world, "weekend_license", 1010, perform=True).error
    own_world.change(
        "UPDATE users SET email = 'admin@again.mailbox-full.example' "
        "WHERE id = (SELECT requester_id FROM tickets WHERE id = 1010)"
    )
    again = cells(own_world, "weekend_license", 1010, perform=True)
    assert "license_issued" == again.report["outcome"]
    assert 1 == len(own_world.mails("admin@again.mailbox-full.example"))
    assert ["[Failure]", "[Success]"] == [issue["title"].split(" - ")[0] for issue in own_world.issues(1010)]


def test_hostile_text_is_shown_and_never_interpreted(practice: World) -> None:
    """In the record it makes no element of its own, and nothing of it reaches Slack, the replies or the tracker."""
    ran = run_by_command(practice, 1011)
    outputs = [o["data"] for c in ran.record.cells if c.cell_type == "code" for o in c.outputs if "data" in o]
    for data in outputs:
        if "text/html" in data:
            assert not Elements.beyond_ours("".join(data["text/html"]))
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", data.get("text/plain", ""))
    sent = [*practice.posts(1011), *(c["body"] for c in practice.comments(1011))]
    sent += [re.sub(r"-+BEGIN.*", "", i["description"], flags=re.DOTALL) for i in practice.issues(1011)]
    for words in sent:
        assert not re.search(r"<(?!http)|<!|\{\{|=cmd|\.\./|[\u202a-\u202e]", words), words
    folder = Path(ran.report["record"]).parent
    assert practice.outputs / "sandbox" / "1011" == folder


@pytest.mark.parametrize("ticket_id", EXPECTED)
def test_no_secret_and_no_license_is_in_what_a_run_leaves(practice: World, ticket_id: int) -> None:
    """Neither tokens nor license text are in the record, the journal, or what is shown."""
    ran = performed(practice, ticket_id)
    secrets = [v for k, v in practice.descriptor["settings"].items() if k.endswith("token")]
    assert 4 == len(secrets)
    licenses = [row["content"] for row in practice.rows("SELECT content FROM attachments WHERE content IS NOT NULL")]
    licenses += [i["description"].encode() for i in practice.issues(ticket_id)]
    pieces = {run.decode() for content in licenses for run in re.findall(rb"[A-Za-z0-9+/]{50,}", content)}
    folder = practice.outputs / "sandbox" / str(ticket_id)
    said = ran.everything if isinstance(ran, Walked) else ran.stdout + ran.stderr
    left = said + "".join(path.read_text() for path in folder.iterdir())
    assert not [secret for secret in secrets if secret in left]
    assert not [piece for piece in pieces if piece in left]


def public_key(world: World) -> license.PublicKey:
    """The key of the practice world."""
    return license.load_public_key((world.folder / "license-key.pub").read_bytes())


class Elements(HTMLParser):
    """Collects what a browser would make of a card, and says what the cards themselves never have."""

    OURS = frozenset(
        [
            "a",
            "bdi",
            "details",
            "div",
            "p",
            "pre",
            "span",
            "summary",
            "table",
            "tbody",
            "td",
            "th",
            "thead",
            "tr",
            "wbr",
        ]
    )

    def __init__(self) -> None:
        super().__init__()
        self.foreign: list[str] = []

    @classmethod
    def beyond_ours(cls, html: str) -> list[str]:
        """Elements and attributes that no card has."""
        parser = cls()
        parser.feed(html)
        return parser.foreign

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a foreign element, an event handler, or a link that is not of ours."""
        allowed = {"style", "title", "role", "aria-label", "scope", "href", "rel", "target"}
        self.foreign += [] if tag in self.OURS else [tag]
        self.foreign += [name for name, _ in attrs if name not in allowed]
        self.foreign += [v or "" for n, v in attrs if n == "href" and not (v or "").startswith("http://127.0.0.1")]

    def handle_comment(self, data: str) -> None:
        """A comment is foreign too."""
        self.foreign.append(data)
