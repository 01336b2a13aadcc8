"""The rules of the two workflows as pure functions: scope window, weekend calendar, seat count.

Every number is defined here once, with its source. A rule returns a `Ruling`: yes, no, or unknown with the facts
that would settle it. No I/O, no clock. "Seeds" are the two workflow documents of GitLab Support: license
emergencies during the week, and on weekends.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from runbook_lib.domain.errors import InputError
from runbook_lib.domain.models import Answer, Ruling, SeatAdvice, Verdict, Window
from runbook_lib.domain.plain_text import count

GRACE_DAYS = 14
"""Days that a paid instance goes on working after its license expired. Source: seeds, *Scope*."""
WINDOW_DAYS = 3
"""Whole days after the grace period in which the emergency workflow applies. Source: seeds, *Scope*."""
TRIAL_DAYS = 10
"""Days that an emergency license lasts; the tool allows no other. Source: weekend seed, *Considerations* 1."""
TRIAL_PLAN = "ultimate"
"""The plan of an emergency license. Source: weekend seed, *Overview*."""
PAID_PLANS = ("starter", "premium", "ultimate")
"""The paid self-managed plans. Source: GitLab product documentation; Starter is the legacy one."""
FIGURES = ("users_in_license", "billable_users", "maximum_users", "users_over_license")
"""The numbers of users that the product's pages show, by the parameters that take them."""
COUNTED = ("billable_users", "maximum_users")
"""Those that the instance has counted itself; its highest count is at least as high as each."""
TOLERANCE_PERCENT = 10
"""How many users more than its own a license covers. Source: GitLab product documentation."""
MAX_USERS = 1_000_000
"""More users than this on one license is a typing error."""
STAFF_DOMAIN = "gitlab.com"
"""Addresses of GitLab's own people: a license is never sent there. Source: GitLab handbook."""

_SEEDS_SCOPE = "Support workflow, Scope"
_DAY_MINUTES = 24 * 60
_WEEK_MINUTES = 7 * _DAY_MINUTES
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True, kw_only=True)
class Rules:
    """Settings of the team; the defaults are those of the seeds."""

    grace_days: int = GRACE_DAYS  # days from expiry to the end of the grace period
    window_days: int = WINDOW_DAYS  # whole days after it in which the runbook applies, both ends included
    time_zone: str = "UTC"  # IANA name; weekend hours are read in it
    weekend_starts: str = "Saturday 00:00"  # weekday and time such as "Saturday 00:00"
    weekend_ends: str = "Monday 00:00"  # the same, exclusive


@dataclass(frozen=True, kw_only=True)
class ScopeFacts:
    """The facts that the scope is decided by; None means not known."""

    emergency_on: date  # the emergency's date, UTC
    deployment: str | None = None  # `self_managed` or `gitlab_com`
    account_type: str | None = None  # `customer`, `prospect` or `reseller`
    plan: str | None = None  # one of `PAID_PLANS`, or `free`
    expires_on: date | None = None
    # The day from which the instance is read-only by its license file; the end of the grace period
    blocked_on: date | None = None
    requester_email: str | None = None  # the address a license would go to
    # Facts that a person has to settle first, by name: (reason, parameter that settles it)
    unsettled: Mapping[str, tuple[str, str]] = field(default_factory=dict)


def scope(facts: ScopeFacts, rules: Rules) -> Verdict:
    """Decide whether the emergency workflows apply. Source: seeds, *Scope* and *Out of Scope*."""
    window, unsettled = None, facts.unsettled.get("expires_on")
    if facts.expires_on is not None and not unsettled:
        window = license_window(facts.expires_on, facts.emergency_on, rules, blocked_on=facts.blocked_on)
    in_window = _unknown(window_rule(rules), *unsettled) if unsettled else window_ruling(window, rules)
    rulings = (deployment_ruling(facts), account_ruling(facts), plan_ruling(facts), in_window, recipient_ruling(facts))
    return Verdict(rulings=rulings, window=window)


