"""The runs that a journal's lines tell of, what is known of each, and which are asked for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from runbook_lib.domain.events import Event, History
from runbook_lib.records import runs as runs_module
from runbook_lib.records.runs import Run, RunFilter, State, runs_of, unsealed
from tests.records.making import START

NAME = "20261121T100000000Z-weekend_license.ipynb"
SHA = "a" * 64


def event(kind: str, minute: int = 0, **fields: Any) -> Event:
    """A line of a journal, of some minute."""
    at = (START + timedelta(minutes=minute)).isoformat()
    return Event({"n": minute + 1, "at": at, "kind": kind, **fields})


def started(name: str = NAME, minute: int = 0, **fields: Any) -> Event:
    """The line that begins a run."""
    about = {"runbook": "weekend_license", "record": name, "performed": True, "operator": "grace", **fields}
    return event("run_started", minute, **about)


def ended(name: str | None = NAME, minute: int = 1, **fields: Any) -> Event:
    """The line that ends it."""
    about = {"record": name, "sha256": SHA if name else None, "status": "completed", "outcome": "license_issued"}
    return event("run_ended", minute, **{**about, **fields})


def of(*events: Event, names: set[str] | None = None) -> list[Run]:
    """The runs of a ticket; the folder holds `names`, or else all records."""
    there = {event.record or "" for event in events} if names is None else names
    return runs_of(1001, History(events), there)


def test_a_run_is_one_row() -> None:
    """With all that its two lines tell."""
    (run,) = of(started(), ended(seconds=61.5, summary="done", missing=["plan"], to_note=True))
    assert run == Run(
        ticket_id=1001,
        state=State.SEALED,
        record=NAME,
        runbook="weekend_license",
        started_at=START,
        seconds=61.5,
        operator="grace",
        performed=True,
        status="completed",
        outcome="license_issued",
        summary="done",
        missing=("plan",),
        sha256=SHA,
        line=2,
        to_note=True,
    )


@pytest.mark.parametrize("seconds", [True, "1", None, float("inf"), float("nan"), 10**400, [1]])
def test_odd_seconds_are_no_number(seconds: object) -> None:
    """What cannot be shown or stored is taken for nothing."""
    assert [None] == [run.seconds for run in of(started(), ended(seconds=seconds))]


def test_two_runs_at_once_are_distinct() -> None:
    """By the record's name."""
    second = NAME.replace("100000", "100100")
    first, other = of(started(), started(second, 1), ended(second, 2, outcome="escalated"), ended(minute=3))
    assert ("license_issued", "escalated") == (first.outcome, other.outcome)


def test_a_run_without_a_record_is_unrecorded() -> None:
    """The end belongs to the run that has none yet."""
    (run,) = of(started(), ended(None, status="failed", outcome=None))
    assert (State.UNRECORDED, "failed", "") == (run.state, run.status, run.outcome)


def test_run_without_end_is_running_or_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within an hour it may be running; after that it is called interrupted."""

    class Clock(datetime):
        later = timedelta(minutes=59)

        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return START + cls.later

    monkeypatch.setattr(runs_module, "datetime", Clock)
    (run,) = of(Event({"kind": "run_started", "record": NAME, "at": START.isoformat()}))
    assert (State.RUNNING, "", False) == (run.state, run.status, run.needs_person)
    monkeypatch.setattr(Clock, "later", timedelta(minutes=61))
    (run,) = of(Event({"kind": "run_started", "record": NAME, "at": START.isoformat()}))
    assert (State.INTERRUPTED, "interrupted", True) == (run.state, run.status, run.needs_person)


def test_a_sealed_record_that_is_not_there_is_missing() -> None:
    """The folder's file names are enough to say so."""
    assert [State.MISSING] == [run.state for run in of(started(), ended(), names=set())]


def test_a_name_that_leads_elsewhere_is_no_record() -> None:
    """Even from a signed line nothing outside of the ticket's folder is looked at."""
    (run,) = of(started("../1002/x.ipynb"), ended("../1002/x.ipynb"))
    assert (None, State.UNRECORDED) == (run.record, run.state)


def test_an_adopted_notebook() -> None:
    """It has its own line, and its start by its name."""
    (run,) = of(event("record_adopted", record=NAME, sha256=SHA, operator="ada", runbook="weekend_license"))
    assert (State.ADOPTED, "ada", START) == (run.state, run.operator, run.started_at)


def test_an_open_operation_belongs_to_its_first_run() -> None:
    """Until its end is known."""
    intended = event("intended", operation_id="op-1")
    (run,) = of(started(), intended, event("unknown", operation_id="op-1"), ended())
    assert (("op-1",), True) == (run.unknown, run.needs_person)
    (run,) = of(started(), intended, event("answered", operation_id="op-1", there=True), ended())
    assert ((), False) == (run.unknown, run.needs_person)


