"""What the customer's evidence proves beside our records: what counts, what is a question, and its words."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runbook_lib.domain import evidence, policy
from runbook_lib.domain.errors import InputError
from runbook_lib.domain.evidence import Attached
from runbook_lib.domain.models import Answer, Fact, Facts, Source
from runbook_lib.domain.plain_text import CELL_LIMIT

DAY = date(2026, 11, 21)
OLD = Attached("old.gitlab-license", "SHA256:aaaaaaaa11111111", date(2026, 11, 6), date(2026, 11, 20), 250, "premium")
NEW = Attached("new.gitlab-license", "SHA256:bbbbbbbb22222222", date(2027, 11, 6), date(2027, 11, 20), 200, "premium")
ORGANIZATION, CDOT = Source.ORGANIZATION, Source.CUSTOMERSDOT
FILE, SCREEN, ENGINEER = Source.LICENSE_FILE, Source.SCREENSHOT, Source.ENGINEER
SOURCES = st.sampled_from(list(Source))
IN_WINDOW = {date(2026, 11, 6): Answer.YES, date(2026, 11, 5): Answer.YES}


def facts(*known: tuple[str, Any, Source]) -> Facts:
    """Facts, with where they stand left out."""
    return Facts(tuple(Fact(*one) for one in known))


def questions_about(*known: tuple[str, Any, Source], unread: dict[str, str] | None = None) -> list[str]:
    """The parameters that a person has to give."""
    found = evidence.open_questions(facts(*known), unread or {}, lambda fact: IN_WINDOW.get(fact.value, Answer.NO))
    return list(dict.fromkeys(name for _, name in found.values()))


@pytest.mark.parametrize(
    ("known", "questions"),
    [
        # plan
        ([("plan", "free", ORGANIZATION), ("plan", "premium", FILE)], ["plan"]),
        ([("plan", "free", ORGANIZATION), ("plan", "premium", SCREEN)], ["plan"]),
        ([("plan", "premium", ORGANIZATION), ("plan", "ultimate", FILE)], ["plan"]),
        ([("plan", "ultimate", ORGANIZATION), ("plan", "starter", FILE)], []),
        ([("plan", "premium", ORGANIZATION), ("plan", "premium", FILE)], []),
        ([("plan", "premium", ORGANIZATION), ("plan", "free", SCREEN)], []),
        ([("plan", "free", ORGANIZATION), ("plan", "premium", CDOT)], ["plan"]),
        ([("plan", "ultimate", ORGANIZATION), ("plan", "premium", CDOT)], []),
        ([("plan", "free", ORGANIZATION), ("plan", "premium", FILE), ("plan", "free", ENGINEER)], []),
        ([("plan", "free", ORGANIZATION), ("plan", "premium", ENGINEER)], []),
        # a plan that only the customer speaks of
        ([("plan", "premium", FILE)], ["plan"]),
        ([("plan", "premium", SCREEN)], ["plan"]),
        ([("plan", "premium", FILE), ("account_type", "customer", ORGANIZATION)], []),
        ([("plan", "premium", FILE), ("account_type", "customer", ENGINEER)], []),
        ([("plan", "premium", FILE), ("account_type", "reseller", ORGANIZATION)], ["plan"]),
        ([("plan", "free", SCREEN)], []),
        ([("plan", "premium", ENGINEER), ("plan", "premium", FILE)], []),
        # account
        ([("account_type", "prospect", ORGANIZATION), ("plan", "premium", FILE)], ["account_type"]),
        ([("account_type", "prospect", ORGANIZATION), ("plan", "premium", CDOT)], ["account_type"]),
        ([("account_type", "prospect", ORGANIZATION)], []),
        ([("account_type", "prospect", ENGINEER), ("plan", "premium", FILE)], ["plan"]),
        # deployment
        ([("deployment", "gitlab_com", ORGANIZATION), ("deployment", "self_managed", FILE)], ["deployment"]),
        ([("deployment", "self_managed", ORGANIZATION), ("deployment", "self_managed", FILE)], []),
        ([("deployment", "self_managed", FILE)], []),
        # expiry: a question where it would decide otherwise
        ([("expires_on", date(2026, 11, 6), CDOT), ("expires_on", date(2026, 11, 5), FILE)], []),
        ([("expires_on", date(2026, 9, 6), CDOT), ("expires_on", date(2026, 11, 5), FILE)], ["expires_on"]),
        ([("expires_on", date(2026, 11, 6), CDOT), ("expires_on", date(2027, 11, 6), SCREEN)], ["expires_on"]),
        ([("expires_on", date(2026, 11, 6), FILE)], []),
        # two kinds of the customer's own evidence
        ([("expires_on", date(2026, 11, 6), SCREEN), ("expires_on", date(2026, 9, 6), FILE)], ["expires_on"]),
        ([("expires_on", date(2026, 11, 6), SCREEN), ("expires_on", date(2026, 11, 5), FILE)], []),
        (
            [("plan", "free", SCREEN), ("plan", "premium", FILE), ("account_type", "customer", ORGANIZATION)],
            ["plan"],
        ),
        (
            [("plan", "premium", SCREEN), ("plan", "ultimate", FILE), ("account_type", "customer", ORGANIZATION)],
            [],
        ),
        ([("expires_on", date(2026, 9, 6), ENGINEER), ("expires_on", date(2026, 11, 6), FILE)], []),
    ],
)
def test_what_is_asked(known: list[tuple[str, Any, Source]], questions: list[str]) -> None:
    """Where the evidence contradicts our records so that it matters, or alone speaks of a paid plan."""
    assert questions == questions_about(*known)
    assert questions == questions_about(*reversed(known))


def test_a_question_shows_both_values_with_their_sources() -> None:
    """The engineer need not look for them."""
    known = facts(("plan", "free", ORGANIZATION), ("plan", "premium", FILE))
    question = evidence.open_questions(known, {}, lambda _: Answer.NO)["plan"]
    assert "the organization says plan free, but the license file says plan premium. Pass plan." in question[0]


@pytest.mark.parametrize(
    "known",
    [
        [("plan", "free", ORGANIZATION), ("plan", "premium", SCREEN)],
        [("plan", "premium", SCREEN)],
        [("plan", "free", SCREEN), ("plan", "premium", FILE), ("account_type", "customer", ORGANIZATION)],
    ],
)
def test_a_question_says_that_confirming_is_not_enough(known: list[tuple[str, Any, Source]]) -> None:
    """The engineer has passed the value already, as what the screenshot shows."""
    question = evidence.open_questions(facts(*known), {}, lambda _: Answer.NO)["plan"]
    assert "Pass plan as your own answer: what you confirm is the screenshot's." in question[0]


@pytest.mark.parametrize(
    ("known", "questions"),
    [
        ([], ["plan"]),
        ([("plan", "premium", FILE), ("account_type", "customer", ORGANIZATION)], ["plan"]),
        ([("plan", "premium", CDOT)], []),
        ([("plan", "premium", ENGINEER)], []),
    ],
)
def test_an_unread_field_is_asked_unless_ours_says_it(
    known: list[tuple[str, Any, Source]], questions: list[str]
) -> None:
    """*Gold* may be a paid plan or none; the customer's file does not settle it."""
    assert questions == questions_about(*known, unread={"plan": "The organization field plan says “Gold”"})


