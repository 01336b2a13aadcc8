"""The review: filters, open ends with their commands, a ticket's story, verification; and the weekly report."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import nbformat
import pytest

from runbook_lib.cli.main import main
from runbook_lib.display import STEP_MIME
from runbook_lib.domain.errors import InputError
from runbook_lib.ledger import journal as journal_module
from runbook_lib.ledger.keyring import KeyRing
from runbook_lib.records import filters, review
from runbook_lib.records.open_ends import OpenEnd, OpenEndKind, newest_of_tickets, open_ends, standing
from runbook_lib.records.review import Review
from runbook_lib.records.review_rows import timeline
from runbook_lib.records.runs import Run, RunFilter, State
from runbook_lib.records.sign_off import sign_off
from runbook_lib.settings import ROOT, Settings
from tests.practice import World, start
from tests.records.making import START, Shelf, notebook, step

pytestmark = pytest.mark.slow

TODAY = date(2026, 11, 25)
NAME = "20261121T100000000Z-weekend_license.ipynb"
NOTEBOOK = ROOT / "notebooks" / "review_records.ipynb"
STEPS = ("open", "verification", "filters", "runs", "people", "trends", "open_ends", "timeline")


@pytest.fixture
def practice(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    """A shelf that the settings point to."""
    for name in [name for name in os.environ if name.startswith("RUNBOOK_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("RUNBOOK_PROFILE", "sandbox")
    monkeypatch.setenv("RUNBOOK_OUTPUTS", str(shelf.outputs))
    return shelf


def opened(**given: object) -> Review:
    """A review of all days by default."""
    return Review.open(**{"since": "2020-01-01", **given})


def bundle(result: Any) -> dict[str, Any]:
    """What a cell shows."""
    return dict(result._repr_mimebundle_())


def plain(result: Any) -> dict[str, Any]:
    """What a program reads off a cell."""
    return dict(json.loads(json.dumps(bundle(result)[STEP_MIME])))


def shown(found: Review) -> list[dict[str, Any]]:
    """What all cells show, for programs."""
    results = (found, *(getattr(found, name)() for name in STEPS[1:]))
    for result in results:
        assert {"text/html", "text/plain", STEP_MIME} <= bundle(result).keys()
    return [plain(result) for result in results]


# -- what is asked for


@pytest.mark.parametrize(
    ("given", "since", "until"),
    [
        ({}, "2026-11-19", "2026-11-25"),
        ({"since": "2026-11-16"}, "2026-11-16", "2026-11-25"),
        ({"until": "2026-11-20"}, "2026-11-14", "2026-11-20"),
        ({"since": "2026-11-20", "until": "2026-11-20"}, "2026-11-20", "2026-11-20"),
    ],
)
def test_the_period(given: dict[str, object], since: str, until: str) -> None:
    """Seven days up to today by default."""
    values = filters.checked(given, TODAY)
    assert (since, until) == (values["since"], values["until"])


def test_filters_become_what_is_wanted() -> None:
    """`unknown` takes all; papermill turns a ticket into a number."""
    values = filters.checked({"ticket": 1001, "outcome": "escalated", "status": "unknown", "operator": "ada"}, TODAY)
    expected = RunFilter((1001,), None, "escalated", None, "ada", date(2026, 11, 19), TODAY)
    assert expected == filters.wanted(values)
    assert "2026-11-19 to 2026-11-25, ticket 1001, outcome escalated, operator ada" == filters.words(expected)


@pytest.mark.parametrize(
    ("values", "words"),
    [({}, "all days"), ({"since": "2026-11-20"}, "from 2026-11-20"), ({"until": "2026-11-20"}, "until 2026-11-20")],
)
def test_an_open_period(values: dict[str, str], words: str) -> None:
    """Emptied in the form."""
    assert words == filters.words(filters.wanted(values))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"since": "last week"}, "since is 'last week'; expected a date"),
        ({"since": "2026-11-26"}, "since is 2026-11-26, which is after until, 2026-11-25"),
        ({"ticket": "abc"}, "ticket is 'abc'; expected the ticket's number"),
        ({"outcome": "issued"}, "outcome is 'issued'; expected one of license_issued"),
        ({"status": "done"}, "status is 'done'; expected one of completed"),
        ({"runbook": ""}, "runbook is ''; expected one line of text"),
        ({"ticket_notes": "maybe"}, "ticket_notes is 'maybe'; expected True or False"),
        ({"tickets": "1"}, "The review has no parameter 'tickets'; known are since"),
    ],
)
def test_bad_parameters_are_one_sentence(
    practice: Shelf, capsys: pytest.CaptureFixture[str], given: dict[str, object], words: str
) -> None:
    """Shown as a card, and without a traceback."""
    until = {} if "since" not in given else {"until": "2026-11-25"}
    with pytest.raises(InputError) as found:
        Review.open(**{**until, **given})
    assert str(found.value).startswith(words)
    assert [f"InputError: {found.value}"] == found.value._render_traceback_()
    assert "[stopped] Open the records" in capsys.readouterr().out


# -- open ends


RUN = Run(1001, State.SEALED, NAME, "weekend_license", START, performed=True, needs_person=True)


def ends(**changes: Any) -> list[OpenEnd]:
    """The open ends of one run."""
    return open_ends([Run(**{**vars(RUN), **changes})], Path("outputs/sandbox"), "sandbox")


@pytest.mark.parametrize(
    ("changes", "kind", "command"),
    [
        (
            {"status": "needs_answer", "missing": ("expires_on", "plan", "new one")},
            OpenEndKind.NEEDS_ANSWER,
            "runbook run weekend_license 1001 -p expires_on YYYY-MM-DD -p plan starter/premium/ultimate/free "
            "-p 'new one' VALUE --perform",
        ),
        (
            {"status": "needs_answer", "performed": False, "missing": ("plan", "ask_customer")},
            OpenEndKind.NEEDS_ANSWER,
            "runbook run weekend_license 1001 -p plan starter/premium/ultimate/free or: "
            "runbook run weekend_license 1001 -p ask_customer True",
        ),
        (
            {"status": "needs_answer", "performed": False},
            OpenEndKind.NEEDS_ANSWER,
            "runbook run weekend_license 1001",
        ),
        (
            {"status": "completed", "unknown": ("sandbox-1001-slack_post",)},
            OpenEndKind.UNKNOWN,
            "runbook answer 1001 slack_post yes",
        ),
        (
            {"status": "interrupted", "state": State.INTERRUPTED},
            OpenEndKind.INTERRUPTED,
            "runbook run weekend_license 1001 --perform",
        ),
        ({"status": "interrupted", "runbook": ""}, OpenEndKind.INTERRUPTED, "runbook run auto 1001 --perform"),
        (
            {"status": "failed", "missing": ("plan",)},
            OpenEndKind.FAILED,
            "runbook run weekend_license 1001 -p plan starter/premium/ultimate/free --perform",
        ),
        (
            {"status": "completed", "undone": ("sandbox-1001-slack_post",)},
            OpenEndKind.UNDONE,
            "runbook run weekend_license 1001 --perform",
        ),
        ({"waits_for": "customer", "since": START}, OpenEndKind.CUSTOMER, "runbook run weekend_license 1001 --perform"),
        ({"waits_for": "expert", "since": START}, OpenEndKind.EXPERT, "runbook answer 1001 case yes"),
        (
            {"waits_for": "performing", "since": START, "performed": False},
            OpenEndKind.REHEARSED,
            "runbook run weekend_license 1001 --perform",
        ),
        (
            {"waits_for": "next_runbook", "next_runbook": "weekday_triage", "since": START},
            OpenEndKind.HANDED_OVER,
            "runbook run weekday_triage 1001 --perform",
        ),
        ({"status": "killed"}, OpenEndKind.FAILED, "runbook run weekend_license 1001 --perform"),
        (
            {"state": State.UNSEALED, "record": "my file.ipynb"},
            OpenEndKind.UNSEALED,
            "runbook records adopt 'outputs/sandbox/1001/my file.ipynb' --ticket 1001",
        ),
    ],
)
def test_each_open_end_has_its_command(changes: dict[str, Any], kind: OpenEndKind, command: str) -> None:
    """Ready to be typed."""
    assert [(kind, command)] == [(end.kind, end.command) for end in ends(**changes)]


def test_answers_and_a_flag_instead_are_two_ways() -> None:
    """On a page, too."""
    (end,) = ends(status="needs_answer", missing=("plan", "expires_on", "ask_customer"))
    assert "answer “Plan” and “Expired on” or “Ask the customer”, and press" in end.page_words


def test_a_run_that_failed_says_what_happened() -> None:
    """In one sentence, before what to do."""
    (end,) = ends(status="failed", summary="Slack refused (403): no_permission. Invite the bot.")
    assert end.words.startswith("Slack refused (403): no_permission. Put that right, then run again")


def test_one_run_may_be_open_twice() -> None:
    """It was interrupted during an effect."""
    kinds = [end.kind for end in ends(status="interrupted", unknown=("sandbox-1001-reply",))]
    assert [OpenEndKind.UNKNOWN, OpenEndKind.INTERRUPTED] == kinds


def test_an_open_question_is_shown_whole() -> None:
    """A run may ask for several things, a sentence each."""
    (end,) = ends(status="needs_answer", summary="The plan is not known. The expiry is not known.")
    assert end.words.startswith("The plan is not known. The expiry is not known. ")


def test_run_that_needs_no_person_is_no_open_end() -> None:
    """Such as a run that a later one has settled."""
    assert [] == ends(status="needs_answer", needs_person=False)


def test_untrusted_open_end_takes_no_place() -> None:
    """Of one that is believed, although it is newer; nor the ticket's row."""
    ours = replace(RUN, status="needs_answer")
    late = START + timedelta(days=1)
    theirs = replace(RUN, status="failed", is_trusted=False, started_at=late, unknown=("sandbox-1001-reply",))
    found = open_ends([ours, theirs], Path("outputs/sandbox"), "sandbox")
    assert [OpenEndKind.NEEDS_ANSWER, OpenEndKind.UNKNOWN] == [end.kind for end in found]
    assert [ours] == newest_of_tickets(found)


