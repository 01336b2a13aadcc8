"""The fold from a journal's lines to a ticket's history."""

from __future__ import annotations

from typing import Any

import pytest

from runbook_lib.domain.events import EFFECTS, Event, EventKind, History

RECORD, SECOND = "20261121T100000000Z-weekend_license.ipynb", "20261121T110000000Z-weekend_license.ipynb"
REPLY = "sandbox-1001-reply"


def line(kind: str, minute: int = 0, writer: str = "a", **fields: Any) -> dict[str, Any]:
    """A line of some minute."""
    return {"n": minute + 1, "at": f"2026-11-21T10:{minute:02}:00+00:00", "kind": kind, "writer": writer, **fields}


def began(minute: int = 0, record: str = RECORD, writer: str = "a", *, performed: bool = True) -> dict[str, Any]:
    """The line that begins a run."""
    fields = {"record": record, "runbook": "weekend_license", "performed": performed}
    return line("run_started", minute, writer, **fields)


def effect(kind: str, minute: int = 0, writer: str = "a", **fields: Any) -> dict[str, Any]:
    """A line on the reply."""
    return line(kind, minute, writer, operation_id=REPLY, effect="public_reply", **fields)


def test_a_run_has_its_cells_and_effects() -> None:
    """Effects name no run: they are of the performing run that their writer began last."""
    cell = line("cell_started", 1, record=RECORD, cell="scope")
    end = line("run_ended", 4, record=RECORD, sha256="f" * 64)
    history = History.of([began(), cell, effect("intended", 2), effect("done", 3), end])
    (run,) = history.runs.values()
    assert (["scope"], ["intended", "done"]) == ([e.text("cell") for e in run.cells], [e.kind for e in run.effects])
    assert (end, ["done"]) == (run.end and run.end.entry, [event.kind for event in run.last_effects])


def test_a_rehearsal_has_no_effects() -> None:
    """They stay with the performing run, which still goes on."""
    history = History.of([began(), began(1, SECOND, performed=False), effect("intended", 2)])
    assert [1, 0] == [len(run.effects) for run in history.runs.values()]
    assert [history.runs[RECORD]] == history.performing_runs


def test_an_end_without_a_record_is_of_the_last_open_run() -> None:
    """Of the same writer."""
    history = History.of([began(), began(1, SECOND, "b"), line("run_ended", 2, record=None)])
    assert [True, False] == [run.end is not None for run in history.runs.values()]


@pytest.mark.parametrize(
    ("lines", "is_open", "is_answerable"),
    [
        ([("intended", "a")], True, True),
        ([("intended", "a"), ("done", "a")], False, False),
        ([("intended", "a"), ("not_done", "a")], False, True),
        ([("intended", "a"), ("unknown", "a")], True, True),
        ([("intended", "a"), ("not_done", "b")], True, True),
        ([("intended", "a"), ("done", "b")], False, False),
        ([("intended", "a"), ("answered", "b")], False, True),
        ([("answered", "b"), ("intended", "a")], True, True),
        ([("adopted", "a")], False, False),
        ([("something_new", "a")], False, False),
    ],
)
def test_how_an_operation_stands(lines: list[tuple[str, str]], is_open: bool, is_answerable: bool) -> None:
    """What one writer did not do says nothing of another's attempt; that it is there, or an answer, is for all."""
    history = History.of(effect(kind, minute, writer) for minute, (kind, writer) in enumerate(lines))
    assert ([REPLY] * is_open, [REPLY] * is_answerable) == (history.open_operations, history.answerable)


def test_a_person_ends_the_case_and_takes_it_back() -> None:
    """The last word counts."""
    ended = line("answered", 1, operation_id="sandbox-1001-case", there=True)
    assert History.of([ended]).case_ended
    assert not History.of([ended, {**ended, "there": False}]).case_ended


@pytest.mark.parametrize("odd", [None, 7, [], {}, "x", float("nan"), True])
def test_odd_values_count_as_absent(odd: object) -> None:
    """No field of any kind of line makes the fold fail."""
    names = ("record", "at", "writer", "runbook", "seconds", "missing", "evidence", "operation_id", "there", "n")
    history = History.of({"kind": kind, **dict.fromkeys(names, odd)} for kind in [*EventKind, odd])
    found = [(e.at, e.record, e.seconds, e.missing, e.evidence, e.number, e.effect) for e in history.events]
    assert len(EventKind) + 1 == len(found)


def test_every_kind_of_effect_has_its_words() -> None:
    """For the timeline, and for the reader who watches the run."""
    words = {"effect": "reply", "operator": "grace", "place": "there"}
    assert all("reply" in meaning.timeline.format(**words) and meaning.progress for meaning in EFFECTS.values())
    assert {"intended", "unknown"} == {kind for kind in EFFECTS if Event({"kind": kind}).is_open}
