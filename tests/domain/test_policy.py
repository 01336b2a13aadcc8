"""The rules of the workflows: which days are in scope, when it is a weekend, and how many users a license is for."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from fractions import Fraction
from itertools import product
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from runbook_lib.domain import policy
from runbook_lib.domain.errors import InputError
from runbook_lib.domain.models import Answer, Ruling, Verdict, Window
from runbook_lib.domain.policy import (
    MAX_USERS,
    Rules,
    ScopeFacts,
    is_weekend,
    suggest_users,
    week_minute,
    weekday_ruling,
    weekend_ruling,
)

SEEDS = Rules()
EXPIRY = date(2026, 11, 6)
"""Grace ends on Friday 2026-11-20; in scope until Monday 2026-11-23."""
LONG_WEEKEND = Rules(time_zone="Europe/Berlin", weekend_starts="Friday 18:00", weekend_ends="Monday 08:00")
BERLIN = ZoneInfo("Europe/Berlin")
DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
EXPIRIES = st.dates(date.min + timedelta(days=40), date.max - timedelta(days=60))
SEATS = st.integers(0, MAX_USERS // 2)


def in_scope(expires_on: date, emergency_on: date, rules: Rules = SEEDS) -> Answer:
    """The verdict on a paying self-managed customer, where only the days decide."""
    facts = ScopeFacts(
        emergency_on=emergency_on,
        deployment="self_managed",
        account_type="customer",
        plan="premium",
        expires_on=expires_on,
        requester_email="admin@customer.example",
    )
    return policy.scope(facts, rules).in_scope


def facts_with(**known: str) -> ScopeFacts:
    """Facts of which only these are known."""
    return ScopeFacts(emergency_on=date(2026, 11, 22), **known)  # type: ignore[arg-type]


def utc(text: str) -> datetime:
    """A moment such as "2026-11-21 00:00", UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# -- the numbers


def test_the_numbers_are_those_of_the_documents() -> None:
    """14 days of grace, 3 days after it, 10 days of Ultimate; the rules begin with them."""
    assert (14, 3, 10, "ultimate") == (policy.GRACE_DAYS, policy.WINDOW_DAYS, policy.TRIAL_DAYS, policy.TRIAL_PLAN)
    assert ("starter", "premium", "ultimate") == policy.PAID_PLANS
    assert (14, 3, "UTC") == (SEEDS.grace_days, SEEDS.window_days, SEEDS.time_zone)
    assert ("Saturday 00:00", "Monday 00:00") == (SEEDS.weekend_starts, SEEDS.weekend_ends)


# -- scope: the days


@pytest.mark.parametrize(
    ("expires_on", "first", "last"),
    [
        ("2026-11-06", "2026-11-20", "2026-11-23"),
        ("2026-01-17", "2026-01-31", "2026-02-03"),  # month end
        ("2026-04-16", "2026-04-30", "2026-05-03"),  # month of 30 days
        ("2026-02-14", "2026-02-28", "2026-03-03"),  # no leap year
        ("2028-02-14", "2028-02-28", "2028-03-02"),  # leap year, the leap day inside the window
        ("2028-02-15", "2028-02-29", "2028-03-03"),  # grace ends on the leap day
        ("2028-02-29", "2028-03-14", "2028-03-17"),  # expired on the leap day
        ("2000-02-15", "2000-02-29", "2000-03-03"),  # a century that is a leap year
        ("2100-02-15", "2100-03-01", "2100-03-04"),  # a century that is none
        ("2026-12-17", "2026-12-31", "2027-01-03"),  # year end
    ],
)
def test_month_ends_and_leap_days(expires_on: str, first: str, last: str) -> None:
    """The window's ends are calendar days, whatever month they fall in; the days beside them are out."""
    expiry, opens, closes = map(date.fromisoformat, (expires_on, first, last))
    window = policy.license_window(expiry, opens, SEEDS)
    assert Window(expiry, opens, closes, opens) == window
    day = timedelta(days=1)
    expected = [Answer.NO, Answer.YES, Answer.YES, Answer.NO]
    assert expected == [in_scope(expiry, on) for on in (opens - day, opens, closes, closes + day)]


