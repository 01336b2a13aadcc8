"""A review's report as a page: its verdict on top, and links to the web alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.card_html import html
from runbook_lib.cli.main import main
from runbook_lib.display import STEP_MIME, Card, Link, Table, Tone
from tests.configuration import without_configuration
from tests.records.making import Shelf
from tests.records.test_page import tags

SENTENCE = "2 records of 1 engineer, all genuine; 2 not reviewed."


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    """Two sealed records below a folder that is the working one, too."""
    without_configuration(monkeypatch, tmp_path)
    monkeypatch.setenv("RUNBOOK_OUTPUTS", str(tmp_path / "outputs"))
    monkeypatch.chdir(tmp_path)
    made = Shelf(tmp_path / "outputs")
    made.seal(1001)
    made.seal(1002)
    return made


def write_report(path: Path, *links: str, **fields: Any) -> Path:
    """What papermill leaves of a review that links records, as its notebook has it."""
    rows = [(Link("1001", "https://team.zendesk.com/agent/tickets/1001"), Link("sealed", link)) for link in links]
    shown = html(Card("Runs", "listed", Tone.PLAIN, "PRACTICE", (Table(("ticket", "record"), rows),)))
    steps = [{"step": "runs"}, {"step": "verification", "summary": SENTENCE, "good": True, **fields}]
    outputs = [
        {"output_type": "display_data", "metadata": {}, "data": {STEP_MIME: {"runbook": "review_records", **step}}}
        for step in steps
    ]
    outputs[0]["data"]["text/html"] = shown
    cell = {"cell_type": "code", "id": "runs", "metadata": {}, "source": "review.runs()", "outputs": outputs}
    path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]}))
    return path


@pytest.mark.parametrize(
    "address",
    [
        "../../../etc/1001/passwd.ipynb",
        "javascript:alert(1)//1001/x.ipynb",
        "outputs/sandbox/1001/20261121T093000123Z-weekend_license.ipynb",
        "file:///etc/1001/x.ipynb",
    ],
)
def test_only_links_to_the_web_are_kept(shelf: Shelf, tmp_path: Path, address: str) -> None:
    """A link to a record would be dead where the page is sent to; and a report may have been forged."""
    report, page = write_report(tmp_path / "report.ipynb", address), tmp_path / "page.html"
    assert 0 == main(["records", "show", str(report), "--html", str(page)])
    found = [about.get("href") for tag, about in tags(page.read_text(encoding="utf-8")) if tag == "a"]
    assert ["https://team.zendesk.com/agent/tickets/1001"] == [href for href in found if href]


@pytest.mark.parametrize(
    ("fields", "first", "tone"),
    [
        ({}, SENTENCE, Tone.PLAIN),
        ({"good": False, "summary": "1 defect."}, "1 defect.", Tone.STOP),
        ({"step": "open"}, "the records were not verified", Tone.PLAIN),
        ({"summary": 7, "good": "yes"}, "the records were not verified", Tone.STOP),
    ],
)
def test_verdict_is_on_top(shelf: Shelf, tmp_path: Path, fields: dict[str, Any], first: str, tone: Tone) -> None:
    """What verifying came to is the first that a reader sees, and then that nothing vouches for the report."""
    report, page = write_report(tmp_path / "report.ipynb", **fields), tmp_path / "page.html"
    assert 0 == main(["records", "show", str(report), "--html", str(page)])
    content = page.read_text(encoding="utf-8")
    box = content.split('class="verdict"')[1].split("</div></div>")[0]
    assert f'style="border-color:{tone.value}"><div>This report says: {first}</div>' in box
    assert "nothing seals it" in box
