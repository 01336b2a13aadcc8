"""The weekday decision tree as data, its traversal, and the meaning of Seat Link rows. Pure: no I/O, no clock.

Source: weekday seed, flowchart. The nodes have the chart's ids; `tests/domain/test_triage.py` compares questions and
arrows with the chart, and its links with the pages of `customersdot`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from runbook_lib.domain.models import Answer, Outcome, SeatLink, Source

SYNC_STARTS, SYNC_LAST, SYNC_ENDS = time(3), time(4, 59), time(5)
"""When instances report each day, UTC. Source: GitLab product documentation, subscription data synchronization."""
RETRY_HOURS = 17
"""About how long a failed report is retried. Source: as above."""
_FILE_HINT = "This is a license file. Only online cloud licenses sync, file licenses never sync. "
_OTHER_LICENSE = "The row must be of another license."
_NO_ROW_EXPECTED = "No row is to be expected, and the missing one says nothing about a renewal."
_KIND_UNKNOWN = "There is no row at all. Only online cloud licenses sync: check which kind of license this is."


class NodeKind(StrEnum):
    QUESTION = "question"
    LOOKUP = "lookup"
    END = "end"


@dataclass(frozen=True)
class Node:
    """One box of the chart."""

    id: str  # its id in the chart
    words: str  # its text, reworded
    kind: NodeKind
    outcome: Outcome | None = None  # the outcome of the case there, or None


EXPERT = Node("l&r", "Engage the assistance of a License & Renewals expert", NodeKind.END, outcome=Outcome.ESCALATED)
RESOLVED = Node(
    "all_good",
    "Likely the issue has resolved itself and no intervention is needed: confirm this with the customer",
    NodeKind.END,
    outcome=Outcome.RESOLVED_ITSELF,
)
NODES = (
    Node("cdot", "Does the person who opened the ticket have an account in CustomersDot?", NodeKind.QUESTION),
    Node("sub", "Does that CustomersDot account have access to the subscription information?", NodeKind.QUESTION),
    EXPERT,
    Node("license", "Look for the license's subscription name on the CustomersDot account", NodeKind.LOOKUP),
    Node("seat_link", "Enter the subscription name on the Seat Link page of CustomersDot", NodeKind.LOOKUP),
    Node("sub_status", "Is there an entry with the current date on the page?", NodeKind.QUESTION),
    RESOLVED,
)
"""The chart's boxes, from top to bottom. A *no* leads to `EXPERT`, each other answer to the next one that is no end."""


@dataclass(frozen=True)
class Reply:
    """The answer at one node."""

    node: str
    answer: Answer  # the answer; for a lookup YES once it is done
    source: Source
    evidence: str  # the observation that it is based on
    differs: str = ""  # the contradicting observation of another source, or ""


@dataclass(frozen=True)
class Visit:
    """One node with its reply, if there is one, and whether it is on the path taken."""

    node: Node
    reply: Reply | None
    taken: bool


@dataclass(frozen=True)
class Path:
    """A path through the tree."""

    visits: tuple[Visit, ...]  # the nodes taken, in order, then the others, in the chart's order
    end: Node | None  # the end node that was reached, or None
    open_at: Node | None  # the node whose answer is missing, or None

    @property
    def outcome(self) -> Outcome | None:
        return self.end.outcome if self.end else None


def walk(replies: Mapping[str, Reply]) -> Path:
    """Go down the chart as far as there are replies. UNKNOWN is no answer; a lookup needs YES."""
    taken: list[Node] = []
    for node in NODES:
        if node is EXPERT:
            continue
        taken.append(node)
        answer = replies[node.id].answer if node.id in replies else Answer.UNKNOWN
        if answer is Answer.NO and node.kind is NodeKind.QUESTION:
            taken.append(EXPERT)
        if answer is not Answer.YES:
            break
    visits = [Visit(node, replies.get(node.id), taken=True) for node in taken]
    visits += [Visit(node, None, taken=False) for node in NODES if node not in taken]
    last = taken[-1]
    return Path(tuple(visits), last, None) if last.kind is NodeKind.END else Path(tuple(visits), None, last)


@dataclass(frozen=True)
class SeatLinkFacts:
    """The facts that the last question is decided by."""

    rows: tuple[SeatLink, ...]  # the subscription's rows, in any order
    opened_at: datetime
    emergency_on: date  # the emergency's date, which is the "current date" of the question, UTC
    looked_at: datetime
    cloud: bool | None = None  # whether the license is an online cloud license; None if not known


def current_rows(facts: SeatLinkFacts) -> tuple[SeatLink, ...]:
    """The rows of the current date, newest first.

    A row counts by the day it was received, since its report is usually of the previous day. If the rows are read
    after the emergency's date, only those received after the ticket was opened count.
    """
    return tuple(row for row in _newest_first(facts.rows) if _counts(row, facts))