@given(expires_on=EXPIRIES)
@example(date(2028, 2, 15))
@example(date(2026, 12, 17))
def test_exactly_four_consecutive_days_are_in_scope(expires_on: date) -> None:
    """Of all days around any expiry, days 14 to 17 after it are in scope and no others."""
    days = [n for n in range(-40, 60) if in_scope(expires_on, expires_on + timedelta(days=n)) is Answer.YES]
    assert [14, 15, 16, 17] == days


@given(expires_on=EXPIRIES, grace_days=st.integers(0, 30), window_days=st.integers(0, 20))
def test_settings_move_the_window(expires_on: date, grace_days: int, window_days: int) -> None:
    """With other settings it opens when their grace period ends and lasts one day more than they say."""
    rules = Rules(grace_days=grace_days, window_days=window_days)
    days = [n for n in range(-5, 60) if in_scope(expires_on, expires_on + timedelta(days=n), rules) is Answer.YES]
    assert list(range(grace_days, grace_days + window_days + 1)) == days


@given(expires_on=st.dates(), emergency_on=st.dates())
def test_any_two_dates_get_an_answer(expires_on: date, emergency_on: date) -> None:
    """Dates decide, yes or no; only an expiry at the calendar's very end is refused, with its value."""
    try:
        assert in_scope(expires_on, emergency_on) in (Answer.YES, Answer.NO)
    except InputError as error:
        assert date.max - expires_on < timedelta(days=17)
        assert str(expires_on) in str(error)


def test_an_expiry_at_the_end_of_the_calendar() -> None:
    """A mistyped year ends in a sentence."""
    with pytest.raises(InputError, match="9999-12-31 is too far away; check the year"):
        in_scope(date.max, EXPIRY)


# -- rulings


@pytest.mark.parametrize(
    ("rule", "facts", "expected", "words"),
    [
        (policy.deployment_ruling, facts_with(deployment="self_managed"), Answer.YES, ["self-managed"]),
        (
            policy.deployment_ruling,
            facts_with(deployment="gitlab_com"),
            Answer.NO,
            ["GitLab.com", "Use the SaaS License Emergencies workflow instead"],
        ),
        (policy.deployment_ruling, facts_with(), Answer.UNKNOWN, ["Not known", "self-managed or on GitLab.com"]),
        (policy.account_ruling, facts_with(account_type="customer"), Answer.YES, ["a customer"]),
        (policy.account_ruling, facts_with(account_type="prospect"), Answer.NO, ["a prospect", "Point them to Sales"]),
        (
            policy.account_ruling,
            facts_with(account_type="prospect", plan="premium"),
            Answer.NO,
            ["a prospect", "Point them to Sales"],
        ),
        (
            policy.account_ruling,
            facts_with(account_type="reseller", plan="premium"),
            Answer.NO,
            ["a reseller", "customer's own administrator"],
        ),
        (policy.account_ruling, facts_with(plan="starter"), Answer.YES, ["Starter", "no prospect"]),
        (policy.account_ruling, facts_with(plan="free"), Answer.UNKNOWN, ["Not known"]),
        (policy.account_ruling, facts_with(), Answer.UNKNOWN, ["Not known", "ever bought"]),
        (policy.plan_ruling, facts_with(plan="starter"), Answer.YES, ["Starter"]),
        (policy.plan_ruling, facts_with(plan="premium"), Answer.YES, ["Premium"]),
        (policy.plan_ruling, facts_with(plan="ultimate"), Answer.YES, ["Ultimate"]),
        (policy.plan_ruling, facts_with(plan="free"), Answer.NO, ["Free", "Forum", "Sales"]),
        (policy.plan_ruling, facts_with(), Answer.UNKNOWN, ["not known"]),
        (
            policy.recipient_ruling,
            facts_with(requester_email="admin@customer.example"),
            Answer.YES,
            ["not GitLab staff"],
        ),
        (policy.recipient_ruling, facts_with(), Answer.YES, ["No address", "is checked"]),
        (
            policy.recipient_ruling,
            facts_with(requester_email="grace@gitlab.com"),
            Answer.NO,
            ["gitlab.com", "customer's own administrator"],
        ),
        (policy.recipient_ruling, facts_with(requester_email="Grace@GitLab.Com"), Answer.NO, ["gitlab.com"]),
        (policy.recipient_ruling, facts_with(requester_email="grace@mail.gitlab.com"), Answer.NO, ["gitlab.com"]),
        (policy.recipient_ruling, facts_with(requester_email="a@notgitlab.com"), Answer.YES, []),
        (policy.recipient_ruling, facts_with(requester_email="gitlab.com@customer.example"), Answer.YES, []),
        (policy.recipient_ruling, facts_with(requester_email="a@gitlab.com.customer.example"), Answer.YES, []),
    ],
)
def test_rulings(rule: Callable[[ScopeFacts], Ruling], facts: ScopeFacts, expected: Answer, words: list[str]) -> None:
    """Yes, no or unknown, with the value in the reason; a *no* says what to do instead."""
    ruling = rule(facts)
    assert expected is ruling.holds
    assert [] == [word for word in words if word not in ruling.reason]
    assert ruling.rule.endswith("?")
    assert ruling.origin