# -- how a ticket stands


def stands(*changes: dict[str, Any]) -> str:
    """The first words of a ticket whose runs began a day apart; without the moments, and the path."""
    runs = [replace(RUN, started_at=START + timedelta(days=n), **one) for n, one in enumerate(changes)]
    words = " ".join(standing(runs, Path("outputs/1001/last.ipynb")))
    return re.sub(r" on 2026-[\d: -]+ UTC", "", words).partition(" The record of that outcome: ")[0]


ISSUED, FAILED = {"status": "completed", "outcome": "license_issued"}, {"status": "failed"}
ESCALATED, RESOLVED = ({**ISSUED, "outcome": one} for one in ("escalated", "resolved_itself"))


@pytest.mark.parametrize(
    ("runs", "words"),
    [
        ([ESCALATED, ESCALATED, RESOLVED, ESCALATED], "Escalated, then Resolved itself, then Escalated."),
        ([{**ISSUED, "performed": None}], "License issued (unknown whether performed)."),
        ([{**ISSUED, "undone": ("sandbox-1001-slack_post",)}], "License issued; not done yet: slack post."),
        (
            [{**ISSUED, "ended_by_hand": True}, FAILED],
            "License issued, then a person reported that the case has ended, then a later try: failed.",
        ),
        (
            [{**ISSUED, "record": None}, FAILED],
            "License issued, then a later try: failed. The record of that outcome is not on this machine.",
        ),
        ([{"status": ""}], "no outcome yet; the last run: not ended yet."),
        ([ISSUED, {"state": State.UNSEALED, "performed": None}], "License issued."),
        (
            [{**ISSUED, "next_runbook": "weekday_triage", "waits_for": "next_runbook", "since": START}],
            "goes on with weekday_triage since 2026-11-21 10:00 UTC.",
        ),
    ],
)
def test_how_a_ticket_stands(runs: list[dict[str, Any]], words: str) -> None:
    """What became of it, the newest last, and what is left of it."""
    assert f"Ticket 1001: {words}" == stands(*runs)