def license_window(expires_on: date, emergency_on: date, rules: Rules, *, blocked_on: date | None = None) -> Window:
    """The days around an expiry.

    A license file states when the instance becomes read-only: for paid plans after the grace period, for trials and
    temporary extensions at once. Where that day is known, it overrides the general rule, but only within these bounds:
    its contents are the customer's evidence, and another day would put any expiry into the window.

    Raises:
        InputError: The dates run past the calendar's end.
    """
    grace_days = rules.grace_days
    if blocked_on:
        grace_days = min(max((blocked_on - expires_on).days, 0), max(grace_days, GRACE_DAYS))
    try:
        grace_ends_on = expires_on + timedelta(days=grace_days)
        last_day_on = grace_ends_on + timedelta(days=rules.window_days)
    except OverflowError as exc:
        raise InputError(f"The expiry date {expires_on} is too far away; check the year.") from exc
    return Window(expires_on, grace_ends_on, last_day_on, emergency_on)


def deployment_ruling(facts: ScopeFacts) -> Ruling:
    """Only self-managed instances; SaaS has a workflow of its own. Source: seeds, *Overview*."""
    rule = "Self-managed?"
    if "deployment" in facts.unsettled:
        return _unknown(rule, *facts.unsettled["deployment"])
    if facts.deployment is None:
        return _unknown(rule, "Not known whether the instance is self-managed or on GitLab.com.", "deployment")
    if facts.deployment == "gitlab_com":
        return _no(
            rule,
            "The subscription is for GitLab.com. Use the SaaS License Emergencies workflow instead "
            "(handbook: Customer Emergencies Workflow, SaaS Subscription Emergencies).",
            "deployment",
        )
    return _yes(rule, "The instance is self-managed.")


def account_ruling(facts: ScopeFacts) -> Ruling:
    """Prospects are out of scope; an account with a paid plan is no prospect. Source: seeds, *Out of Scope* 2."""
    rule = "A customer, not a prospect?"
    if "account_type" in facts.unsettled:
        return _unknown(rule, *facts.unsettled["account_type"])
    if facts.account_type == "prospect":
        return _no(
            rule,
            "The account is a prospect: it never bought a plan. Point them to Sales for a trial extension.",
            *("account_type", "plan"),
        )
    if facts.account_type == "reseller":
        return _no(
            rule,
            "The account is a reseller. A license goes to the customer only: "
            "ask that the customer's own administrator opens the ticket.",
            "account_type",
        )
    if facts.account_type == "customer":
        return _yes(rule, "The account is a customer.")
    if "plan" in facts.unsettled:
        reason = "Not known whether the account ever bought a plan, since its plan is open."
        return _unknown(rule, reason, facts.unsettled["plan"][1])
    if facts.plan in PAID_PLANS:
        return _yes(rule, f"The account has a paid plan ({facts.plan.title()}), so it is no prospect.")
    return _unknown(rule, "Not known whether the account ever bought a plan.", "account_type")


def plan_ruling(facts: ScopeFacts) -> Ruling:
    """Only paid plans. Source: seeds, *Scope* and *Out of Scope* 1."""
    rule = "Paid plan?"
    if "plan" in facts.unsettled:
        return _unknown(rule, *facts.unsettled["plan"])
    if facts.plan is None:
        return _unknown(rule, "The plan is not known.", "plan")
    if facts.plan not in PAID_PLANS:
        return _no(
            rule,
            f"The plan is {facts.plan.title()}, which is no paid plan. "
            "Without one there is no emergency support: point them to the GitLab Forum and to Sales.",
            "plan",
        )
    return _yes(rule, f"The plan is {facts.plan.title()}, a paid plan.")


def window_rule(rules: Rules) -> str:
    return f"Grace period ended within the last {rules.window_days} days?"


_IF_READ_ONLY = "If it is read-only all the same, another license is in use there: pass the expires_on that it shows."