@pytest.mark.parametrize(
    ("later", "open_end"),
    [
        ({}, False),
        ({"performed": False}, True),
        ({"runbook": "weekday_triage"}, True),
        ({"outcome": None}, True),
    ],
)
def test_a_later_run_settles_what_needed_an_answer(later: dict[str, Any], open_end: bool) -> None:
    """If it is of the same runbook, came to an outcome, and was performed if this one was."""
    second = NAME.replace("100000", "110000")
    begin = {name: value for name, value in later.items() if name != "outcome"}
    end = {name: value for name, value in later.items() if name == "outcome"}
    runs = of(
        started(), ended(status="needs_answer", outcome=None), started(second, 60, **begin), ended(second, 61, **end)
    )
    assert [open_end, False] == [run.needs_person for run in runs]


@pytest.mark.parametrize("status", ["failed", "timed_out", "killed", "cancelled", "of a newer version"])
def test_a_performed_run_that_failed_is_an_open_end(status: str) -> None:
    """Until a later one that was performed comes to an outcome; a rehearsal leaves nothing halfway."""
    failed = ended(status=status, outcome=None)
    second = NAME.replace("100000", "110000")
    rehearsed = (started(second, 60, performed=False), ended(second, 61))
    again = (started(second, 60), ended(second, 61, status="failed", outcome=None))
    performed = (started(second, 60), ended(second, 61))
    assert [True] == [run.needs_person for run in of(started(), failed)]
    assert [True, False] == [run.needs_person for run in of(started(), failed, *rehearsed)]
    assert [True, True] == [run.needs_person for run in of(started(), failed, *again)]
    assert [False, False] == [run.needs_person for run in of(started(), failed, *performed)]
    assert [False] == [run.needs_person for run in of(started(performed=False), failed)]


SECOND, THIRD = NAME.replace("100000", "110000"), NAME.replace("100000", "120000")


@pytest.mark.parametrize(("outcome", "whom"), [("waiting_for_customer", "customer"), ("escalated", "expert")])
def test_a_case_waits_until_a_later_run_ends_it(outcome: str, whom: str) -> None:
    """Since the first of the runs that ended so; a rehearsal changes nothing."""
    first = (started(), ended(outcome=outcome))
    again = (started(SECOND, 60), ended(SECOND, 61, outcome=outcome))
    rehearsed = (started(THIRD, 120, performed=False), ended(THIRD, 121))
    performed = (started(THIRD, 120), ended(THIRD, 121))
    (run,) = of(*first)
    assert (whom, START, True) == (run.waits_for, run.since, run.needs_person)
    assert [("", None), (whom, START)] == [(run.waits_for, run.since) for run in of(*first, *again)]
    assert [whom, ""] == [run.waits_for for run in of(*first, *rehearsed)]
    assert ["", ""] == [run.waits_for for run in of(*first, *performed)]


def test_what_was_handed_over_waits_for_the_next_runbook() -> None:
    """And hides nothing that waits; where the wrong runbook was begun, the right one may have ended before."""
    over = {"outcome": "out_of_scope", "next_runbook": "weekday_triage"}
    wrong = (started(SECOND, 60), ended(SECOND, 61, **over))
    right = {"runbook": "weekday_triage"}
    before = (started(**right), ended(outcome="escalated"))
    after = (started(THIRD, 120, **right), ended(THIRD, 121, status="failed", outcome=None))
    (run,) = of(*wrong)
    assert ("next_runbook", START + timedelta(hours=1), True) == (run.waits_for, run.since, run.needs_person)
    assert ["expert", ""] == [run.waits_for for run in of(*before, *wrong)]
    assert ["", ""] == [run.waits_for for run in of(*wrong, *after)]
    rehearsed = (started(SECOND, 60, performed=False), ended(SECOND, 61, **over))
    assert [""] == [run.waits_for for run in of(*rehearsed)]
    again = (started(SECOND, 60), ended(SECOND, 61, outcome=None, next_runbook="weekday_triage"))
    assert ["expert", "next_runbook"] == [run.waits_for for run in of(*before, *again)]


@pytest.mark.parametrize(
    ("outcome", "waits_for"),
    [("license_issued", "performing"), ("out_of_scope", ""), ("of a newer version", "performing")],
)
def test_a_rehearsal_waits_for_its_performing(outcome: str, waits_for: str) -> None:
    """The last one of a ticket that was never performed, if there would be something to do."""
    first, last = (
        (started(performed=False), ended()),
        (started(SECOND, 60, performed=False), ended(SECOND, 61, outcome=outcome)),
    )
    assert ["", waits_for] == [run.waits_for for run in of(*first, *last)]
    begun = started(THIRD, 120)
    assert {""} == {run.waits_for for run in of(*first, *last, begun)}