@pytest.mark.parametrize(
    ("day", "expected", "reason"),
    [
        (
            date(2026, 11, 5),
            Answer.NO,
            "The license runs until 2026-11-06 and has not expired on 2026-11-05. "
            "The instance works: check the date, or look for another cause of the emergency. If it is read-only all "
            "the same, another license is in use there: pass the expires_on that it shows.",
        ),
        (
            date(2026, 11, 6),
            Answer.NO,
            "The grace period runs for 14 days more, until 2026-11-20: the instance still works and this is no "
            "emergency. The customer opens a normal License & Renewals request. If it is read-only all the same, "
            "another license is in use there: pass the expires_on that it shows.",
        ),
        (
            date(2026, 11, 19),
            Answer.NO,
            "The grace period runs for 1 day more, until 2026-11-20: the instance still works and this is no "
            "emergency. The customer opens a normal License & Renewals request. If it is read-only all the same, "
            "another license is in use there: pass the expires_on that it shows.",
        ),
        (date(2026, 11, 20), Answer.YES, "The grace period ended on 2026-11-20, on the day itself."),
        (date(2026, 11, 21), Answer.YES, "The grace period ended on 2026-11-20, 1 day before 2026-11-21."),
        (date(2026, 11, 23), Answer.YES, "The grace period ended on 2026-11-20, 3 days before 2026-11-23."),
        (
            date(2026, 11, 24),
            Answer.NO,
            "The grace period ended on 2026-11-20, 4 days before 2026-11-24; the runbook applies up to 3 days. "
            "Hand over to License & Renewals as a normal request.",
        ),
    ],
)
def test_reasons_of_the_window(day: date, expected: Answer, reason: str) -> None:
    """The dates and the days between them stand in the reason."""
    ruling = policy.window_ruling(policy.license_window(EXPIRY, day, SEEDS), SEEDS)
    assert (expected, reason) == (ruling.holds, ruling.reason)


@pytest.mark.parametrize(
    ("blocked_on", "grace_days", "ends_on"),
    [
        (EXPIRY, 14, EXPIRY),  # a trial
        (EXPIRY + timedelta(days=14), 14, EXPIRY + timedelta(days=14)),
        (EXPIRY + timedelta(days=14), 0, EXPIRY + timedelta(days=14)),
        (EXPIRY + timedelta(days=20), 30, EXPIRY + timedelta(days=20)),
        (EXPIRY - timedelta(days=1), 14, EXPIRY),
        (EXPIRY + timedelta(days=300), 14, EXPIRY + timedelta(days=14)),
        (EXPIRY + timedelta(days=300), 0, EXPIRY + timedelta(days=14)),
        (date.max, 14, EXPIRY + timedelta(days=14)),
    ],
)
def test_a_file_cannot_move_its_expiry_into_the_window(blocked_on: date, grace_days: int, ends_on: date) -> None:
    """It may end the grace period early, as a trial's does; a day of its own making does not count."""
    rules = Rules(grace_days=grace_days)
    assert ends_on == policy.license_window(EXPIRY, EXPIRY, rules, blocked_on=blocked_on).grace_ends_on


def test_the_window_without_an_expiry() -> None:
    """Nothing is guessed."""
    ruling = policy.window_ruling(None, SEEDS)
    assert (Answer.UNKNOWN, ("expires_on",)) == (ruling.holds, ruling.missing)