@pytest.mark.parametrize(
    ("known", "words"),
    [
        ([("users_in_license", 250, ORGANIZATION), ("users_in_license", 250, FILE)], ""),
        ([("users_in_license", 250, ORGANIZATION), ("users_in_license", 200, FILE)], ""),
        ([("users_in_license", 250, CDOT), ("users_in_license", 251, FILE)], "more users than our records"),
        ([("users_in_license", 40, ORGANIZATION), ("users_in_license", 10**6, FILE)], "1000000"),
        ([("users_in_license", 250, FILE)], "Only the customer's own file"),
        ([("users_in_license", 250, SCREEN)], ""),
        ([("maximum_users", 254, SCREEN), ("billable_users", 231, SCREEN)], ""),
        ([("maximum_users", 254, SCREEN), ("users_in_license", 250, ORGANIZATION)], "maximum_users 254"),
        ([("maximum_users", 240, SCREEN), ("users_in_license", 250, ORGANIZATION)], ""),
        ([("maximum_users", 22, ENGINEER), ("users_in_license", 10**6, FILE)], ""),
        ([("billable_users", 22, ENGINEER), ("users_in_license", 10**6, FILE)], "Only the customer's own file"),
        ([("users_in_license", 22, ENGINEER), ("users_in_license", 10**6, FILE)], ""),
        ([("users_in_license", 22, ORGANIZATION)], ""),
        (
            [("users_in_license", 22, ORGANIZATION), ("users_in_license", 300, CDOT), ("users_in_license", 300, FILE)],
            "",
        ),
    ],
)
def test_when_a_person_has_to_say_the_count(known: list[tuple[str, Any, Source]], words: str) -> None:
    """If only a file says it, or the evidence says more than our records; never for the engineer's own figures."""
    found = facts(*known)
    figures = {name: found.value(name) for name in policy.FIGURES}
    suggested = policy.suggest_users(**figures).users  # type: ignore[arg-type]
    assert suggested
    question = evidence.users_question(found, suggested)
    assert bool(words) == bool(question)
    assert words in question


