"""How a record begins."""

from __future__ import annotations

from typing import Any

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from runbook_lib.display import text
from runbook_lib.run import banner

HOSTILE = "<script>alert(1)</script>"


def manifest(**changes: Any) -> dict[str, Any]:
    """What a performed run says of itself."""
    return {
        "ticket_id": 1001,
        "runbook": "weekend_license",
        "profile": "sandbox",
        "operator": "ada",
        "performed": True,
        "status": "completed",
        "outcome": "license_issued",
        "summary": "10-day Ultimate trial for 250 users.",
        "started_at": "2026-11-21T09:04:00.000+00:00",
        "ended_at": "2026-11-21T09:05:00.000+00:00",
        "missing": [],
        "facts": [{"name": "plan", "value": "premium", "source": "license_file", "detail": ""}],
        "effects": [
            {"name": "post", "state": "done", "summary": "post in #team", "evidence": {"summary": "message 7"}},
        ],
        **changes,
    }


def shown(**changes: Any) -> str:
    """The banner as text, without its lines."""
    return " ".join(text(banner.banner(manifest(**changes))).split())


def test_it_says_who_when_how_and_on_what() -> None:
    words = shown()
    for expected in (
        "[License issued] RECORD of ticket 1001, weekend_license (PRACTICE · performed)",
        "ada",
        "2026-11-21 09:04 to 09:05 UTC",
        "License file: Plan premium",
        "post in #team: message 7",
        "nothing",
        "runbook records verify 1001",
    ):
        assert expected in words


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"outcome": "waiting_for_customer"}, "what is open the customer's answer"),
        ({"outcome": "escalated"}, "what is open the work of the expert"),
        ({"outcome": "out_of_scope", "next_runbook": "weekday_triage"}, "what is open goes on with weekday_triage"),
        ({"outcome": "escalated", "performed": False}, "what is open nothing"),
        ({"performed": False}, "[Would end: License issued] RECORD"),
        ({"profile": "live"}, "(LIVE · performed)"),
        ({"status": "killed", "outcome": None}, "[Killed] RECORD"),
        ({"status": "failed", "outcome": None}, "what is open this run has no outcome; how the ticket stands: "),
        ({"status": "needs_answer", "outcome": None}, "what is open this run has no outcome"),
        ({"status": "needs_answer", "outcome": None, "missing": ["plan"]}, "to be answered: Plan"),
        ({"status": "needs_answer", "outcome": None, "missing": ["plan", "escalate"]}, "Plan; or: Engage an expert"),
        (
            {"effects": [{"name": "post", "state": "unavailable", "summary": "post in #team", "evidence": None}]},
            "Unavailable: post in #team",
        ),
        ({"started_at": "2026-11-21T23:59:00.000+00:00", "ended_at": "2026-11-22T00:01:00.000+00:00"}, "2026-11-22"),
    ],
)
def test_open_points_are_named(changes: dict[str, Any], expected: str) -> None:
    """A rehearsal, a run that ended early, an open question, an effect that failed."""
    assert expected in shown(**changes)


def test_what_an_earlier_run_made_is_told_apart() -> None:
    """It is no evidence of this run; what was found there, the run has looked at itself."""
    names = ("post", "reply", "assignment")
    effects = [
        {"name": name, "state": state, "summary": name, "evidence": {"summary": f"{name} 7"}, **run}
        for name, state, run in zip(
            names,
            ("done", "already_done", "adopted"),
            ({}, {"run": "20261121T090359123Z-weekend_license-1.ipynb"}, {}),
            strict=True,
        )
    ]
    words = shown(effects=effects)
    own = "evidence of each change post: post 7 assignment: assignment 7, found there"
    assert f"{own} made by an earlier run of 2026-11-21 09:03 UTC: reply: reply 7 what is open" in words


def test_a_page_of_the_run_has_words() -> None:
    """The summary names the tracker's issue by its address; the page of the record has a link."""
    page, other = "https://git.example/a/b/-/issues/2", "https://git.example/customer/-/issues/2"
    notebook = new_notebook(cells=[])
    banner.add(notebook, manifest(summary=f"Issued. {page}, not {other}"), [page])
    shown = notebook.cells[0].outputs[0]["data"]
    assert f'href="{page}"' in shown["text/html"]
    assert f'href="{other}"' not in shown["text/html"]
    assert ">issue 2<" in "".join(shown["text/html"].split("<bdi>")).replace("</bdi>", "<")
    assert page in shown["text/plain"]


def test_it_stands_on_top_and_instructions_are_folded() -> None:
    """Text of a customer is text."""
    parameters = new_code_cell("plan = 'unknown'", id="x", metadata={"tags": ["injected-parameters"]})
    cells = [new_markdown_cell("# What", id="opening"), parameters, new_code_cell("case.close()", id="close")]
    notebook = new_notebook(cells=cells)
    banner.add(notebook, manifest(summary=HOSTILE))
    assert [banner.CELL, "opening", "x", "close"] == [cell.id for cell in notebook.cells]
    assert [True, True, True, False] == ["jupyter" in cell.metadata for cell in notebook.cells]
    assert HOSTILE not in notebook.cells[0].outputs[0]["data"]["text/html"]


def test_a_page_names_questions_by_their_labels() -> None:
    """In a terminal they are parameters."""
    notebook = new_notebook(cells=[new_code_cell("case.close()")])
    banner.add(notebook, manifest(summary="Run again and pass expires_on and user_count."))
    shown = notebook.cells[0].outputs[0].data
    assert "pass expires_on and user_count" in shown["text/plain"]
    assert "“Expired on” and “User count”" in shown["text/html"]
    assert "expires_on" not in shown["text/html"]