def window_ruling(window: Window | None, rules: Rules) -> Ruling:
    """The grace period ended within the last days before the emergency. Source: seeds, *Scope*."""
    rule = window_rule(rules)
    if window is None:
        return _unknown(rule, "The day the license expired is not known.", "expires_on")
    days, ended = window.days_after_grace, window.grace_ends_on
    if window.emergency_on < window.expires_on:
        return _no(
            rule,
            f"The license runs until {window.expires_on} and has not expired on {window.emergency_on}. "
            f"The instance works: check the date, or look for another cause of the emergency. {_IF_READ_ONLY}",
            "expires_on",
        )
    if days < 0:
        return _no(
            rule,
            f"The grace period runs for {count(-days, 'day')} more, until {ended}: the instance still works and this "
            f"is no emergency. The customer opens a normal License & Renewals request. {_IF_READ_ONLY}",
            "expires_on",
        )
    if days > rules.window_days:
        return _no(
            rule,
            f"The grace period ended on {ended}, {count(days, 'day')} before {window.emergency_on}; the runbook "
            f"applies up to {count(rules.window_days, 'day')}. Hand over to License & Renewals as a normal request.",
            "expires_on",
        )
    when = "on the day itself" if days == 0 else f"{count(days, 'day')} before {window.emergency_on}"
    return _yes(rule, f"The grace period ended on {ended}, {when}.")


def recipient_ruling(facts: ScopeFacts) -> Ruling:
    """A license never goes to GitLab staff on a customer's behalf. Source: GitLab handbook."""
    rule = "Requester is not GitLab staff?"
    domain = (facts.requester_email or "").rpartition("@")[2].lower()
    if domain == STAFF_DOMAIN or domain.endswith("." + STAFF_DOMAIN):
        return _no(
            rule,
            f"The requester's address is at {STAFF_DOMAIN}. A license goes to the customer only: "
            "ask that the customer's own administrator opens the ticket.",
            "requester_email",
            origin="GitLab handbook",
        )
    if not domain:
        return _yes(rule, "No address of GitLab staff is known; one given later is checked.", origin="GitLab handbook")
    return _yes(rule, "The requester is not GitLab staff.", origin="GitLab handbook")


def weekend_ruling(opened_at: datetime, emergency_on: date, rules: Rules) -> Ruling:
    """Whether the emergency falls on a weekend.

    The ticket's own time decides; where the engineer set another date, any hour of that day may count.
    Source: weekend seed, title and *Overview*; the hours are a setting, since no document defines them.
    """
    advice = "During the week a License & Renewals expert is at hand: use weekday_triage."
    weekend, reason = _calendar(opened_at, emergency_on, rules)
    rule, origin = "On a weekend?", "Weekend workflow, Overview"
    return _calendar_ruling(rule, origin, weekend, reason, advice=advice, instead="weekday_triage")


def weekday_ruling(opened_at: datetime, emergency_on: date, rules: Rules) -> Ruling:
    """Whether the emergency falls outside the weekend hours. Source: weekday seed, title."""
    weekend, reason = _calendar(opened_at, emergency_on, rules)
    advice = "On weekends the on-call engineer issues the license: use weekend_license."
    rule, origin = "During the week?", "Weekday workflow, Overview"
    return _calendar_ruling(rule, origin, not weekend, reason, advice=advice, instead="weekend_license")


def is_weekend(moment: datetime, rules: Rules) -> bool:
    """Whether an aware moment lies within the weekend hours.

    Raises:
        InputError: The hours or the time zone of the rules cannot be read.
    """
    local = moment.astimezone(_zone(rules))
    return _in_weekend(local.weekday() * _DAY_MINUTES + local.hour * 60 + local.minute, rules)


def week_minute(text: str) -> int:
    """Minutes from Monday 00:00 to a weekday and time such as "Friday 18:30".

    Raises:
        InputError: The text is no weekday and time.
    """
    found = re.fullmatch(r"([A-Za-z]+) ([01]\d|2[0-3]):([0-5]\d)", text.strip())
    day = found and found[1].lower()
    if not found or day not in _DAYS:
        raise InputError(
            f"The weekend hour {text!r} cannot be read; expected a weekday and a time, such as 'Saturday 00:00'."
        )
    return _DAYS.index(day) * _DAY_MINUTES + int(found[2]) * 60 + int(found[3])


def accepted_users(users: int) -> int:
    """The highest user count of the term that a license for `users` covers, rounded down; above it, it is rejected."""
    return users * (100 + TOLERANCE_PERCENT) // 100


