"""The weekday decision tree: the chart of the seed and no other, every way through it, and what Seat Link rows mean."""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path

import pytest

from runbook_lib.clients.customersdot import ACCOUNTS, SEAT_LINKS, list_page
from runbook_lib.domain import triage
from runbook_lib.domain.models import Answer, Outcome, SeatLink, Source
from runbook_lib.domain.triage import EXPERT, NODES, NodeKind, Reply, SeatLinkFacts, entry_ruling, row_hints, walk

TEMPLATE = Path(__file__).parents[2] / "notebooks/weekday_triage.ipynb"
SEED = (Path(__file__).parents[1] / "data/seeds/weekday.txt").read_text(encoding="utf-8")
YES, NO, UNKNOWN = Answer.YES, Answer.NO, Answer.UNKNOWN
IN_ORDER = ("cdot", "sub", "license", "seat_link", "sub_status")
"""The chart from top to bottom, as long as every answer is yes."""
PAGES = {"license": ACCOUNTS, "seat_link": SEAT_LINKS}
"""The list of CustomersDot that a person is sent to, by the chart's node that links it."""
TITLE = "A customer reports that their self-managed license has expired"


def arrows() -> list[tuple[str, Answer | None, str]]:
    """Where `walk` goes from each node: by each answer to a question, or from a lookup."""
    found: list[tuple[str, Answer | None, str]] = []
    for place, name in enumerate(IN_ORDER):
        node = next(node for node in NODES if node.id == name)
        before = {one: Reply(one, YES, Source.ENGINEER, "") for one in IN_ORDER[:place]}
        for answer in (YES, NO) if node.kind is NodeKind.QUESTION else (YES,):
            path = walk({**before, name: Reply(name, answer, Source.ENGINEER, "")})
            after = [visit.node.id for visit in path.visits if visit.taken][place + 1]
            found.append((name, answer if node.kind is NodeKind.QUESTION else None, after))
    return found


# -- the chart of the seed


@dataclass(frozen=True)
class Chart:
    """A mermaid flowchart, read: labels by node, and arrows (start, answer, end)."""

    labels: dict[str, str]
    edges: list[tuple[str, Answer | None, str]]


def chart_of(seed: str) -> Chart:
    """Read the flowchart; a box that says Yes or No is the answer on an arrow and no node of its own."""
    (source,) = re.findall(r"```mermaid\nflowchart TB\n(.*?)```", seed, re.DOTALL)
    lines = [line.strip() for line in source.splitlines() if line.strip()]
    labels = {}
    for line in (line for line in lines if "-->" not in line):
        name, label = re.fullmatch(r"([\w&]+)(?:[\[(](.*)[\])])?", line).groups()  # type: ignore[union-attr]
        labels.setdefault(name, re.sub("<.*?>", "", label or "").strip('"'))
    arrows = [line.split(" --> ") for line in lines if "-->" in line]
    edges: dict[str, tuple[str, Answer]] = {}
    for start, end in arrows:
        if box := re.fullmatch(r"(\w+)\[(Yes|No)\]", end):
            edges[box[1]] = (start, Answer(box[2].lower()))
    plain = [(start, end) for start, end in arrows if not end.endswith("]")]
    return Chart(labels, [(*edges.get(start, (start, None)), end) for start, end in plain])


STOP_WORDS = {
    *("a", "an", "and", "any", "are", "be", "by", "can", "does", "for", "from", "has", "have", "if", "in", "is", "it"),
    *("its", "of", "on", "or", "sure", "that", "the", "their", "there", "this", "to", "was", "who", "will", "with"),
}
SYNONYMS = {"l&r": "license renewals", "cdot": "customersdot", "sme": "expert"}
NEGATIONS = {"no", "not", "without", "never", "none"}
DECISIVE = {
    "cdot": {"person", "ticket", "account", "customersdot"},
    "sub": {"account", "access", "subscription"},
    "sub_status": {"entry", "current", "date"},
}
"""The nouns on which a question turns: they must be in both wordings."""