# -- a ticket's timeline


def test_a_journal_in_words() -> None:
    """Each line with who did it; a run's steps are none, effects stand by their name and with their evidence."""
    at = {"at": START.isoformat(), "writer": "one"}
    evidence = {"summary": "reply 7", "url": "https://zendesk.example/7"}
    entries = [
        {**at, "kind": "run_started", "operator": "grace", "runbook": "weekend_license", "performed": True},
        {**at, "kind": "cell_started", "record": NAME, "cell": "open"},
        {**at, "kind": "cell_started", "record": NAME, "cell": "take"},
        {**at, "kind": "intended", "effect": "reply", "operation_id": "sandbox-1001-reply"},
        {**at, "kind": "done", "effect": "reply", "evidence": evidence},
        {**at, "kind": "unknown", "operation_id": "sandbox-1001-slack_post", "reason": "read time-out"},
        {**at, "kind": "answered", "operator": "ada", "operation_id": "sandbox-1001-slack_post", "there": True},
        {**at, "kind": "run_ended", "outcome": "license_issued", "sha256": "a" * 64, "summary": "250 users"},
        {**at, "kind": "done", "effect": "seal_note", "operation_id": "sandbox-1001-seal-1"},
        {**at, "writer": "two", "kind": "not_done", "effect": "reply"},
    ]
    assert [
        ("grace", "began weekend_license (performed)", ""),
        ("grace", "reply: about to be done", ""),
        ("grace", "reply: done", "reply 7 · https://zendesk.example/7"),
        ("grace", "slack post: unknown whether it is there", "read time-out"),
        ("ada", "answered for slack post: it is there", ""),
        ("grace", "the run ended: license issued", "250 users"),
        ("grace", "note with the record's digest: done", ""),
        ("", "reply: not done", ""),
    ] == [(moment.who, moment.words, moment.detail) for moment in timeline(entries)]