def test_nothing_known_asks_for_everything() -> None:
    """The facts to ask for come in the order of the rules, and there is no timeline."""
    verdict = policy.scope(facts_with(), SEEDS)
    assert Answer.UNKNOWN is verdict.in_scope
    assert ("deployment", "account_type", "plan", "expires_on") == verdict.missing
    assert verdict.window is None


def test_a_no_is_final_though_facts_are_missing() -> None:
    """A prospect is out, whatever the dates are."""
    assert Answer.NO is policy.scope(facts_with(account_type="prospect"), SEEDS).in_scope


def test_a_known_case_is_in_scope_with_all_rules_kept() -> None:
    """All five rules are shown, not only the first that decides."""
    facts = ScopeFacts(emergency_on=date(2026, 11, 22), deployment="self_managed", plan="ultimate", expires_on=EXPIRY)
    verdict = policy.scope(facts, SEEDS)
    assert Answer.YES is verdict.in_scope
    assert [
        "Self-managed?",
        "A customer, not a prospect?",
        "Paid plan?",
        "Grace period ended within the last 3 days?",
        "Requester is not GitLab staff?",
    ] == [ruling.rule for ruling in verdict.rulings]
    assert date(2026, 11, 20) == (verdict.window and verdict.window.grace_ends_on)


@given(
    deployment=st.sampled_from([None, "self_managed", "gitlab_com"]),
    account_type=st.sampled_from([None, "customer", "prospect", "reseller"]),
    plan=st.sampled_from([None, "free", *policy.PAID_PLANS]),
    expires_on=st.none() | st.dates(date(2026, 10, 20), date(2026, 12, 10)),
    requester_email=st.sampled_from([None, "a@b.example", "a@gitlab.com"]),
)
def test_scope_only_says_yes_to_what_the_documents_name(**known: object) -> None:
    """*Yes* needs self-managed, a paid plan and the window; only *unknown* names facts, and only missing ones."""
    facts = ScopeFacts(emergency_on=date(2026, 11, 22), **known)  # type: ignore[arg-type]
    verdict: Verdict = policy.scope(facts, SEEDS)
    if verdict.in_scope is Answer.YES:
        assert "self_managed" == facts.deployment
        assert facts.plan in policy.PAID_PLANS
        assert facts.account_type in (None, "customer")
        assert facts.requester_email != "a@gitlab.com"
        assert facts.expires_on is not None
        assert date(2026, 11, 5) <= facts.expires_on <= date(2026, 11, 8)
    for ruling in verdict.rulings:
        assert bool(ruling.missing) == (ruling.holds is Answer.UNKNOWN)
        assert [] == [name for name in ruling.missing if getattr(facts, name) is not None]


# -- weekends


@pytest.mark.parametrize(
    ("rules", "moment", "expected"),
    [
        (SEEDS, "2026-11-20 23:59", False),
        (SEEDS, "2026-11-20 23:59:59.999999", False),
        (SEEDS, "2026-11-21 00:00", True),
        (SEEDS, "2026-11-22 23:59:59.999999", True),
        (SEEDS, "2026-11-23 00:00", False),
        (SEEDS, "2026-11-25 12:00", False),
        (LONG_WEEKEND, "2026-11-20 16:59", False),  # 17:59 in Berlin
        (LONG_WEEKEND, "2026-11-20 17:00", True),
        (LONG_WEEKEND, "2026-11-22 23:30", True),  # already Monday in Berlin
        (LONG_WEEKEND, "2026-11-23 06:59", True),
        (LONG_WEEKEND, "2026-11-23 07:00", False),
        (LONG_WEEKEND, "2026-07-17 15:59", False),  # summer: 17:59 in Berlin
        (LONG_WEEKEND, "2026-07-17 16:00", True),
        (LONG_WEEKEND, "2026-07-20 05:59", True),
        (LONG_WEEKEND, "2026-07-20 06:00", False),
        (Rules(time_zone="Pacific/Kiritimati"), "2026-11-20 09:59", False),  # UTC+14
        (Rules(time_zone="Pacific/Kiritimati"), "2026-11-20 10:00", True),
        (Rules(time_zone="Asia/Kathmandu"), "2026-11-20 18:14", False),  # UTC+5:45
        (Rules(time_zone="Asia/Kathmandu"), "2026-11-20 18:15", True),
        (Rules(weekend_starts="Sunday 12:00", weekend_ends="Tuesday 12:00"), "2026-11-22 11:59", False),
        (Rules(weekend_starts="Sunday 12:00", weekend_ends="Tuesday 12:00"), "2026-11-22 12:00", True),
        (Rules(weekend_starts="Sunday 12:00", weekend_ends="Tuesday 12:00"), "2026-11-23 00:00", True),
        (Rules(weekend_starts="Sunday 12:00", weekend_ends="Tuesday 12:00"), "2026-11-24 12:00", False),
        (Rules(weekend_starts="Friday 18:30", weekend_ends="Friday 18:31"), "2026-11-20 18:30:59", True),
        (Rules(weekend_starts="Friday 18:30", weekend_ends="Friday 18:31"), "2026-11-20 18:31", False),
    ],
)
def test_weekend_hours_to_the_minute(rules: Rules, moment: str, expected: bool) -> None:
    """The first minute is in, the last is out, in the rules' own time zone; a weekend may pass midnight and Monday."""
    assert expected is is_weekend(utc(moment), rules)
    elsewhere = utc(moment).astimezone(timezone(timedelta(hours=-9, minutes=-30)))
    assert expected is is_weekend(elsewhere, rules)