def stems(words: str) -> set[str]:
    """The content words of a label: links, endings and stop words away, abbreviations spelled out."""
    bare = re.sub(r"\(?https://\S+", "", words.lower()).replace("'s", "")
    spelled = " ".join(SYNONYMS.get(word, word) for word in re.findall(r"[a-z&-]+", bare))
    found = re.findall(r"[a-z-]+", spelled)
    return {re.sub("(ing|ed|s)$", "", word) for word in found if word not in STOP_WORDS}


def meaning_differences(name: str, theirs: str, ours: str) -> list[str]:
    """How two wordings differ in meaning: content words either way, decisive nouns, and negations."""
    a, b = stems(theirs), stems(ours)
    found = []
    if not a or not b or min(len(a & b) / len(a), len(a & b) / len(b)) < 0.6:
        found.append(f"{name}: words differ: {sorted(a ^ b)}")
    decisive = {stem for noun in DECISIVE.get(name, ()) for stem in stems(noun)}
    if decisive - (a & b):
        found.append(f"{name}: decisive words missing: {sorted(decisive - (a & b))}")
    if a & NEGATIONS != b & NEGATIONS:
        found.append(f"{name}: one is negated")
    return found


def differences(seed: str) -> list[str]:
    """Everything in which the seed's chart and our tree differ."""
    chart = chart_of(seed)
    ours = arrows()
    found = [f"edge only in the chart: {edge}" for edge in chart.edges if edge not in ours]
    found += [f"edge only here: {edge}" for edge in ours if edge not in chart.edges]
    if len(set(ours)) != len(ours) or len(set(chart.edges)) != len(chart.edges):
        found.append("an edge twice")
    nodes = {node.id: node for node in NODES}
    found += [f"node of one only: {name}" for name in sorted(chart.labels.keys() ^ {"title", *nodes})]
    found += meaning_differences("title", chart.labels["title"], TITLE)
    for name in chart.labels.keys() & nodes.keys():
        label, node = chart.labels[name], nodes[name]
        if label.endswith("?") is not (node.kind is NodeKind.QUESTION):
            found.append(f"{name}: question or not")
        pages = [list_page("https://customers.gitlab.com", PAGES[name], "").partition("?")[0]] if name in PAGES else []
        if re.findall(r'https://[^\s)"]+', label) != pages:
            found.append(f"{name}: link differs")
        found += meaning_differences(name, label, node.words)
    return found


def test_the_tree_is_the_chart_of_the_seed() -> None:
    """Nodes, questions, arrows with their answers, links, and the meaning of the words."""
    chart = chart_of(SEED)
    assert (8, 8) == (len(chart.labels), len(chart.edges))
    assert ["cdot", "sub", "sub_status"] == [name for name, label in chart.labels.items() if label.endswith("?")]
    assert [] == differences(SEED)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("yes1 --> sub\n", "yes1 --> l&r\n", "edge only in the chart: ('cdot', <Answer.YES: 'yes'>, 'l&r')"),
        ("no3 --> l&r", "no3 --> all_good", "edge only here: ('sub_status', <Answer.NO: 'no'>, 'l&r')"),
        ("license --> seat_link", "seat_link --> license", "edge only here: ('license', None, 'seat_link')"),
        ("sub --> no2[No]", "sub --> no2[Yes]", "edge only here: ('sub', <Answer.NO: 'no'>, 'l&r')"),
        ("    yes3 --> all_good\n", "", "edge only here: ('sub_status', <Answer.YES: 'yes'>, 'all_good')"),
        ("    title\n", "    title --> cdot\n", "edge only in the chart: ('title', None, 'cdot')"),
        ("    seat_link --> sub_status\n", "    seat_link --> sub_status\n" * 2, "an edge twice"),
        ("    title\n", "    title\n    manager(Call the manager)\n", "node of one only: manager"),
        ("    all_good(Likely", "    fine(Likely", "node of one only: all_good"),
        ("Have An Account in CDot?", "Have a Paid Plan?", "cdot: decisive words missing: ['account', 'customersdot']"),
        ("Does the CDot Account Have", "Does the CDot Account Not Have", "sub: one is negated"),
        ("with the current date", "of the last week", "sub_status: decisive words missing: ['current', 'date']"),
        ("page that is displayed?", "page that is displayed", "sub_status: question or not"),
        ("no intervention is needed", "an intervention is needed", "all_good: one is negated"),
        ("Engage the Assistance of an L&R SME", "Close the Ticket", "l&r: words differ"),
        ("/admin/license_seat_link)", "/admin/license)", "seat_link: link differs"),
        (" (https://customers.gitlab.com/admin/customer)", "", "license: link differs"),
    ],
)
def test_a_changed_chart_is_seen(old: str, new: str, problem: str) -> None:
    """The comparison can fail: each change of the seed is reported."""
    assert 1 == SEED.count(old)
    assert [] != [found for found in differences(SEED.replace(old, new)) if found.startswith(problem)]