PEOPLE = st.sampled_from([ORGANIZATION, ENGINEER])
"""Who says what an account is; nothing that a customer sends does."""
FACTS = st.lists(
    st.one_of(
        st.tuples(st.just("plan"), st.sampled_from(["free", "starter", "premium", "ultimate"]), SOURCES),
        st.tuples(st.just("account_type"), st.sampled_from(["customer", "prospect", "reseller"]), PEOPLE),
        st.tuples(st.just("deployment"), st.sampled_from(["self_managed", "gitlab_com"]), SOURCES),
    ),
    max_size=8,
)


@pytest.mark.slow
@given(known=FACTS)
@settings(max_examples=120)
def test_evidence_alone_never_makes_a_paying_customer(known: list[tuple[str, Any, Source]]) -> None:
    """Whatever is sent: a paid plan that counts is ours, or the engineer's, or of an account known as a customer."""
    found = facts(*known)
    unsettled = evidence.open_questions(found, {}, lambda _: Answer.NO)
    scope = policy.ScopeFacts(
        emergency_on=DAY,
        plan=found.value("plan"),  # type: ignore[arg-type]
        account_type=found.value("account_type"),  # type: ignore[arg-type]
        unsettled=unsettled,
    )
    ours = facts(*(one for one in known if one[2] not in evidence.CUSTOMERS))
    if policy.plan_ruling(scope).holds is Answer.YES and found.best("plan").source in evidence.CUSTOMERS:  # type: ignore[union-attr]
        assert "customer" == ours.value("account_type")
    if ours.value("account_type") == "prospect":
        assert policy.account_ruling(scope).holds is not Answer.YES
    if ours.value("plan") == "free" and ours.best("plan").source in evidence.OURS:  # type: ignore[union-attr]
        assert policy.plan_ruling(scope).holds is not Answer.YES


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Correction: maximum users is 312, not 254.", [312]),
        ("GitLab says: this license's limit of 250; currently has 312 active users", [312]),
        ("We have 1,200 users, 260 of them guests", [1200]),
        ("Wir haben 312 Nutzer. Maximum users: 300", [300, 312]),
        ("231 users, since 2026-11-06, see ticket 1001", []),
        (f"We have 1{',000' * 1500} users", []),
    ],
)
def test_counts_that_a_customer_writes(text: str, expected: list[int]) -> None:
    """Those above the license's; a lower one, a date and a number of something else are none."""
    assert expected == evidence.counts_above(250, [text])


# -- which license is installed


def installed(
    *held: Attached, in_trouble: bool = True, works: bool = False, answer: str | None = None
) -> evidence.Installed:
    """What is found on the emergency's day."""
    return evidence.installed(held, emergency_on=DAY, grace_days=14, in_trouble=in_trouble, works=works, answer=answer)


def test_the_license_that_ends_last_counts() -> None:
    """As long as none still runs."""
    older = Attached("older", "SHA256:c", date(2025, 11, 6), users=100)
    assert OLD == installed(older, OLD).license
    assert evidence.Installed() == installed()


@pytest.mark.parametrize("held", [(OLD, NEW), (NEW,), (Attached("forever", "SHA256:d", None),)])
def test_a_license_that_still_runs_is_asked_for(held: tuple[Attached, ...]) -> None:
    """It was issued; the question names every license with its day."""
    found = installed(*held)
    assert found.license is None
    assert "installed_license" in found.question
    assert not [one.name for one in held if one.name not in found.question]
    assert len(found.question) <= CELL_LIMIT


def test_the_question_names_what_runs_first() -> None:
    """An expired license is never said to run."""
    words = "new.gitlab-license runs until 2027-11-06; old.gitlab-license expired on 2026-11-06."
    assert installed(OLD, NEW).question.endswith(f"The ticket speaks of trouble, but {words}")


