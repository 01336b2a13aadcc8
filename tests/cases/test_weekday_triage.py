"""The weekday case, step by step in this process: whose answers count, what is asked, and what goes out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from runbook_lib.cases.weekday_triage import WeekdayTriage
from runbook_lib.domain.errors import NeedsAnswerError, PersonNeededError
from runbook_lib.results import StepResult
from tests.practice import World, start


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A world of its own, which the settings of this process find."""
    monkeypatch.setenv("RUNBOOK_OUTPUTS", str(tmp_path / "outputs"))
    yield from start(tmp_path / "outputs")


def to_scope(ticket_id: int, *, perform: bool = False, **facts: object) -> WeekdayTriage:
    """A case up to the scope decision."""
    case = WeekdayTriage.open(ticket_id, perform=perform)
    case.take()
    case.collect_facts(**facts)
    case.confirm_identity()
    case.decide_scope()
    return case


def to_end(case: WeekdayTriage, **given: object) -> WeekdayTriage:
    """Through the five questions to the decision, with these answers."""
    case.find_account(has_account=given.get("has_account", "unknown"))
    case.check_access(has_access=given.get("has_access", "unknown"))
    case.find_subscription(subscription=given.get("subscription", "unknown"))
    case.look_up_seat_link()
    case.check_entry(entry_today=given.get("entry_today", "unknown"))
    case.decide(escalate=given.get("escalate", False))
    case.confirm_with_customer()
    case.engage_expert()
    return case


def without_customersdot(world: World) -> None:
    """As for most engineers: the running sandbox hands out no session."""
    change(world, customersdot_cookie=None)


def change(world: World, **settings: object) -> None:
    """Make the running sandbox appear with other settings."""
    path = world.folder / "running.json"
    descriptor = json.loads(path.read_text())
    descriptor["settings"].update(settings)
    path.write_text(json.dumps(descriptor))


def words(result: StepResult) -> str:
    """What a step shows, as text without its line breaks."""
    return " ".join(repr(result).split())


def test_account_is_found_whatever_its_capitals(here: World) -> None:
    """The ticket's address is in lower case, and rails_admin's `is` would not find the account's."""
    here.change("UPDATE cdot_customers SET email = 'Emeka.Obi@Harmattan-Energy.example' WHERE email LIKE 'emeka.obi@%'")
    case = to_scope(2003)
    assert "Emeka.Obi@Harmattan-Energy.example" in words(case.find_account(has_account="unknown"))
    assert "2026-11-05" == str(case.facts.value("expires_on"))


def test_customersdot_shows_expiry_and_renewal(here: World) -> None:
    """The one that has run out counts for the scope; the renewed one is only noted."""
    case = WeekdayTriage.open(2003)
    case.take()
    shown = words(case.collect_facts())
    assert "2026-11-05" == str(case.facts.value("expires_on"))
    assert "CustomersDot has a license of A-S00020031 that runs until 2027-11-05" in shown
    case.confirm_identity()
    assert "in scope" in words(case.decide_scope())


def test_answers_by_hand_without_customersdot(here: World) -> None:
    """Each open card names the page, what to type there, and the parameter; the answers are the engineer's."""
    without_customersdot(here)
    case = to_scope(2004)
    shown = words(case.find_account())
    assert "/admin/customer?query=lena.fischer%40kiesgrube-it.example" in shown
    assert "has_account" in shown
    with pytest.raises(NeedsAnswerError) as raised:
        to_end(case)
    assert ("has_account", "escalate") == raised.value.missing
    assert "/admin/customer?query=" in str(raised.value)
    with pytest.raises(NeedsAnswerError, match="subscription"):
        to_end(case, has_account="yes", has_access="yes")
    with pytest.raises(NeedsAnswerError) as raised:
        to_end(case, has_account="yes", has_access="yes", subscription="Haus 2 100%")
    assert ("entry_today", "escalate") == raised.value.missing
    assert "/admin/license_seat_link?query=Haus" in str(raised.value)
    assert "and search for Haus 2 100%." in str(raised.value)
    to_end(case, has_account="yes", has_access="yes", subscription="Haus 2 100%", entry_today="yes")
    assert "resolved_itself" == case.outcome
    assert {"engineer"} == {str(reply.source) for reply in case.tree.replies.values()}