@pytest.mark.parametrize(
    ("ours", "problem"),
    [
        ("Does the person who opened the ticket have an account?", "cdot: decisive words missing: ['customersdot']"),
        ("Does a person at the company have an account in CustomersDot?", "cdot: decisive words missing"),
        ("Does the person who opened the ticket have no account in CustomersDot?", "cdot: one is negated"),
    ],
)
def test_changed_words_of_ours_are_seen(ours: str, problem: str) -> None:
    """The comparison fails as well if it is our wording that loses the meaning."""
    assert [] != [f for f in meaning_differences("cdot", chart_of(SEED).labels["cdot"], ours) if f.startswith(problem)]


def test_the_ends_are_outcomes() -> None:
    """Two ends, each with its outcome; lookups have a page, and nothing else has either."""
    assert {"all_good": Outcome.RESOLVED_ITSELF, "l&r": Outcome.ESCALATED} == {
        node.id: node.outcome for node in NODES if node.outcome is not None
    }
    assert {"all_good", "l&r"} == {node.id for node in NODES if node.kind is NodeKind.END}
    assert {"license", "seat_link"} == {node.id for node in NODES if node.kind is NodeKind.LOOKUP}
    assert {"license", "seat_link"} == PAGES.keys()


# -- the walk


def expected_way(answers: dict[str, Answer | None]) -> tuple[list[str], str | None, str | None]:
    """What the chart says: the nodes taken, the end, and where the path is open."""
    for count, name in enumerate(IN_ORDER, start=1):
        if answers[name] is NO and name in DECISIVE:
            return [*IN_ORDER[:count], "l&r"], "l&r", None
        if answers[name] is not YES:
            return list(IN_ORDER[:count]), None, name
    return [*IN_ORDER, "all_good"], "all_good", None


def test_every_way_through_the_tree() -> None:
    """All 1,024 combinations of yes, no, unknown and nothing: each ends, or stays open, as the chart says."""
    ends = set()
    for combination in itertools.product((YES, NO, UNKNOWN, None), repeat=len(IN_ORDER)):
        answers = dict(zip(IN_ORDER, combination, strict=True))
        replies = {name: Reply(name, answer, Source.ENGINEER, "seen") for name, answer in answers.items() if answer}
        path = walk(replies)
        way, end, open_at = expected_way(answers)
        assert way == [visit.node.id for visit in path.visits if visit.taken], answers
        assert (end, open_at) == (path.end and path.end.id, path.open_at and path.open_at.id), answers
        assert [replies.get(name) for name in way] == [visit.reply for visit in path.visits if visit.taken]
        rest = [node.id for node in NODES if node.id not in way]
        assert [(name, None) for name in rest] == [(v.node.id, v.reply) for v in path.visits[len(way) :]]
        assert [True] * len(way) + [False] * len(rest) == [visit.taken for visit in path.visits]
        assert path.outcome is {"l&r": Outcome.ESCALATED, "all_good": Outcome.RESOLVED_ITSELF, None: None}[end]
        ends.add((end, open_at))
    assert {("l&r", None), ("all_good", None), *((None, name) for name in IN_ORDER)} == ends


# -- the drawing


def drawing() -> list[str]:
    """The lines of the chart in the notebook."""
    source = "".join(next(cell["source"] for cell in json.loads(TEMPLATE.read_text())["cells"] if cell["id"] == "tree"))
    return source.partition("```mermaid\n")[2].partition("\n```")[0].splitlines()