@pytest.mark.parametrize(
    ("end", "words"),
    [
        ({"status": "failed"}, "the run ended: failed, in the step collect facts"),
        ({"status": "completed", "outcome": "license_issued"}, "the run ended: license issued"),
        (None, "the step collect facts, the last that was begun"),
    ],
)
def test_run_that_stopped_says_at_which_step(end: dict[str, str] | None, words: str) -> None:
    """Also one that left no end."""
    line = {"at": START.isoformat(), "writer": "one", "record": NAME, "sha256": "a" * 64}
    entries: list[dict[str, object]] = [{**line, "kind": "run_started", "operator": "grace"}]
    entries += [{**line, "kind": "cell_started", "cell": cell} for cell in ("open", "collect_facts")]
    entries += [{**line, "kind": "run_ended", **end}] if end else []
    assert [("grace", words)] == [(moment.who, moment.words) for moment in timeline(entries)[1:]]


def test_malformed_lines_are_shown_as_far_as_possible() -> None:
    """They are signed, but may be of another version."""
    found = timeline(
        [{"kind": "new", "at": 7, "evidence": "x"}, {"kind": None}, {"kind": "done"}, {"kind": "run_ended"}]
    )
    assert ["new", "a line that says nothing", "an effect: done", "the run ended: outcome unknown"] == [
        moment.words for moment in found
    ]
    assert "no record could be written" == found[-1].detail


# -- the notebook's steps


def test_an_empty_archive_is_friendly(practice: Shelf) -> None:
    """No step fails, and no picture is drawn."""
    results = shown(Review.open())
    assert ["read", "all is well", "chosen", "nothing", "nothing", "nothing", "none", "nothing"] == [
        r["state"] for r in results
    ]
    assert "There is no run in" in repr(Review.open())


def test_a_period_without_runs_is_friendly(practice: Shelf) -> None:
    """It names what was asked for."""
    practice.seal(1001)
    found = opened(until="2020-01-07")
    assert "2020-01-01 to 2020-01-07" in plain(found.runs())["summary"]
    assert "nothing" == plain(found.trends())["state"]


def test_runs_are_listed_newest_first_and_filtered(practice: Shelf) -> None:
    """With what a program needs."""
    practice.seal(1001)
    practice.seal(1001, outcome="escalated")
    practice.seal(1002, "weekday_triage", performed=False)
    results = plain(opened(ticket=1001).runs())
    assert ["escalated", "license_issued"] == [run["outcome"] for run in results["runs"]]
    assert 1 == plain(opened(runbook="weekday_triage").runs())["total"]
    assert 3 == plain(opened(operator="grace").runs())["total"]
    assert 0 == plain(opened(operator="ada").runs()).get("total", 0)


