"""The weekday decision tree as data, its traversal, and the meaning of Seat Link rows. Pure: no I/O, no clock.

Source: weekday seed, flowchart. The nodes have the chart's ids; `tests/domain/test_triage.py` compares questions,
edges and links with the chart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from runbook_lib.domain.models import Answer, Outcome, SeatLink, Source

START = "cdot"
"""The first question. The chart's title has no edge."""
SYNC_STARTS, SYNC_LAST, SYNC_ENDS = time(3), time(4, 59), time(5)
"""When instances report each day, UTC. Source: GitLab product documentation, subscription data synchronization."""
RETRY_HOURS = 17
"""About how long a failed report is retried. Source: as above."""
_FILE_HINT = "This is a license file. Only online cloud licenses sync, file licenses never sync. "
_OTHER_LICENSE = "The row must be of another license."
_NO_ROW_EXPECTED = "No row is to be expected, and the missing one says nothing about a renewal."
_KIND_UNKNOWN = "There is no row at all. Only online cloud licenses sync: check which kind of license this is."


class NodeKind(StrEnum):
    TITLE = "title"
    QUESTION = "question"
    LOOKUP = "lookup"
    END = "end"


@dataclass(frozen=True)
class Node:
    """One box of the chart.

    Attributes:
        id: Its id in the chart.
        words: Its text, reworded.
        kind: Title, question, look-up or end.
        link: The page that it names, or "".
        outcome: The outcome of the case there, or None.
    """

    id: str
    words: str
    kind: NodeKind
    link: str = ""
    outcome: Outcome | None = None


@dataclass(frozen=True)
class Edge:
    """One arrow; `answer` is None where nothing is asked."""

    start: str
    end: str
    answer: Answer | None = None


NODES = (
    Node("title", "A customer reports that their self-managed license has expired", NodeKind.TITLE),
    Node("cdot", "Does the person who opened the ticket have an account in CustomersDot?", NodeKind.QUESTION),
    Node("sub", "Does that CustomersDot account have access to the subscription information?", NodeKind.QUESTION),
    Node("l&r", "Engage the assistance of a License & Renewals expert", NodeKind.END, outcome=Outcome.ESCALATED),
    Node(
        "license",
        "Look for the license's subscription name on the CustomersDot account",
        NodeKind.LOOKUP,
        "https://customers.gitlab.com/admin/customer",
    ),
    Node(
        "seat_link",
        "Enter the subscription name on the Seat Link page of CustomersDot",
        NodeKind.LOOKUP,
        "https://customers.gitlab.com/admin/license_seat_link",
    ),
    Node("sub_status", "Is there an entry with the current date on the page?", NodeKind.QUESTION),
    Node(
        "all_good",
        "Likely the issue has resolved itself and no intervention is needed: confirm this with the customer",
        NodeKind.END,
        outcome=Outcome.RESOLVED_ITSELF,
    ),
)
EDGES = (
    Edge("cdot", "sub", Answer.YES),
    Edge("cdot", "l&r", Answer.NO),
    Edge("sub", "license", Answer.YES),
    Edge("sub", "l&r", Answer.NO),
    Edge("license", "seat_link"),
    Edge("seat_link", "sub_status"),
    Edge("sub_status", "all_good", Answer.YES),
    Edge("sub_status", "l&r", Answer.NO),
)
_BY_ID: Mapping[str, Node] = {node.id: node for node in NODES}


@dataclass(frozen=True)
class Reply:
    """The answer at one node.

    Attributes:
        node: The node's id.
        answer: The answer; for a lookup YES once it is done.
        source: Where the answer comes from.
        evidence: The observation that it is based on.
        differs: The contradicting observation of another source, or "".
    """

    node: str
    answer: Answer
    source: Source
    evidence: str
    differs: str = ""


@dataclass(frozen=True)
class Visit:
    """One node with its reply, if there is one, and whether it is on the path taken."""

    node: Node
    reply: Reply | None
    taken: bool


@dataclass(frozen=True)
class Path:
    """A path through the tree.

    Attributes:
        visits: The nodes taken, in order, then the others, in the chart's order.
        end: The end node that was reached, or None.
        open_at: The node whose answer is missing, or None.
    """

    visits: tuple[Visit, ...]
    end: Node | None
    open_at: Node | None

    @property
    def outcome(self) -> Outcome | None:
        return self.end.outcome if self.end else None


def walk(replies: Mapping[str, Reply]) -> Path:
    """Follow the edges as far as there are replies. UNKNOWN is no answer; a lookup needs YES."""
    taken: list[str] = []
    at: str | None = START
    node = _BY_ID[START]
    while at is not None:
        node = _BY_ID[at]
        taken.append(at)
        at = _next(node, replies.get(at))
    visits = [Visit(_BY_ID[name], replies.get(name), taken=True) for name in taken]
    visits += [Visit(one, None, taken=False) for one in NODES if one.id not in taken and one.kind is not NodeKind.TITLE]
    left = node.kind is NodeKind.END
    return Path(tuple(visits), node if left else None, None if left else node)


@dataclass(frozen=True)
class SeatLinkFacts:
    """The facts that the last question is decided by.

    Attributes:
        rows: The subscription's rows, in any order.
        opened_at: When the ticket was opened.
        emergency_on: The emergency's date, which is the "current date" of the question, UTC.
        looked_at: When the rows were read.
        cloud: Whether the license is an online cloud license; None if not known.
    """

    rows: tuple[SeatLink, ...]
    opened_at: datetime
    emergency_on: date
    looked_at: datetime
    cloud: bool | None = None


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


def _next(node: Node, reply: Reply | None) -> str | None:
    if node.kind is NodeKind.END or reply is None:
        return None
    if node.kind is NodeKind.LOOKUP:
        return next(edge.end for edge in EDGES if edge.start == node.id) if reply.answer is Answer.YES else None
    return next((edge.end for edge in EDGES if (edge.start, edge.answer) == (node.id, reply.answer)), None)


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