def test_the_drawing_holds_the_tree() -> None:
    """Every node in our words and every arrow with its answer; one arrow more, from the title, as a drawing aid.

    Its colors are its own, since JupyterLab draws it once: lines in the theme's color are lost when that changes.
    """
    colors, head, *lines = drawing()
    assert '"theme": "base"' in colors
    assert "flowchart TB" == head
    boxes = dict(re.findall(r'^    (\w+)[\[({]+"([^"]*)"[\])}]+$', "\n".join(lines), re.MULTILINE))
    lines_drawn = re.findall(r"^    (\w+) (?:-- (\w+) )?--> (\w+)$", "\n".join(lines), re.MULTILINE)
    assert len(lines) == len(boxes) + len(lines_drawn)
    names = {node.id: "expert" if node is EXPERT else node.id for node in NODES}
    words = {"title": TITLE, **{names[node.id]: node.words for node in NODES}}
    assert words == {k: v.replace("&amp;", "&") for k, v in boxes.items()}
    drawn = [(names[start], answer or "", names[end]) for start, answer, end in arrows()]
    assert [("title", "", "cdot"), *drawn] == lines_drawn


def test_the_drawing_is_well_formed() -> None:
    """Each box has its label in quotes, brackets are balanced, and no bare & is left for mermaid to trip over."""
    for line in drawing()[1:]:
        assert line.count('"') in (0, 2)
        assert [line.count(left) for left in "([{"] == [line.count(right) for right in ")]}"]
        assert [] == re.findall("&(?!amp;)", line)


# -- Seat Link rows: the rule


def stamp(words: str) -> datetime:
    """A moment such as "2026-11-23 09:00", UTC unless it says otherwise."""
    moment = datetime.fromisoformat(words)
    return moment if moment.tzinfo else datetime.fromisoformat(f"{words}+00:00")


def row(
    created: str, report: str | None = None, *, host: str = "gitlab.customer.example", instance: str = "i1"
) -> SeatLink:
    """A row that was received then."""
    return SeatLink(1, stamp(created), stamp(report) if report else None, "A-S1", hostname=host, instance_id=instance)


def facts(
    *rows: SeatLink,
    opened: str = "2026-11-23 09:00",
    on: str = "2026-11-23",
    looked: str = "2026-11-23 10:00",
    cloud: bool | None = True,
) -> SeatLinkFacts:
    """What an engineer finds: by default on the day of the emergency, an hour after the ticket."""
    return SeatLinkFacts(rows, stamp(opened), date.fromisoformat(on), stamp(looked), cloud)


@pytest.mark.parametrize(
    ("created", "when", "expected"),
    [
        ("2026-11-22 23:59:59", {}, NO),
        ("2026-11-23 00:00:00", {}, YES),
        ("2026-11-23 03:30", {}, YES),  # before the ticket, and that is the same day
        ("2026-11-23 09:59", {}, YES),
        ("2026-11-23 00:30+02:00", {}, NO),  # the 22nd, UTC
        ("2026-11-22 20:00-05:00", {}, YES),  # the 23rd, UTC
        ("2026-11-24 00:00:00+14:00", {}, YES),  # the 23rd at 10:00, UTC
        ("2026-11-23 03:30", {"looked": "2026-11-23 23:59:59"}, YES),
        ("2026-11-23 03:30", {"looked": "2026-11-24 00:00:00"}, NO),  # a later day: from before the ticket
        ("2026-11-23 03:30", {"looked": "2026-11-24 01:00+02:00"}, YES),  # still the 23rd, UTC
        ("2026-11-23 08:59:59", {"looked": "2026-11-25 08:00"}, NO),
        ("2026-11-23 09:00:00", {"looked": "2026-11-25 08:00"}, YES),
        ("2026-11-23 11:00:00+02:00", {"looked": "2026-11-25 08:00"}, YES),  # 09:00 UTC
        ("2026-11-24 03:30", {"looked": "2026-11-25 08:00"}, YES),
        ("2026-11-22 12:00", {"looked": "2026-11-25 08:00"}, NO),
        ("2026-11-23 03:30", {"looked": "2026-11-25 08:00", "opened": "2026-11-23 04:00+02:00"}, YES),  # 02:00 UTC
        ("2026-11-24 03:30", {"on": "2026-11-24", "looked": "2026-11-25 08:00"}, YES),  # the engineer named the day
        ("2026-11-23 12:00", {"on": "2026-11-24", "looked": "2026-11-24 08:00"}, NO),
        ("2026-11-22 03:30", {"on": "2026-11-22", "looked": "2026-11-23 10:00"}, NO),
    ],
)
def test_when_a_row_is_of_the_current_date(created: str, when: dict[str, str], expected: Answer) -> None:
    """Received on the emergency's date or later, UTC; who looks on a later day needs one from after the ticket."""
    answer, reason = entry_ruling(facts(row(created), **when))  # type: ignore[arg-type]
    assert expected is answer
    assert f"{triage._at(stamp(created))}" in reason


