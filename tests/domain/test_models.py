"""Frozen data: which fact counts, which contradict it, and what rulings add up to."""

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime
from itertools import permutations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.domain import models
from runbook_lib.domain.models import (
    Answer,
    EffectState,
    Fact,
    Facts,
    Outcome,
    Ruling,
    Source,
    Status,
    TrackerIssue,
    Verdict,
    Window,
)

DATACLASSES = [
    value
    for value in vars(models).values()
    if isinstance(value, type) and value.__module__ == models.__name__ and dataclasses.is_dataclass(value)
]
BY_TRUST = [
    *(Source.ENGINEER, Source.CUSTOMERSDOT, Source.ORGANIZATION),
    *(Source.SCREENSHOT, Source.LICENSE_FILE, Source.TICKET),
]
"""Most trusted first."""
FACTS = st.lists(
    st.builds(Fact, st.sampled_from(["plan", "expires_on"]), st.integers(0, 2), st.sampled_from(Source)), max_size=6
).map(lambda known: Facts(tuple(known)))


def rulings(*holds: Answer) -> tuple[Ruling, ...]:
    """Rulings with these answers."""
    return tuple(Ruling("Rule?", answer, "Because.", "somewhere") for answer in holds)


# -- words


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (
            Outcome,
            "license_issued license_found resolved_itself escalated waiting_for_customer out_of_scope",
        ),
        (Status, "completed needs_answer failed timed_out killed cancelled interrupted"),
        (Answer, "yes no unknown"),
        (EffectState, "planned done adopted already_done unavailable"),
    ],
    ids=["Outcome", "Status", "Answer", "EffectState"],
)
def test_the_words_are_those_of_the_design(kind: type[Outcome], words: str) -> None:
    """Programs read these words in records and in `--json`: none is renamed, none appears unnoticed."""
    assert words.split() == [str(word) for word in kind]


def test_sources_have_words_for_the_reader() -> None:
    """A source shows as words that stand in a table."""
    expected = ["ticket", "organization", "license file", "screenshot", "CustomersDot", "engineer"]
    assert expected == [str(source) for source in Source]


@pytest.mark.parametrize("kind", DATACLASSES, ids=lambda kind: kind.__name__)
def test_data_is_frozen(kind: type) -> None:
    """What a step has seen cannot change behind it."""
    assert kind.__dataclass_params__.frozen


def test_a_tracker_issue_does_not_show_its_license() -> None:
    """The description may hold a license, so no repr (and no traceback) has it."""
    made = TrackerIssue(7, "title", "closed", (), datetime(2026, 11, 22, tzinfo=UTC), "https://x", "HUSH")
    assert "HUSH" == made.description
    assert "HUSH" not in f"{made!r}{made}"


# -- facts


def test_the_more_trusted_source_counts() -> None:
    """The engineer, our records, the customer's evidence, the ticket: whichever was found first."""
    for first, second in permutations(BY_TRUST, 2):
        facts = Facts((Fact("plan", str(first), first), Fact("plan", str(second), second)))
        assert str(min(first, second, key=BY_TRUST.index)) == facts.value("plan")


def test_of_one_source_the_first_counts() -> None:
    """Of two license files the one that the case put first counts; the other contradicts it."""
    first, second = (Fact("plan", plan, Source.LICENSE_FILE) for plan in ("premium", "ultimate"))
    facts = Facts((first, second))
    assert first is facts.best("plan")
    assert ((first, second),) == facts.conflicts()


def test_an_unknown_fact_is_none() -> None:
    """Neither another fact's value nor zero stands in for it."""
    facts = Facts((Fact("billable_users", 0, Source.ENGINEER),))
    assert facts.best("maximum_users") is None
    assert facts.value("maximum_users") is None
    assert () == Facts().conflicts()


@pytest.mark.parametrize("value", [0, False, ""])
def test_a_known_value_may_be_falsy(value: object) -> None:
    """Zero users over the license is knowledge, not the lack of it."""
    assert value is Facts((Fact("users_over_license", value, Source.ENGINEER),)).value("users_over_license")


def test_conflicts_pair_what_counts_with_what_differs() -> None:
    """Every source that says otherwise is named, and none that agrees or speaks of something else."""
    ticket = Fact("plan", "free", Source.TICKET, "organization field plan")
    file = Fact("plan", "premium", Source.LICENSE_FILE, "a.gitlab-license")
    screen = Fact("plan", "starter", Source.SCREENSHOT)
    answer = Fact("plan", "premium", Source.ENGINEER)
    other = Fact("expires_on", date(2026, 11, 6), Source.TICKET)
    facts = Facts((ticket, file, screen, answer, other))
    assert ((answer, ticket), (answer, screen)) == facts.conflicts()
    expected = ["differs", "agrees", "differs", "counts", "counts"]
    assert expected == [facts.standing(fact) for fact in facts.known]


@given(facts=FACTS)
def test_facts_are_consistent(facts: Facts) -> None:
    """One fact of each name counts, no fact is more trusted, and conflicts are exactly the facts that differ."""
    for name in {fact.name for fact in facts.known}:
        best = facts.best(name)
        assert best is not None
        alike = [fact for fact in facts.known if fact.name == name]
        assert [] == [fact for fact in alike if BY_TRUST.index(fact.source) < BY_TRUST.index(best.source)]
        assert {best.value} == {fact.value for fact in alike if facts.standing(fact) in ("counts", "agrees")}
    differing = [fact for fact in facts.known if facts.standing(fact) == "differs"]
    assert differing == [fact for _, fact in facts.conflicts()]


# -- verdicts


def test_rulings_add_up() -> None:
    """One *no* wins over everything, *yes* takes all of them, and anything else, no rules included, is open."""
    for holds in (holds for n in range(4) for holds in product(Answer, repeat=n)):
        expected = Answer.UNKNOWN
        if Answer.NO in holds:
            expected = Answer.NO
        elif {Answer.YES} == set(holds):
            expected = Answer.YES
        assert expected is Verdict(rulings(*holds)).in_scope


def test_missing_facts_are_named_once_in_order() -> None:
    """The order of the rules is the order of the questions; two rules that miss the same ask once."""
    found = [
        Ruling("A?", Answer.UNKNOWN, "", "", ("plan", "expires_on")),
        Ruling("B?", Answer.YES, "", ""),
        Ruling("C?", Answer.UNKNOWN, "", "", ("account_type", "plan")),
    ]
    assert ("plan", "expires_on", "account_type") == Verdict(tuple(found)).missing
    assert () == Verdict(rulings(Answer.YES, Answer.NO)).missing


@pytest.mark.parametrize(("emergency_on", "days"), [((2026, 11, 19), -1), ((2026, 11, 20), 0), ((2026, 11, 24), 4)])
def test_days_after_grace(emergency_on: tuple[int, int, int], days: int) -> None:
    """Whole days from the end of the grace period, negative before it."""
    window = Window(date(2026, 11, 6), date(2026, 11, 20), date(2026, 11, 23), date(*emergency_on))
    assert days == window.days_after_grace
