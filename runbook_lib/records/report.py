"""A review's report as a page: where its links to records lead from there. Only reads.

The page is sent around, and only its links to tickets and issues lead somewhere from everywhere. A link to a record is
kept where it leads to something that travels with the page: the record's own page in the folder beside it, or the
record, if that lies in a folder below.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path
from urllib.parse import quote

from runbook_lib.records.reading import Record
from runbook_lib.run.intake import REVIEW

_LINK = re.compile(r'href="([^"]{1,1000}\.ipynb)"')
_PLACE = re.compile(r"(?:.*/)?([1-9][0-9]{0,17})/(\w[\w-]{0,199})\.ipynb", re.DOTALL)
"""A record's address ends in its ticket and its name, from wherever it is seen."""


def is_report(record: Record) -> bool:
    """Whether a notebook is what the review has left, which no runner has made."""
    return not record.manifest and any(step.get("runbook") == REVIEW for step in record.steps)


def pages_folder(page: Path) -> Path:
    """Where the pages of the records are that the report on a page lists."""
    return page.with_name(f"{page.stem}_records")


def record_pages(report: Record, page: Path, outputs: Path) -> Iterator[tuple[Path, Path]]:
    """The records that a report links and that are here, each once, with the page that it gets.

    Args:
        report: The report.
        page: The report's page.
        outputs: The profile's folder, with a folder for each ticket.
    """
    shown = (output.html for cell in report.cells for output in cell.outputs)
    for address in dict.fromkeys(one for html in shown for one in _LINK.findall(html)):
        if (found := _places(address, page, outputs)) and found[0].is_file():
            yield found


def link(address: str, page: Path, outputs: Path, written: Collection[Path]) -> str | None:
    """Where a report's link to a record leads from its page: to the record's page if it was just written, or None."""
    found = _places(address, page, outputs.resolve())
    if not found:
        return None
    record, own = found
    if own in written:
        return quote(own.relative_to(page.parent).as_posix())
    below = page.parent.resolve()
    is_near = record.is_file() and record.is_relative_to(below)
    return quote(record.relative_to(below).as_posix()) if is_near else None


def _places(address: str, page: Path, outputs: Path) -> tuple[Path, Path] | None:
    """The record that an address is of, and the page that it gets beside the report's."""
    place = _PLACE.fullmatch(address)
    return place and (outputs / place[1] / f"{place[2]}.ipynb", pages_folder(page) / f"{place[1]}-{place[2]}.html")


def lines(report: Record) -> list[str]:
    """What stands on top of a report: what verifying came to, and what the reader can do from here."""
    summaries = [step.get("summary") for step in report.steps if step.get("step") == "verification"]
    words = next((words for words in reversed(summaries) if isinstance(words, str)), "the records were not verified")
    more = "Tickets and issues are links. A record is read with `runbook records show TICKET`, where the records are."
    return [f"This report says: {words}", "It is no record itself, and nothing seals it.", more]