def test_what_a_case_with_an_outcome_could_not_do() -> None:
    """Stays open until it is done or a person says that it is; by whom is kept."""
    post = {"effect": "slack_post", "operation_id": "sandbox-1001-slack_post"}
    missed = (started(), event("not_done", **post, reason="not_in_channel"), ended())
    (run,) = of(*missed)
    assert (("sandbox-1001-slack_post",), True) == (run.undone, run.needs_person)
    later = (started(SECOND, 60), event("done", 61, **post), ended(SECOND, 62))
    assert [(), ()] == [run.undone for run in of(*missed, *later)]
    said = {
        "operation_id": post["operation_id"],
        "operator": "ada",
        "evidence": {"summary": "ada says that it is there"},
    }
    (run,) = of(*missed, event("answered", 2, **said, there=True))
    assert ((), ("slack_post: ada says that it is there",), False) == (run.undone, run.by_hand, run.needs_person)
    (run,) = of(*missed, event("answered", 2, **{**said, "evidence": None}, there=False))
    assert (("sandbox-1001-slack_post",), ("slack_post: ada says that it is not there",)) == (run.undone, run.by_hand)


@pytest.mark.parametrize(("answers", "undone"), [("y", ()), ("n", ()), ("yn", ("mail",)), ("yny", ()), ("ynr", ())])
def test_a_word_that_is_taken_back_is_an_open_end(answers: str, undone: tuple[str, ...]) -> None:
    """After the case has come to its outcome by it; a run that begins later has heard of it."""
    second, third = NAME.replace("T10", "T11"), NAME.replace("T10", "T12")
    lines = [started(), event("unknown", 1, operation_id="mail", effect="license_mail")]
    lines += [ended(minute=2, status="needs_answer", outcome=None)]
    lines += [event("answered", 3, operation_id="mail", there=answers[0] == "y")]
    lines += [started(second, 4), ended(second, 5)]
    for minute, word in enumerate(answers[1:], start=6):
        line = event("answered", minute, operation_id="mail", there=word == "y")
        lines += [started(third, minute), ended(third, minute)] if word == "r" else [line]
    first = of(*lines)[0]
    assert (undone, bool(undone)) == (first.undone, first.needs_person)


def test_the_note_of_a_record_is_no_open_end() -> None:
    """Every later run makes up for it."""
    missed = event("not_done", 2, effect="seal_note", operation_id="sandbox-1001-seal-x")
    assert [False] == [run.needs_person for run in of(started(), ended(), missed)]


def test_a_person_ends_a_case() -> None:
    """Whatever was open; a later run may open it again, and so may they."""
    open_ = (started(), event("intended", operation_id="sandbox-1001-reply"), ended(status="failed", outcome=None))
    said = {"operation_id": "sandbox-1001-case", "operator": "ada"}
    assert [True] == [run.needs_person for run in of(*open_)]
    assert [False] == [run.needs_person for run in of(*open_, event("answered", 5, **said, there=True))]
    undone = (event("answered", 5, **said, there=True), event("answered", 6, **said, there=False))
    assert [True] == [run.needs_person for run in of(*open_, *undone)]
    later = (started(SECOND, 60), ended(SECOND, 61, status="failed", outcome=None))
    assert [False, True] == [run.needs_person for run in of(*open_, event("answered", 5, **said, there=True), *later)]


def test_lines_of_another_kind_are_taken_for_nothing() -> None:
    """A line is signed, but it may be of another version."""
    (run,) = of(started(), ended(status=7, outcome=["x"], summary=None, missing="plan", performed="yes"))
    assert ("unknown", "", "", (), True) == (run.status, run.outcome, run.summary, run.missing, run.performed)


@pytest.mark.parametrize("at", ["", "yesterday", "2026-11-21T10:00:00", "0001-01-01T00:00:00+14:00", 7, None])
def test_a_moment_that_is_none(at: object) -> None:
    """When it was is unknown."""
    assert Event({"kind": "run_started", "at": at}).at is None


@pytest.mark.parametrize(
    ("name", "started_at", "runbook"),
    [
        (NAME, START, "weekend_license"),
        ("out.ipynb", None, ""),
        ("20269921T100000000Z-weekend_license.ipynb", None, "weekend_license"),
    ],
)
def test_a_stray_tells_by_its_name(name: str, started_at: datetime | None, runbook: str) -> None:
    """And is an open end: it is to be adopted or removed."""
    run = unsealed(1001, name)
    assert (State.UNSEALED, started_at, runbook, True) == (run.state, run.started_at, run.runbook, run.needs_person)