@pytest.mark.parametrize(
    ("friday", "hours"),
    [("2026-11-20", 48), ("2026-03-27", 47), ("2026-10-23", 49)],
    ids=["usual", "clocks go forward", "clocks go back"],
)
def test_a_weekend_follows_the_clocks(friday: str, hours: int) -> None:
    """Hours are those on the wall in Berlin, so a weekend in which clocks change is an hour shorter or longer."""
    rules = Rules(time_zone="Europe/Berlin")
    start = utc(f"{friday} 00:00")
    inside = [hour for hour in range(24 * 5) if is_weekend(start + timedelta(hours=hour), rules)]
    assert list(range(inside[0], inside[0] + hours)) == inside
    ends = start + timedelta(hours=inside[-1] + 1)
    assert "Monday 00:00" == f"{ends.astimezone(BERLIN):%A %H:%M}"


def minutes_between(starts: int, ends: int) -> set[int]:
    """The minutes of the week from one up to another, walked one by one."""
    walked = set()
    while starts != ends:
        walked.add(starts)
        starts = (starts + 1) % (7 * 24 * 60)
    return walked


WEEK_MINUTES = st.integers(0, 7 * 24 * 60 - 1)


@pytest.mark.slow
@given(starts=WEEK_MINUTES, ends=WEEK_MINUTES, zone=st.sampled_from(["UTC", "Asia/Kolkata", "Pacific/Apia"]))
@example(starts=4 * 1440 + 18 * 60, ends=8 * 60, zone="UTC")
@example(starts=0, ends=0, zone="UTC")
@example(starts=7 * 1440 - 1, ends=0, zone="UTC")
@settings(max_examples=2)
def test_every_minute_of_the_week_is_in_or_out_as_set(starts: int, ends: int, zone: str) -> None:
    """Walking from start to end, minute by minute, gives exactly the minutes that count as weekend."""
    names = [f"{DAY_NAMES[minute // 1440]} {minute // 60 % 24:02}:{minute % 60:02}" for minute in (starts, ends)]
    rules = Rules(time_zone=zone, weekend_starts=names[0], weekend_ends=names[1])
    monday = datetime(2026, 6, 15, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    inside = {n for n in range(7 * 24 * 60) if is_weekend(monday + timedelta(minutes=n), rules)}
    assert minutes_between(starts, ends) == inside


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Monday 00:00", 0),
        ("Monday 00:01", 1),
        ("monday 23:59", 1439),
        ("FRIDAY 18:30", 4 * 1440 + 18 * 60 + 30),
        (" Sunday 23:59 ", 7 * 1440 - 1),
    ],
)
def test_week_minute(text: str, expected: int) -> None:
    """Minutes from Monday 00:00, in any case."""
    assert expected == week_minute(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Saturday",
        "00:00",
        "Saturday 24:00",
        "Saturday 00:60",
        "Saturday 0:00",
        "Saturday  00:00",
        "Saturday 00:00 UTC",
        "Saturday 00:00\nSunday 00:00",
        "Sat 00:00",
        "Caturday 00:00",
    ],
)
def test_impossible_weekend_hours(text: str) -> None:
    """The message has the text and an example."""
    with pytest.raises(InputError, match="expected a weekday and a time, such as 'Saturday 00:00'") as caught:
        week_minute(text)
    assert repr(text) in str(caught.value)
    with pytest.raises(InputError):
        is_weekend(utc("2026-11-22 00:00"), Rules(weekend_ends=text))


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "Europe", "../../etc/passwd", "Europe/Berlin\0"])
def test_impossible_time_zones(zone: str) -> None:
    """An unknown time zone is an error with a sentence."""
    with pytest.raises(InputError, match="is unknown; expected an IANA name such as 'Europe/Berlin'"):
        is_weekend(utc("2026-11-22 00:00"), Rules(time_zone=zone))