@pytest.mark.parametrize(
    ("created", "report", "expected"),
    [
        ("2026-11-23 03:30", "2026-11-22 00:00", YES),
        ("2026-11-23 03:30", None, YES),
        ("2026-11-22 23:59", "2026-11-23 00:00", NO),
    ],
)
def test_the_reports_own_stamp_does_not_count(created: str, report: str | None, expected: Answer) -> None:
    """Judged by the day of receipt alone."""
    assert expected is entry_ruling(facts(row(created, report)))[0]


def test_no_row_is_a_no() -> None:
    """The page was seen and is empty: that is an answer, not an open question."""
    assert (NO, "the page shows no row for this subscription") == entry_ruling(facts())


def test_reasons_name_the_values() -> None:
    """The newest row that counts with its host, or how old the newest is: whatever the order of the rows."""
    old, new, newest = row("2026-11-21 03:30"), row("2026-11-22 03:31"), row("2026-11-23 03:32")
    assert (NO, "the only row was received 2026-11-21 03:30 UTC") == entry_ruling(facts(old))
    assert (NO, "the newest of 2 rows was received 2026-11-22 03:31 UTC") == entry_ruling(facts(old, new))
    expected = (YES, "received 2026-11-23 03:32 UTC from gitlab.customer.example")
    assert expected == entry_ruling(facts(old, newest, new))
    nameless = entry_ruling(facts(row("2026-11-23 03:32", host="")))
    assert (YES, "received 2026-11-23 03:32 UTC from an instance without a name") == nameless


def test_current_rows_come_newest_first() -> None:
    """Only those that count."""
    rows = [row(f"2026-11-{day} 03:30") for day in ("23", "22", "24")]
    assert (rows[2], rows[0]) == triage.current_rows(facts(*rows))


# -- Seat Link rows: hints


@pytest.mark.parametrize(
    ("one", "when", "expected"),
    [
        (row("2026-11-23 03:30"), {}, "received on the emergency's date: counts"),
        (row("2026-11-23 03:30", "2026-11-23 00:00"), {}, "received on the emergency's date: counts"),
        (
            row("2026-11-23 03:30", "2026-11-22 23:59:59"),
            {},
            "received on the emergency's date: counts; its report is of the day before, as usual",
        ),
        (
            row("2026-11-23 03:30", "2026-11-20 00:00"),
            {},
            "received on the emergency's date: counts; its report is of 2026-11-20",
        ),
        (
            row("2026-11-24 03:30"),
            {"looked": "2026-11-24 08:00"},
            "received after the emergency's date: counts",
        ),
        (row("2026-11-22 23:59"), {}, "received the day before the emergency's date: does not count"),
        (row("2026-11-20 03:30"), {}, "received 3 days before the emergency's date: does not count"),
        (
            row("2026-11-23 03:30"),
            {"looked": "2026-11-24 08:00"},
            "received before the ticket was opened, and today is a later day: does not count",
        ),
    ],
)
def test_what_stands_beside_a_row(one: SeatLink, when: dict[str, str], expected: str) -> None:
    """Whether it counts and why; it never contradicts the rule."""
    seen = facts(one, **when)  # type: ignore[arg-type]
    assert expected == row_hints(one, seen)
    assert ("does not count" in expected) is (entry_ruling(seen)[0] is NO)