def test_who_cannot_look_hands_over_from_there(here: World) -> None:
    """The open question goes along to the expert."""
    without_customersdot(here)
    case = to_end(to_scope(2004, perform=True), escalate=True)
    assert "escalated" == case.outcome
    (post,) = here.posts(2004)
    assert "account in CustomersDot? not known" in post


@pytest.mark.parametrize("cookie", ["_customersdot_session=expired", "other=1"])
def test_expired_session_leaves_the_questions_open(here: World, cookie: str) -> None:
    """It is no answer; with the engineer's answers the case goes on."""
    change(here, customersdot_cookie=cookie)
    case = WeekdayTriage.open(2004)
    case.take()
    assert "session has expired" in words(case.collect_facts())
    case.confirm_identity()
    case.decide_scope()
    with pytest.raises(NeedsAnswerError, match="whether the requester has a CustomersDot account"):
        to_end(case)
    to_end(case, has_account="no")
    assert "escalated" == case.outcome


def test_two_accounts_and_a_name_with_spaces_and_percent(here: World) -> None:
    """Both accounts are looked at; of their two subscriptions the engineer says which."""
    case = to_scope(2901)
    assert "Several accounts" in words(case.find_account())
    case.check_access()
    shown = words(case.find_subscription())
    assert "2 subscriptions" in shown
    assert "Bergwerk 100% Süd / Haus 2" in shown
    with pytest.raises(NeedsAnswerError) as raised:
        to_end(case)
    assert ("subscription", "escalate") == raised.value.missing
    to_end(case, subscription="Bergwerk 100% Süd / Haus 2")
    assert "resolved_itself" == case.outcome
    to_end(case, subscription="A-S00029011")
    assert "escalated" == case.outcome


def test_the_name_is_quoted_in_the_link(here: World) -> None:
    """Whatever it holds."""
    case = to_scope(2901)
    case.find_account()
    case.check_access()
    case.find_subscription(subscription="Bergwerk 100% Süd / Haus 2")
    link = str(case.look_up_seat_link().data["link"])
    assert " " not in link
    assert "100%25" in link


def test_a_long_list_is_read_to_its_end(here: World) -> None:
    """130 rows, of two instances, on two pages: the newest decides, the newest are shown."""
    case = to_scope(2902, emergency_on="2026-11-20")
    case.find_account()
    case.check_access()
    case.find_subscription(subscription="A-S00029021")
    shown = words(case.look_up_seat_link())
    assert case.rows is not None
    assert 130 == len(case.rows)
    assert "The newest 15 of 130 rows" in shown
    assert "no" == case.check_entry().data["reply"]["answer"]


@pytest.mark.parametrize(
    ("ticket_id", "answer", "outcome", "page"),
    [(2004, "yes", "resolved_itself", "newest of 5 rows"), (2003, "no", "escalated", "2026-11-20 04:37")],
)
def test_both_answers_are_kept_where_they_differ(
    here: World, ticket_id: int, answer: str, outcome: str, page: str
) -> None:
    """The engineer decides; card, path, note, data and the closing words say that the page differs."""
    case = to_scope(ticket_id, perform=True)
    to_end(case, entry_today=answer)
    assert outcome == case.outcome
    assert page in case.tree.replies["sub_status"].differs
    said = f"on the page?” the engineer answered {answer}, but CustomersDot shows otherwise: "
    assert page in words(case.close()).partition(said)[2]
    note = here.comments(ticket_id)[-1]["body"]
    assert f"{answer} (engineer; the page says otherwise)" in note