@pytest.mark.parametrize(
    ("opened", "rules", "expected", "words"),
    [
        ("2026-11-22 02:15", SEEDS, Answer.YES, "Sunday 2026-11-22 02:15 UTC"),
        ("2026-11-23 00:00", SEEDS, Answer.NO, "Monday 2026-11-23 00:00 UTC"),
        ("2026-11-22 23:30", Rules(time_zone="Europe/Berlin"), Answer.NO, "Monday 2026-11-23 00:30 Europe/Berlin"),
        ("2026-11-20 23:30", Rules(time_zone="Europe/Berlin"), Answer.YES, "Saturday 2026-11-21 00:30 Europe/Berlin"),
        ("2026-11-20 17:00", LONG_WEEKEND, Answer.YES, "Friday 2026-11-20 18:00 Europe/Berlin"),
    ],
)
def test_the_time_of_the_ticket_decides(opened: str, rules: Rules, expected: Answer, words: str) -> None:
    """On the ticket's own day (UTC) its minute counts; the reason tells it in the rules' time zone, with the hours."""
    ruling = weekend_ruling(utc(opened), utc(opened).date(), rules)
    assert expected is ruling.holds
    assert words in ruling.reason
    assert f"{rules.weekend_starts} to {rules.weekend_ends}, {rules.time_zone}" in ruling.reason
    assert ("use weekday_triage" in ruling.reason) == (expected is Answer.NO)


def test_the_tickets_own_day_is_its_day_in_utc() -> None:
    """A ticket that carries another offset is compared by its UTC date, as the scope is."""
    opened = datetime(2026, 11, 23, 1, 0, tzinfo=timezone(timedelta(hours=2)))
    ruling = weekend_ruling(opened, date(2026, 11, 22), SEEDS)
    assert Answer.YES is ruling.holds
    assert "Sunday 2026-11-22 23:00 UTC" in ruling.reason


@pytest.mark.parametrize(
    ("day", "rules", "expected"),
    [
        ("2026-11-20", SEEDS, Answer.NO),
        ("2026-11-21", SEEDS, Answer.YES),
        ("2026-11-22", SEEDS, Answer.YES),
        ("2026-11-23", SEEDS, Answer.NO),
        ("2026-11-19", LONG_WEEKEND, Answer.NO),
        ("2026-11-20", LONG_WEEKEND, Answer.YES),
        ("2026-11-23", LONG_WEEKEND, Answer.YES),
        ("2026-11-24", LONG_WEEKEND, Answer.NO),
        ("2026-11-20", Rules(weekend_starts="Friday 23:30"), Answer.YES),  # less than an hour of the day
        ("2026-11-23", Rules(weekend_ends="Monday 00:01"), Answer.YES),
        ("2026-03-29", Rules(time_zone="Europe/Berlin"), Answer.YES),  # a day of 23 hours
    ],
)
def test_a_date_of_the_engineer_counts_whole(day: str, rules: Rules, expected: Answer) -> None:
    """Where the engineer sets another date, any minute of that day may make it a weekend."""
    ruling = weekend_ruling(utc("2026-11-25 12:00"), date.fromisoformat(day), rules)
    assert expected is ruling.holds
    assert day in ruling.reason