def test_performed_runs_are_in_view_the_rest_is_folded(practice: Shelf) -> None:
    """Unless nothing was performed. What would be reads as such."""
    practice.seal(1002, "weekday_triage", performed=False)
    assert "<details" not in bundle(opened().runs())["text/html"]
    practice.seal(1001)
    practice.seal(1001, "start_here", outcome=None, next_runbook="weekend_license")
    html, said = (bundle(opened().runs())[kind] for kind in ("text/html", "text/plain"))
    assert [1, 1] == [part.count("License issued") for part in html.split("<details")]
    assert "Would end: License issued" in html.partition("<details")[2]
    assert "2 rehearsals and hand-overs:" in said


def test_who_is_on_what(practice: Shelf) -> None:
    """Each engineer, what they left open, and what waits for a reviewer."""
    practice.seal(1001)
    practice.seal(1002, status="needs_answer", outcome=None, operator="ada")
    found = {person["engineer"]: person for person in plain(opened().people())["people"]}
    assert ("1002", "1") == (found["ada"]["tickets with open ends"], found["ada"]["records not reviewed"])
    assert ("–", "1") == (found["grace"]["tickets with open ends"], found["grace"]["selected runs"])


def test_a_row_links_record_ticket_and_issue(practice: Shelf) -> None:
    """With customer, users and outcome, as long as the record is what was sealed."""
    issue, ticket = "https://gitlab.example/a/b/-/issues/7", "https://team.zendesk.example/agent/tickets/1001"
    manifest = {"summary": f"250 users. {issue}", "effects": [{"evidence": {"url": ticket}}]}
    data = {"step": "open", "organization": "Nordlicht <b>Analytics</b>", "users": 250}
    content = notebook(1001, metadata={"runbook": manifest}, cells=[step(1001, **{STEP_MIME: data})])
    record = practice.end(1001, practice.begin(1001), content)
    html = bundle(opened().runs())["text/html"]
    assert all(f'href="{address}"' in html for address in (issue, ticket))
    assert f'{record.name}" rel="noreferrer" target="_blank"><bdi>sealed</bdi>' in html
    assert "Nordlicht &lt;b&gt;Analytics&lt;/b&gt;" in html
    assert "License issued" in html
    record.chmod(0o600)
    record.write_bytes(content.replace(b"Nordlicht", b"Another"))
    assert "Another" not in bundle(opened().runs())["text/html"]


def test_the_oldest_open_end_comes_first(practice: Shelf) -> None:
    """With how long it has been open."""
    for ticket in (1002, 1001):
        practice.seal(ticket, status="needs_answer", outcome=None)
    found = opened().open_ends()
    assert [1002, 1001] == [end["ticket_id"] for end in plain(found)["open_ends"]]
    assert "0 h 0 min" in repr(found)


