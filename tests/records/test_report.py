"""A review's report as a page: its verdict on top, and links that lead somewhere from where the page is opened."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from runbook_lib.card_html import html
from runbook_lib.cli.main import main
from runbook_lib.display import MIME, Card, Link, Table, Tone
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
        {"output_type": "display_data", "metadata": {}, "data": {MIME: {"runbook": "review_records", **step}}}
        for step in steps
    ]
    outputs[0]["data"]["text/html"] = shown
    cell = {"cell_type": "code", "id": "runs", "metadata": {}, "source": "review.runs()", "outputs": outputs}
    path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]}))
    return path


def hrefs(page: Path) -> list[str]:
    """Where a page's links lead, but to the web."""
    found = [about.get("href") or "" for tag, about in tags(page.read_text(encoding="utf-8")) if tag == "a"]
    return [href for href in found if href and not href.startswith("https://")]


def addresses(shelf: Shelf) -> list[str]:
    """The records as the review's notebook links them from the working folder."""
    return [f"outputs/sandbox/{path.parent.name}/{path.name}" for path in sorted(shelf.outputs.rglob("*.ipynb"))]


def test_pages_of_the_records_stand_beside_the_report(shelf: Shelf, tmp_path: Path) -> None:
    """They go along with it: each link leads to the page of its record, which was verified first."""
    folder = tmp_path / "to send"
    folder.mkdir()
    report, page = write_report(tmp_path / "report.ipynb", *addresses(shelf)), folder / "week 48.html"
    assert 0 == main(["records", "show", str(report), "--html", str(page), "--with-records"])
    found = [folder / unquote(href) for href in hrefs(page)]
    assert 2 == len(found)
    assert all("Verified: sealed and unaltered." in path.read_text(encoding="utf-8") for path in found)
    assert "https://team.zendesk.com/agent/tickets/1001" in page.read_text(encoding="utf-8")


def test_old_pages_need_force_and_are_not_linked(shelf: Shelf, tmp_path: Path) -> None:
    """What they say may not be so any more. A record has no pages of records, and text none either."""
    folder = tmp_path / "mail"
    folder.mkdir()
    report, page = write_report(tmp_path / "report.ipynb", *addresses(shelf)), folder / "page.html"
    words = ["records", "show", str(report), "--html", str(page)]
    assert 0 == main([*words, "--with-records"])
    page.unlink()
    assert 2 == main([*words, "--with-records"])
    assert 0 == main(words)
    assert [] == hrefs(page)
    assert 0 == main([*words, "--with-records", "--force"])
    assert 2 == len(hrefs(page))
    assert 2 == main(["records", "show", str(report), "--with-records"])
    assert 2 == main(["records", "show", "1001", "--html", str(folder / "b.html"), "--with-records"])


def test_link_to_a_record_that_does_not_travel_along_is_none(shelf: Shelf, tmp_path: Path) -> None:
    """Where the page stands above the records it leads to them, elsewhere it would be dead."""
    folder = tmp_path / "mail"
    folder.mkdir()
    report = write_report(tmp_path / "report.ipynb", *addresses(shelf))
    for page, links in ((folder / "page.html", []), (tmp_path / "page.html", addresses(shelf))):
        assert 0 == main(["records", "show", str(report), "--html", str(page)])
        assert links == hrefs(page)


@pytest.mark.parametrize(
    "address",
    [
        "../../../etc/1001/passwd.ipynb",
        "javascript:alert(1)//1001/x.ipynb",
        "outputs/sandbox/1001/..ipynb",
        "outputs/sandbox/9999/gone.ipynb",
        "outputs/sandbox/.keys/x.ipynb",
        "file:///etc/1001/x.ipynb",
    ],
)
def test_address_of_no_record_is_no_link(shelf: Shelf, tmp_path: Path, address: str) -> None:
    """A report may have been forged: an address counts only as a ticket's number and a record's name."""
    report, page = write_report(tmp_path / "report.ipynb"), tmp_path / "page.html"
    cell = json.loads(report.read_text())
    cell["cells"][0]["outputs"][0]["data"]["text/html"] = f'<a href="{address}">x</a>'
    report.write_text(json.dumps(cell))
    assert 0 == main(["records", "show", str(report), "--html", str(page), "--with-records"])
    assert [] == hrefs(page)
    assert not (tmp_path / "page_records").exists()


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