def entry_ruling(facts: SeatLinkFacts) -> tuple[Answer, str]:
    """Whether there is an entry with the current date, and why. Source: weekday seed, flowchart."""
    found = current_rows(facts)
    if found:
        words = f"received {_at(found[0].created_at)} from {found[0].hostname or 'an instance without a name'}"
        return Answer.YES, words
    if facts.rows:
        newest = _at(_newest_first(facts.rows)[0].created_at)
        count = len(facts.rows)
        return Answer.NO, f"the {f'newest of {count} rows' if count > 1 else 'only row'} was received {newest}"
    return Answer.NO, "the page shows no row for this subscription"


def row_hints(row: SeatLink, facts: SeatLinkFacts) -> str:
    received = _day(row.created_at)
    days = (facts.emergency_on - received).days
    if _counts(row, facts):
        when = "received on the emergency's date" if days == 0 else "received after the emergency's date"
        return f"{when}: counts{_report_words(row)}"
    if days <= 0:
        return "received before the ticket was opened, and today is a later day: does not count"
    return f"received {'the day' if days == 1 else f'{days} days'} before the emergency's date: does not count"


def hints(facts: SeatLinkFacts) -> tuple[str, ...]:
    """Comments on these rows for the engineer. `entry_ruling` decides."""
    found = current_rows(facts)
    lines = []
    if facts.cloud is False:
        lines.append(_FILE_HINT + (_OTHER_LICENSE if found else _NO_ROW_EXPECTED))
    elif not facts.rows and facts.cloud is None:
        lines.append(_KIND_UNKNOWN)
    if not found and facts.cloud is not False:
        lines.append(_sync_hint(facts))
    lines.append(_instances_hint(facts))
    if found:
        lines.append("A row proves contact on that day, not a renewal: let the customer confirm.")
    lines.append(_later_hint(facts))
    return tuple(hint for hint in lines if hint)


def _counts(row: SeatLink, facts: SeatLinkFacts) -> bool:
    if _day(row.created_at) < facts.emergency_on:
        return False
    looked_later = _day(facts.looked_at) > facts.emergency_on
    return row.created_at >= facts.opened_at if looked_later else True


def _report_words(row: SeatLink) -> str:
    """A comment on a report that is of an earlier day than its row; usually it is one day."""
    if row.report_at is None or _day(row.report_at) >= _day(row.created_at):
        return ""
    if _day(row.created_at) - _day(row.report_at) == timedelta(days=1):
        return "; its report is of the day before, as usual"
    return f"; its report is of {_day(row.report_at)}"


def _sync_hint(facts: SeatLinkFacts) -> str:
    """Before the daily sync has ended, a missing row may be normal."""
    moments = [moment.astimezone(UTC) for moment in (facts.opened_at, facts.looked_at)]
    early = [m for m in moments if m.date() == facts.emergency_on and m.time() < SYNC_ENDS]
    if not early:
        return ""
    return (
        f"At {early[0]:%H:%M} UTC a missing row is still normal: instances sync from {SYNC_STARTS:%H:%M} to "
        f"{SYNC_LAST:%H:%M} UTC, and retry for about {RETRY_HOURS} hours. Look again after "
        f"{SYNC_ENDS:%H:%M} UTC, also while the expert works."
    )


def _instances_hint(facts: SeatLinkFacts) -> str:
    """Several instances may use one subscription, and the one that is down need not be the one that synced.

    A copy of an instance may have the same id under another hostname, so both identify an instance.
    """
    newest: dict[tuple[str, str], SeatLink] = {}
    for row in _newest_first(facts.rows):
        newest.setdefault((row.instance_id, row.hostname), row)
    if len(newest) < 2:
        return ""
    named = [f"{row.hostname or 'one without a name'} (last {_day(row.created_at)})" for row in newest.values()]
    return (
        f"{len(named)} instances use this subscription: {', '.join(named)}. Contact with one does not prove that the "
        "one which is down has synced: ask which of them the ticket is about."
    )


def _later_hint(facts: SeatLinkFacts) -> str:
    """Which date counts, if the rows are read on a later day than the emergency's and none is of that."""
    today = _day(facts.looked_at)
    of_the_day = [row for row in current_rows(facts) if _day(row.created_at) == facts.emergency_on]
    if today <= facts.emergency_on or not facts.rows or of_the_day:
        return ""
    newest = _day(_newest_first(facts.rows)[0].created_at)
    counts = f"The emergency's date counts, {facts.emergency_on}."
    return f"Today is {today}, and the newest row is of {newest}. {counts}"


def _newest_first(rows: tuple[SeatLink, ...]) -> list[SeatLink]:
    return sorted(rows, key=lambda row: row.created_at, reverse=True)


def _day(moment: datetime) -> date:
    return moment.astimezone(UTC).date()


def _at(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