def least_seats(users: int) -> int:
    """The fewest users of a license that still covers a highest count: the inverse of `accepted_users`."""
    return -(-users * 100 // (100 + TOLERANCE_PERCENT))


def suggest_users(
    *,
    users_in_license: int | None = None,
    billable_users: int | None = None,
    maximum_users: int | None = None,
    users_over_license: int | None = None,
) -> SeatAdvice:
    """Suggest the user count for the license: `max(billable + over, maximum)`.

    Billable users alone can be too few, because the highest count of the term decides whether the instance takes
    the license. Source: GitLab handbook; the figures are those of the Dashboard and the Subscription page.
    """
    in_license, billable, maximum, over = users_in_license, billable_users, maximum_users, users_over_license or 0
    known = max((n + over for n in (in_license, billable) if n), default=None)
    if billable is not None and maximum is not None:
        users = max(billable + over, maximum, 1)
        over_words = f" plus {over} over the license" if over else ""
        reason = (
            f"The larger of {billable} billable users{over_words} and a maximum of {maximum}: an instance "
            "refuses a license that does not cover the highest count of the term."
        )
    elif maximum is not None:
        users = max(maximum, 1)
        reason = f"The instance's maximum is {maximum}; the billable users are not known."
    elif known is not None:
        users = known
        reason = (
            f"The seats known are {known}; the instance's maximum is not known. "
            f"A license for {known} is refused if the instance ever had more than {accepted_users(known)} users."
        )
    else:
        return SeatAdvice(None, "No user figure is known: it stands on the Dashboard and on the License page.")
    if users > MAX_USERS:
        reason = f"The figures make it {users:,} users, more than a license can have: check each of them."
        return SeatAdvice(None, reason)
    return SeatAdvice(users, reason)


def _calendar_ruling(rule: str, origin: str, holds: bool, reason: str, *, advice: str, instead: str) -> Ruling:
    if holds:
        return _yes(rule, reason, origin=origin)
    return Ruling(rule, Answer.NO, f"{reason} {advice}", origin, instead=instead)


def _calendar(opened_at: datetime, emergency_on: date, rules: Rules) -> tuple[bool, str]:
    """Whether it is a weekend, and the reason as a sentence."""
    if emergency_on != opened_at.astimezone(UTC).date():
        weekend, moment = _touches_weekend(emergency_on, rules), f"{emergency_on:%A %Y-%m-%d}"
    else:
        local = opened_at.astimezone(_zone(rules))
        weekend, moment = is_weekend(opened_at, rules), f"{local:%A %Y-%m-%d %H:%M} {rules.time_zone}"
    hours = f"{rules.weekend_starts} to {rules.weekend_ends}, {rules.time_zone}"
    return weekend, f"The emergency is of {moment}; weekend hours are {hours}."


def _touches_weekend(day: date, rules: Rules) -> bool:
    midnight, starts = day.weekday() * _DAY_MINUTES, week_minute(rules.weekend_starts)
    begins_on_it = 0 <= starts - midnight < _DAY_MINUTES and starts != week_minute(rules.weekend_ends)
    return begins_on_it or _in_weekend(midnight, rules)


def _in_weekend(minute: int, rules: Rules) -> bool:
    starts, ends = week_minute(rules.weekend_starts), week_minute(rules.weekend_ends)
    return (minute - starts) % _WEEK_MINUTES < (ends - starts) % _WEEK_MINUTES


def _zone(rules: Rules) -> ZoneInfo:
    try:
        return ZoneInfo(rules.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as exc:
        raise InputError(
            f"The time zone {rules.time_zone!r} is unknown; expected an IANA name such as 'Europe/Berlin'."
        ) from exc


def _yes(rule: str, reason: str, *, origin: str = _SEEDS_SCOPE) -> Ruling:
    return Ruling(rule, Answer.YES, reason, origin)


def _no(rule: str, reason: str, *rests_on: str, origin: str = _SEEDS_SCOPE) -> Ruling:
    return Ruling(rule, Answer.NO, reason, origin, rests_on=rests_on)


def _unknown(rule: str, reason: str, fact: str) -> Ruling:
    return Ruling(rule, Answer.UNKNOWN, reason, _SEEDS_SCOPE, (fact,))