def test_a_ticket_that_was_tried_again_is_open_once(practice: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    """By its newest run, or its newest performed one; what is counted are tickets."""
    for performed in (True, False, True, False):
        last = practice.seal(1001, status="needs_answer", outcome=None, performed=performed)
    practice.seal(1002, status="failed", outcome=None)
    result = opened().open_ends()
    ends = plain(result)["open_ends"]
    assert [1001, 1002] == [end["ticket_id"] for end in ends]
    assert ends[0]["command"].endswith(" --perform")
    assert "2 tickets are open (needs an answer: 1; failed: 1)." == plain(result)["summary"]
    assert "[2 tickets are open]" in bundle(result)["text/plain"]
    capsys.readouterr()
    assert 0 == main(["records", "list", "--open"])
    listed = capsys.readouterr().out
    assert ["1001", "1002"] == re.findall(r"^(\d{4}) ", listed, re.MULTILINE)
    assert last.name not in listed
    assert "\n2 tickets are open (needs an answer: 1; failed: 1).\n" in listed


def test_what_is_asked_is_shown_whole(practice: Shelf) -> None:
    """In the review's table, too, whose other values are cut where they are long."""
    practice.seal(1001, status="needs_answer", outcome=None, summary="The plan is not known. " * 20)
    assert 20 == bundle(opened().open_ends())["text/html"].count("The plan is not known.")


def test_open_ends_have_one_order_everywhere(practice: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    """In the review, in the table of `records list --open`, in the lines below it, and as JSON: the oldest first.

    A case is as old as its waiting: that of ticket 1003 began before what came of 1002, though its last run did not.
    """
    practice.seal(1003, "weekday_triage", outcome="escalated")
    practice.seal(1002, status="needs_answer", outcome=None)
    practice.seal(1003, "weekday_triage", outcome="escalated")
    practice.seal(1001, status="needs_answer", outcome=None)
    expected = [1003, 1002, 1001]
    assert expected == [end["ticket_id"] for end in plain(opened().open_ends())["open_ends"]]
    capsys.readouterr()
    assert 0 == main(["records", "list", "--open"])
    table, lines = capsys.readouterr().out.split("The records were not verified.")
    assert expected == [int(number) for number in re.findall(r"^(\d+) ", table, re.MULTILINE)]
    assert expected == [int(number) for number in re.findall(r"^Ticket (\d+)", lines, re.MULTILINE)]
    assert 0 == main(["records", "list", "--open", "--json"])
    assert expected == [run["ticket_id"] for run in json.loads(capsys.readouterr().out)["runs"]]


@pytest.mark.parametrize(
    ("altered", "signed", "words"),
    [
        ((), (), "2 records of 1 engineer, all genuine; 2 not reviewed."),
        ((), (1001, 1002), "2 records of 1 engineer, all genuine; all reviewed."),
        ((1001,), (), "2 records of 1 engineer: 1 genuine, 1 not genuine; 2 not reviewed."),
    ],
)
def test_verification_begins_with_one_sentence(
    practice: Shelf, altered: tuple[int, ...], signed: tuple[int, ...], words: str
) -> None:
    """How many records of how many people, genuine or not, and reviewed or not."""
    records = {ticket: practice.seal(ticket) for ticket in (1001, 1002)}
    sign_off([records[ticket] for ticket in signed], "Fine.", Settings.local(), "ada")
    for ticket in altered:
        records[ticket].chmod(0o600)
        records[ticket].write_bytes(b"{}")
    assert words == plain(opened().verification())["summary"]


def test_a_long_table_says_what_it_leaves_out(practice: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """A word on the rest."""
    monkeypatch.setattr(review, "MOST_ROWS", 2)
    for _ in range(3):
        practice.seal(1001)
    found = opened().runs()
    assert (3, 2) == (plain(found)["total"], len(plain(found)["runs"]))
    assert "1 more are left out here" in repr(found)


def test_a_damaged_journal_is_named_and_the_rest_is_shown(practice: Shelf) -> None:
    """As are folders without a journal, and folders that are no ticket's."""
    for ticket in (1001, 1002, 1003):
        practice.seal(ticket)
    path = practice.journal(1001).path
    path.write_text(path.read_text().replace("license_issued", "out_of_scope"))
    practice.journal(1002).path.unlink()
    practice.folder(1003).joinpath("odd.ipynb").write_text("{")
    practice.folder(1003).joinpath("notes.txt").write_text("x")
    (practice.archive.folder / "copy").mkdir()
    (practice.archive.folder / "copy" / "x.ipynb").write_text("{}")
    found = opened()
    problems = plain(found)["problems"]
    expected = [("1001", "altered_journal"), ("1002", "missing_journal"), ("copy", "no_ticket")]
    assert expected == [(problem["folder"], problem["code"]) for problem in problems]
    assert [1003] == [run["ticket_id"] for run in plain(found.runs())["runs"]]
    assert ["unsealed"] == [end["kind"] for end in plain(found.open_ends())["open_ends"]]
    assert {"altered_journal", "missing_journal", "no_ticket", "unsealed"} == {
        finding["code"] for finding in plain(found.verification())["findings"]
    }


def test_a_damaged_journal_has_a_reason_for_a_timeline(practice: Shelf) -> None:
    """A reviewer sets no journal aside: the card says whom to tell."""
    practice.seal(1001)
    path = practice.journal(1001).path
    path.write_text(path.read_text().replace("license_issued", "out_of_scope"))
    result = plain(opened(ticket="1001").timeline())
    assert "cannot be relied on" == result["state"]
    assert "journal restart" not in json.dumps(result)
    assert "Tell the owner of the machine" in result["summary"]


def test_a_performed_run_that_failed_is_in_the_card(practice: Shelf) -> None:
    """A rehearsal that failed is not, nor one that a later run has settled."""
    practice.seal(1001, status="failed", outcome=None, summary="Zendesk refused (401): no.")
    practice.seal(1002, performed=False, status="failed", outcome=None)
    practice.seal(1003, status="cancelled", outcome=None)
    practice.seal(1003)
    result = opened().open_ends()
    (end,) = plain(result)["open_ends"]
    assert (1001, "failed", "runbook run weekend_license 1001 --perform") == tuple(
        end[name] for name in ("ticket_id", "kind", "command")
    )
    assert "Zendesk refused (401): no." in repr(result)


def test_open_ends_do_not_end_with_the_period(practice: Shelf) -> None:
    """The timeline is of the newest of them."""
    practice.seal(1001, status="needs_answer", outcome=None, missing=["plan"])
    practice.seal(1002)
    found = opened(until="2020-01-07")
    (end,) = plain(found.open_ends())["open_ends"]
    assert "runbook run weekend_license 1001 -p plan starter/premium/ultimate/free --perform" == end["command"]
    assert 1001 == plain(found.timeline())["ticket"]
    assert end["command"] in " ".join(repr(found.timeline()).split())
    assert [] == plain(opened(ticket="1002").open_ends())["open_ends"]
    assert 1002 == plain(opened(ticket="1002").timeline())["ticket"]


def test_a_ticket_that_is_not_here(practice: Shelf) -> None:
    """Named, not an error."""
    practice.seal(1001)
    assert "Ticket 4242, as asked for. It has no journal here." in repr(opened(ticket="4242").timeline())


def test_half_characters_do_not_break_a_cell(practice: Shelf) -> None:
    """A bad text in a journal is shown as an escape, and goes into any JSON."""
    practice.seal(1001, summary="half \ud800 of one", operator="ada")
    for result in (opened().runs(), opened().timeline()):
        assert "U+D800" in json.dumps(bundle(result)[STEP_MIME], ensure_ascii=False).encode().decode()


def test_notes_that_cannot_be_read_are_reported(practice: Shelf) -> None:
    """What was asked for and not done is no silent success."""
    practice.seal(1001)
    result = opened(ticket_notes=True).verification()
    assert "The notes on the tickets were not compared. No sandbox is running" in repr(result)
    assert (True, 1) == (plain(result)["good"], len(plain(result)["not_compared"]))


# -- the form


@pytest.fixture
def watched(practice: Shelf, monkeypatch: pytest.MonkeyPatch) -> Review:
    """A review in JupyterLab, with the form."""
    monkeypatch.setattr(review, "is_interactive", lambda: True)
    practice.seal(1001)
    practice.seal(1002, outcome="escalated")
    return opened(outcome="license_issued")


def test_the_form_begins_with_the_parameters_and_decides(watched: Review) -> None:
    """What is entered counts for the cells below; the line in the form follows."""
    view = bundle(watched.filters())
    assert {"application/vnd.jupyter.widget-view+json", "text/html", "text/plain", STEP_MIME} <= view.keys()
    form = watched.form
    assert form is not None
    assert ("2020-01-01", "License issued") == (form.values["since"], form.values["outcome"])
    assert "1 of 2 runs. Run the cells below to see them." == form.summary.value
    form.rows["outcome"].input.value = "escalated"
    assert [1002] == [run["ticket_id"] for run in plain(watched.runs())["runs"]]
    assert ("grace",) == form.rows["operator"].input.options


def test_running_the_cell_again_keeps_what_was_entered(watched: Review) -> None:
    """It is the same form."""
    watched.filters()
    form = watched.form
    assert form is not None
    form.rows["ticket"].input.value = "1002"
    assert "1002" in bundle(watched.filters())["text/plain"]
    assert form is watched.form


def test_form_and_next_cell_name_a_mistake(watched: Review) -> None:
    """In one sentence."""
    watched.filters()
    assert watched.form is not None
    watched.form.rows["ticket"].input.value = "1002x"
    assert (
        "ticket is '1002x'; expected the ticket's number, such as 1001, or its web address."
        == watched.form.summary.value
    )
    with pytest.raises(InputError, match="ticket is '1002x'"):
        watched.runs()


# -- the weekly report


@pytest.fixture(scope="module")
def trouble(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A practice archive of real runs, with a record that was altered, an interrupted run, and an unsealed file."""
    for world in start(tmp_path_factory.mktemp("review") / "outputs"):
        records = world.outputs / "sandbox"
        for words in (("weekend_license", 1001, "--perform"), ("weekend_license", 1003), ("weekday_triage", 2003)):
            assert 0 == world.runbook("run", *words).status
        (altered,) = (records / "2003").glob("*.ipynb")
        altered.chmod(0o644)
        altered.write_bytes(altered.read_bytes().replace(b"resolved", b"Resolved", 1))
        (records / "1003" / "by-hand.ipynb").write_bytes(NOTEBOOK.read_bytes())
        broken_off(records, 1002)
        yield world


def broken_off(records: Path, ticket: int) -> None:
    """What `kill -9` leaves of a run, an hour and a half later."""

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.now(tz) - timedelta(hours=1.5)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(journal_module, "datetime", Clock)
        name = f"{Clock.now(UTC):%Y%m%dT%H%M%S}000Z-weekend_license.ipynb"
        journal = journal_module.Journal(records / str(ticket), f"sandbox/{ticket}", KeyRing(records / ".keys"))
        journal.append("run_started", runbook="weekend_license", record=name, performed=True, operator="grace")
        journal.append("intended", effect="assignment", operation_id=f"sandbox-{ticket}-assignment")


def test_the_weekly_report(trouble: World, tmp_path: Path) -> None:
    """Without a person, in any folder, without widgets; everything that is wrong is in it."""
    command = ["-m", "papermill", str(NOTEBOOK), "report.ipynb", "-p", "since", "2020-01-01"]
    ran(trouble, tmp_path, *command, "-p", "ticket_notes", "True")
    report = nbformat.read(tmp_path / "report.ipynb", as_version=4)
    outputs = [output for cell in report.cells for output in cell.get("outputs", [])]
    steps = {
        output["data"][STEP_MIME]["step"]: output["data"][STEP_MIME]
        for output in outputs
        if STEP_MIME in output.get("data", {})
    }
    assert STEPS == tuple(steps)
    assert {"tickets": 4, "runs": 5, "records": 4} == steps["open"]["counts"]
    assert {"license_issued": [1], "no outcome": [1]} == {
        end: [count for count in counts if count] for end, counts in steps["trends"]["ends"].items()
    }
    kinds = {"unknown outcome", "interrupted", "unsealed", "rehearsed, never performed"}
    assert kinds == {e["kind"] for e in steps["open_ends"]["open_ends"]}
    assert {"altered", "interrupted", "unsealed"} == {f["code"] for f in steps["verification"]["findings"]}
    assert [] == steps["verification"]["not_compared"]
    assert 2003 == steps["timeline"]["ticket"]  # the newest open end: rehearsed, never performed
    (picture,) = [output["data"] for output in outputs if "image/png" in output.get("data", {})]
    assert "license issued" in picture["text/plain"]
    assert "widget" not in json.dumps(report)
    shown = trouble.runbook("records", "show", tmp_path / "report.ipynb", "--html", tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert "It is no record itself, and nothing seals it." == shown.stdout.splitlines()[1]
    assert "data:image/png" in page
    assert "review.runs()" not in page


def test_a_bad_parameter_ends_the_report_with_a_sentence(trouble: World, tmp_path: Path) -> None:
    """And with no traceback of ours."""
    words = ("-m", "papermill", str(NOTEBOOK), "report.ipynb", "-p", "outcome", "issued")
    done = ran(trouble, tmp_path, *words, status=1)
    assert "InputError: outcome is 'issued'; expected one of license_issued" in done.stderr
    assert "review.py" not in done.stderr


def test_runbook_run_does_not_take_it(trouble: World) -> None:
    """It is about all tickets; the message says how to run it, and it is not offered elsewhere."""
    refused = trouble.runbook("run", "review_records", 1)
    assert (2, True) == (refused.status, "review_records is about all tickets" in refused.stderr)
    assert "papermill " in refused.stderr
    assert "review_records" not in trouble.runbook("run", "review", 1).stderr


def ran(world: World, folder: Path, *words: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    """A Python command in a folder."""
    done = subprocess.run(
        [sys.executable, *words], cwd=folder, env=world.environment, capture_output=True, text=True, check=False
    )
    assert status == done.returncode, done.stderr
    return done


def test_settings_are_needed_only_for_notes(practice: Shelf) -> None:
    """No sandbox has to run for a review."""
    assert Settings.local().outputs == practice.outputs
    assert opened().verification()