MARKS = {
    "file": "file licenses never sync",
    "unknown": "check which kind of license",
    "sync": "03:00 to 04:59 UTC, and retry for about 17 hours. Look again after 05:00 UTC",
    "instances": "instances use this subscription",
    "proof": "not a renewal: let the customer confirm",
    "later": "The emergency's date counts",
}
"""A phrase by which each hint is known."""
TODAY = row("2026-11-23 03:30")
YESTERDAY = row("2026-11-22 03:30")
COPY = row("2026-11-20 03:30", host="gitlab-dr.customer.example")


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (facts(TODAY), "proof"),
        (facts(row("2026-11-23 03:30", "2026-11-22 00:00")), "proof"),
        (facts(YESTERDAY), ""),
        (facts(row("2026-11-22 03:30", "2026-11-21 00:00")), ""),  # only of rows that count
        (facts(), ""),
        # before the sync is over
        (facts(opened="2026-11-23 04:59:59"), "sync"),
        (facts(opened="2026-11-23 05:00"), ""),
        (facts(opened="2026-11-23 00:00"), "sync"),
        (facts(opened="2026-11-23 06:59+02:00"), "sync"),
        (facts(opened="2026-11-23 04:59-01:00"), ""),
        (facts(YESTERDAY, opened="2026-11-23 04:00"), "sync"),
        (facts(TODAY, opened="2026-11-23 04:00"), "proof"),
        (facts(opened="2026-11-22 23:00", looked="2026-11-23 04:59:59"), "sync"),
        (facts(opened="2026-11-22 23:00", looked="2026-11-23 05:00"), ""),
        (facts(opened="2026-11-22 04:00"), ""),  # early, on another day
        # the kind of license
        (facts(cloud=False), "file"),
        (facts(cloud=False, opened="2026-11-23 04:00"), "file"),  # none to wait for
        (facts(TODAY, cloud=False), "file proof"),
        (facts(cloud=None), "unknown"),
        (facts(YESTERDAY, cloud=None), ""),
        (facts(cloud=None, opened="2026-11-23 04:00"), "unknown sync"),
        # several instances
        (facts(TODAY, COPY), "instances proof"),
        (facts(COPY, YESTERDAY), "instances"),
        (facts(TODAY, YESTERDAY), "proof"),
        (facts(TODAY, row("2026-11-22 03:30", instance="i2")), "instances proof"),
        # a later day
        (facts(YESTERDAY, looked="2026-11-24 08:00"), "later"),
        (facts(TODAY, looked="2026-11-24 08:00"), "later"),  # from before the ticket
        (facts(row("2026-11-23 09:30"), looked="2026-11-24 08:00"), "proof"),
        (facts(row("2026-11-24 03:30"), looked="2026-11-25 08:00"), "proof later"),
        (facts(looked="2026-11-24 08:00"), ""),
    ],
)
def test_which_hints_are_given(seen: SeatLinkFacts, expected: str) -> None:
    """Each in its case and in no other; a hint is at most three short sentences."""
    hints = triage.hints(seen)
    assert expected.split() == [name for hint in hints for name, mark in MARKS.items() if mark in hint]
    assert len(expected.split()) == len(hints)
    assert [] == [hint for hint in hints if len(re.findall(r"[.](?: |$)", hint)) > 3]


def test_hints_name_the_values() -> None:
    """Hosts with the day of their last contact, dates, and the time of which they speak."""
    two = " ".join(triage.hints(facts(YESTERDAY, COPY, TODAY)))
    assert (
        "2 instances use this subscription: gitlab.customer.example (last 2026-11-23), "
        "gitlab-dr.customer.example (last 2026-11-20). Contact with one does not prove that the one which is down "
        "has synced: ask which of them the ticket is about."
    ) in two
    (late,) = triage.hints(facts(COPY, looked="2026-11-24 08:00"))
    assert late.startswith("Today is 2026-11-24, and the newest row is of 2026-11-20.")
    (early,) = triage.hints(facts(opened="2026-11-23 05:30+02:00"))
    assert early.startswith("At 03:30 UTC a missing row is still normal")


@pytest.mark.parametrize(("rows", "expected"), [((), "No row is to be expected"), ((TODAY,), "of another license")])
def test_a_file_license_does_not_sync(rows: tuple[SeatLink, ...], expected: str) -> None:
    """A missing row is what one expects then, and a row must be of something else."""
    assert expected in triage.hints(facts(*rows, cloud=False))[0]


def test_the_sync_hours() -> None:
    """As in the product's documentation."""
    assert (time(3), time(5), 17) == (triage.SYNC_STARTS, triage.SYNC_ENDS, triage.RETRY_HOURS)