def test_where_they_agree_the_record_says_so(here: World) -> None:
    """The engineer's answer stands, with the page's evidence."""
    case = to_scope(2004)
    to_end(case, has_account="yes", entry_today="no")
    assert "CustomersDot agrees: 1 found" in case.tree.replies["cdot"].evidence
    assert "" == case.tree.replies["sub_status"].differs


def test_running_a_question_again_decides_anew(here: World) -> None:
    """Its answer and those after it are forgotten."""
    case = to_end(to_scope(2003))
    assert "resolved_itself" == case.outcome
    case.find_account(has_account="no")
    assert ["cdot"] == list(case.tree.replies)
    assert "Not asked" in words(case.check_access())
    to_end(case, has_account="no")
    assert "escalated" == case.outcome


def test_an_open_scope_goes_along_to_the_expert(here: World) -> None:
    """Without the license file and without an account the license's end is unknown."""
    here.change("DELETE FROM attachments WHERE file_name LIKE 'silk-road%'")
    case = to_end(to_scope(2001, perform=True))
    assert "escalated" == case.outcome
    (post,) = here.posts(2001)
    assert "not known: expired on" in post


def test_on_a_weekend_the_other_runbook_is_named(here: World) -> None:
    """A Saturday's ticket is out of this one's scope."""
    case = WeekdayTriage.open(1001)
    case.take()
    case.collect_facts()
    case.confirm_identity()
    assert "weekend_license" in words(case.decide_scope())
    assert "out_of_scope" == case.outcome


def test_hostile_row_text_is_in_no_post_or_note(here: World) -> None:
    """An instance's name is what the customer typed; a subscription's may be anything."""
    here.change(
        "UPDATE cdot_seat_links SET hostname = '<!channel>{{ticket.requester.email}}\x1b[31m' "
        "WHERE zuora_subscription_name = 'A-S00020071'"
    )
    case = to_end(to_scope(2007, perform=True), entry_today="no")
    assert "escalated" == case.outcome
    (post,) = here.posts(2007)
    (note,) = here.comments(2007)
    for text in (post, note["body"]):
        assert "channel" not in text
        assert "{" not in text
        assert "\x1b" not in text


def test_the_command_repeats_the_answers(here: World) -> None:
    """So that performing does what was rehearsed."""
    case = to_end(to_scope(2901), subscription="Bergwerk 100% Süd / Haus 2")
    expected = "runbook run weekday_triage 2901 -p subscription 'Bergwerk 100% Süd / Haus 2' --perform"
    assert expected == case.command


def test_who_asks_for_an_expert_gets_one(here: World) -> None:
    """Whatever the tree says; the customer does not read that all is well."""
    case = to_end(to_scope(2003, perform=True), escalate=True)
    assert "escalated" == case.outcome
    (post,) = here.posts(2003)
    assert "The engineer asks for an expert all the same" in post
    assert [0] == [comment["public"] for comment in here.comments(2003)]


def test_no_reply_to_confirm_once_an_expert_is_engaged(here: World) -> None:
    """Two voices on one ticket confuse everybody: a person settles it."""
    to_end(to_scope(2004, perform=True))
    again = to_scope(2004, perform=True)
    with pytest.raises(PersonNeededError, match="an expert was engaged"):
        to_end(again, entry_today="yes")
    assert [0] == [comment["public"] for comment in here.comments(2004)]


def test_unlisted_subscription_is_named_at_the_end(here: World) -> None:
    """The engineer decides, and the record says so."""
    case = to_end(to_scope(2004), subscription="A-S00020031")
    said = "The engineer named subscription A-S00020031, but CustomersDot lists A-S00020041."
    assert said in words(case.close())


def test_an_odd_list_hands_the_questions_over(here: World) -> None:
    """It is no answer, and no crash."""
    here.change("UPDATE cdot_licenses SET users = 'many'")
    case = WeekdayTriage.open(2004)
    case.take()
    assert "unexpected form" in words(case.collect_facts())
    assert case.known.purchases.accounts is None