@pytest.mark.parametrize("rules", [SEEDS, LONG_WEEKEND])
def test_a_moment_is_of_the_weekend_or_of_the_week(rules: Rules) -> None:
    """Never both, never neither; the wrong one names the other."""
    for hour, other_day in product(range(0, 24 * 8, 5), range(3)):
        opened = utc("2026-11-18 00:00") + timedelta(hours=hour)
        day = opened.date() + timedelta(days=other_day)
        weekend, weekday = weekend_ruling(opened, day, rules), weekday_ruling(opened, day, rules)
        assert {Answer.YES, Answer.NO} == {weekend.holds, weekday.holds}
        assert ("weekend_license" in weekday.reason) == (weekend.holds is Answer.YES)
        assert ("weekday_triage" in weekend.reason) == (weekday.holds is Answer.YES)


# -- seats


def test_the_worked_example() -> None:
    """20 in the subscription, 17 billable, at most 22, 2 over: 19 would be refused, so 22 is suggested."""
    advice = suggest_users(users_in_license=20, billable_users=17, maximum_users=22, users_over_license=2)
    assert 22 == advice.users
    assert policy.accepted_users(19) < 22 <= policy.accepted_users(22)
    assert "17 billable users plus 2 over the license" in advice.reason
    assert "maximum of 22" in advice.reason
    assert "refuses a license" in advice.reason


@pytest.mark.parametrize(("users", "expected"), [(0, 0), (1, 1), (9, 9), (10, 11), (19, 20), (20, 22), (1009, 1109)])
def test_ten_percent_more_are_accepted(users: int, expected: int) -> None:
    """Rounded down."""
    assert expected == policy.accepted_users(users)


@given(users=st.integers(0, 10**15))
def test_ten_percent_is_exact(users: int) -> None:
    """No float decides about a customer's license."""
    assert math.floor(users * Fraction(11, 10)) == policy.accepted_users(users)


@given(billable=SEATS | st.none(), maximum=SEATS, over=SEATS | st.none(), in_license=SEATS | st.none())
def test_the_suggestion_is_always_accepted(
    billable: int | None, maximum: int, over: int | None, in_license: int | None
) -> None:
    """Whatever else is known: with the known maximum, the instance takes what is suggested."""
    advice = suggest_users(
        users_in_license=in_license, billable_users=billable, maximum_users=maximum, users_over_license=over
    )
    assert advice.users is not None
    assert maximum <= policy.accepted_users(advice.users)
    assert advice.users >= 1
    if billable is not None:
        assert max(billable + (over or 0), maximum, 1) == advice.users


@pytest.mark.parametrize(
    ("figures", "expected", "words"),
    [
        (
            {"billable_users": 17, "maximum_users": 22, "users_over_license": 0},
            22,
            "The larger of 17 billable users and a maximum of 22",
        ),
        ({"billable_users": 30, "maximum_users": 22}, 30, "The larger of 30 billable users and a maximum of 22"),
        (
            {"billable_users": 22, "maximum_users": 22, "users_over_license": 2},
            24,
            "22 billable users plus 2 over the license",
        ),
        ({"billable_users": 0, "maximum_users": 0}, 1, "The larger of 0"),
        ({"maximum_users": 22}, 22, "maximum is 22; the billable users are not known"),
        ({"maximum_users": 22, "users_in_license": 30}, 22, "maximum is 22"),
        ({"maximum_users": 0}, 1, "maximum is 0"),
        ({"users_in_license": 20}, 20, "refused if the instance ever had more than 22 users"),
        ({"users_in_license": 20, "billable_users": 17}, 20, "maximum is not known"),
        (
            {"users_in_license": 20, "billable_users": 17, "users_over_license": 5},
            25,
            "refused if the instance ever had more than 27 users",
        ),
        ({"billable_users": 17}, 17, "maximum is not known"),
        ({"users_over_license": 5}, None, "No user figure is known"),
        (
            {"billable_users": 900_000, "users_over_license": 900_000, "maximum_users": 20},
            None,
            "make it 1,800,000 users, more than",
        ),
        ({"users_in_license": 900_000, "users_over_license": 900_000}, None, "check each of them"),
        ({}, None, "Dashboard"),
    ],
)
def test_the_suggestion_says_what_it_rests_on(figures: dict[str, int], expected: int | None, words: str) -> None:
    """What is known is used, what is not known is named, and nothing known suggests nothing."""
    advice = suggest_users(**figures)
    assert expected == advice.users
    assert words in advice.reason