IN_GRACE = Attached("grace.gitlab-license", "SHA256:eeee", date(2026, 11, 12), users=250)


@pytest.mark.parametrize(
    ("held", "is_asked"),
    [((OLD, NEW), True), ((NEW,), True), ((OLD, IN_GRACE), True), ((IN_GRACE,), False), ((OLD,), False), ((), False)],
)
def test_a_renewal_is_asked_about(held: tuple[Attached, ...], is_asked: bool) -> None:
    """Where the ticket speaks of no trouble, even if it says that the instance works: issued is not installed."""
    assert is_asked == bool(installed(*held, in_trouble=False).question)
    assert (is_asked or held in ((OLD,), ())) == bool(installed(*held, in_trouble=False, works=True).question)


def test_a_working_instance_may_have_a_later_license() -> None:
    """Then nothing may be needed, also where no license is attached; the engineer's answer settles it."""
    found = installed(OLD, works=True)
    assert (None, True) == (found.license, "old.gitlab-license expired on 2026-11-06" in found.question)
    assert evidence.Installed(OLD) == installed(OLD, works=True, answer=OLD.name)
    assert "pass installed_license as none" in installed(works=True).question
    assert evidence.Installed() == installed(works=True, answer="none")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("old.gitlab-license", OLD),
        ("NEW.gitlab-license", NEW),
        ("new.gitlab\u2011license", NEW),
        ("SHA256:aaaaaaaa11111111", OLD),
        ("bbbbbbbb", NEW),
        ("none", None),
        ("None", None),
    ],
)
def test_the_engineer_says_which_is_installed(answer: str, expected: Attached | None) -> None:
    """By the file's name, or by its fingerprint; or none of them."""
    assert evidence.Installed(expected) == installed(OLD, NEW, answer=answer)


@pytest.mark.parametrize("answer", ["other.gitlab-license", "SHA256", "a", "old", "2"])
def test_an_answer_that_fits_no_license_lists_them(answer: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(
        InputError, match=r"no such license is on the ticket, which has: old\.gitlab-license \(SHA256:a"
    ):
        installed(OLD, NEW, answer=answer)


def test_two_files_of_one_name_need_the_fingerprint() -> None:
    """Mail programs call everything by the same name."""
    twin = Attached(OLD.name, "SHA256:ccccccccdddddddd", date(2027, 1, 1))
    with pytest.raises(InputError, match="several licenses of that name"):
        installed(OLD, twin, answer=OLD.name)
    assert twin == installed(OLD, twin, answer="ccccccccdd").license


@given(users=st.integers(1, 10**6))
@settings(max_examples=60)
def test_the_least_seats_are_just_enough(users: int) -> None:
    """An instance takes a license whose users and 10 % more, rounded down, cover its highest count."""
    least = policy.least_seats(users)
    assert policy.accepted_users(least) >= users
    assert least == 1 or policy.accepted_users(least - 1) < users


@pytest.mark.parametrize(
    ("known", "words"),
    [
        (
            [("maximum_users", 254, SCREEN)],
            ["new.gitlab-license is for 200 users, and the instance had up to 254", "231"],
        ),
        ([("billable_users", 230, ENGINEER), ("users_over_license", 20, ENGINEER)], ["up to 250", "fewer than 228"]),
        ([("maximum_users", 254, SCREEN), ("billable_users", 240, SCREEN)], ["up to 254"]),
        ([("maximum_users", 220, SCREEN)], []),
        ([], ["another license of the ticket for 250", "fewer than 228"]),
    ],
)
def test_a_renewal_for_too_few_users_is_noted(known: list[tuple[str, Any, Source]], words: list[str]) -> None:
    """With the number that the instance needs."""
    notes = evidence.too_few_users([NEW], [OLD, NEW], facts(*known))
    assert bool(words) == bool(notes)
    assert not [piece for piece in words if piece not in notes[0]]


def test_an_answer_that_contradicts_is_named_with_all_values() -> None:
    """It counts all the same."""
    known = facts(
        ("plan", "free", ENGINEER), ("plan", "premium", FILE), ("plan", "free", SCREEN), ("maximum_users", 9, SCREEN)
    )
    (words,) = evidence.overruled(known)
    assert words == "The engineer's answer contradicts what was found: plan free, but premium (license file)."