RUN = Run(1001, State.SEALED, NAME, "weekend_license", START, 1.0, "grace", True, "completed", "license_issued")


@pytest.mark.parametrize(
    ("wanted", "taken"),
    [
        (RunFilter(), True),
        (RunFilter(runbook="weekend_license", outcome="license_issued", status="completed", operator="grace"), True),
        (RunFilter(runbook="weekday_triage"), False),
        (RunFilter(outcome="escalated"), False),
        (RunFilter(status="failed"), False),
        (RunFilter(operator="ada"), False),
        (RunFilter(since=date(2026, 11, 21), until=date(2026, 11, 21)), True),
        (RunFilter(since=date(2026, 11, 22)), False),
        (RunFilter(until=date(2026, 11, 20)), False),
        (RunFilter(open_only=True), False),
    ],
)
def test_filters(wanted: RunFilter, taken: bool) -> None:
    """Each alone, and all together."""
    assert taken is wanted.matches(RUN)


def test_filters_of_unknown_values() -> None:
    """A run without a start is in no span of time; an open end is open."""
    assert not RunFilter(since=date(2026, 1, 1)).matches(replace(RUN, started_at=None))
    assert RunFilter(open_only=True).matches(replace(RUN, needs_person=True))


def test_plain_is_json() -> None:
    """Moments as text in UTC, lists as lists."""
    plain = replace(RUN, started_at=datetime(2026, 11, 21, 10, 0, tzinfo=UTC)).plain
    assert ("2026-11-21T10:00:00.000+00:00", "sealed", []) == (plain["started_at"], plain["state"], plain["missing"])


A, B = "a" * 16, "b" * 16
SPLIT = NAME.replace(".ipynb", f"-{A[:8]}.ipynb")


def begun(writer: str = A, **condition: bool) -> Event:
    return started(SPLIT, writer=writer)._replace(**condition)


def sealed(writer: str = B, minute: int = 1, **condition: bool) -> Event:
    return ended(SPLIT, minute, writer=writer)._replace(**condition)


@pytest.mark.parametrize(
    ("lines", "writer", "is_trusted"),
    [
        ([begun(), sealed()], B, True),
        ([sealed(), begun()], B, True),  # the clock went back when the key was lost
        ([begun(is_trusted=False), sealed()], B, True),
        ([begun(set_aside=True), sealed()], B, True),
        ([begun(set_aside=True), sealed(A, set_aside=True), sealed()], B, True),
        ([begun(is_trusted=False), sealed(is_trusted=False)], B, False),
        ([begun(is_trusted=False), sealed("c" * 16, is_trusted=False), sealed()], B, True),
    ],
    ids=["key changed", "clock back", "ring lost", "set aside", "sealed and set aside", "strangers", "trusted first"],
)
def test_run_that_two_keys_tell_of_is_one_row(lines: list[Event], writer: str, is_trusted: bool) -> None:
    """With its beginning by the one, its seal by the other, and both named."""
    run = of(*lines)[0]
    assert (State.SEALED, START, "grace", writer) == (run.state, run.started_at, run.operator, run.writer)
    assert {A, B} == set(run.writers)
    assert is_trusted == run.is_trusted
    assert 1 == sum(B in each.writers for each in of(*lines))


@pytest.mark.parametrize(
    "lines",
    [
        [begun(), sealed(A), sealed(B, 2)],
        [begun(), sealed(B), sealed(A, 2)],
        [begun(), sealed(is_trusted=False)],
        [begun(), sealed(is_unknown=True)],
        [begun("c" * 16, is_trusted=False), sealed()],
        [begun(), begun(B), sealed()],
    ],
    ids=["sealed by both", "sealed by another first", "stranger", "unknown", "stranger's beginning", "begun by both"],
)
def test_another_keys_word_is_a_run_of_its_own(lines: list[Event]) -> None:
    """It takes no seal's place, a stranger ends nothing, and a stranger's line begins nothing of another's."""
    assert [1, 1] == [len(run.writers) for run in of(*lines)]


def test_open_effect_of_the_second_key_is_of_the_run() -> None:
    """So that it shows as open; a later run by that key keeps its own."""
    effect = event("not_done", 1, effect="reply", operation_id="sandbox-1001-reply", writer=B)
    later = started(minute=5, writer=B)
    assert [("sandbox-1001-reply",), ()] == [run.undone for run in of(begun(), effect, sealed(minute=2), later)]
