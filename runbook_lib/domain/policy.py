"""The rules of the two workflows as pure functions: scope window, weekend calendar, seat count.

Every number stands here once, with its source. A rule returns a `Ruling` (yes, no, or unknown with the facts
that would settle it); nothing here asks, sends or reads a clock. "Seeds" are the two workflow documents of
GitLab Support: license emergencies during the week, and on weekends.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from runbook_lib.domain.errors import InputError
from runbook_lib.domain.models import Answer, Ruling, SeatAdvice, Verdict, Window

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
    """What a team may set otherwise; the defaults are those of the seeds.

    Attributes:
        grace_days: Days from expiry to the end of the grace period.
        window_days: Whole days after it in which the runbook applies, both ends included.
        time_zone: IANA name; weekend hours are read in it.
        weekend_starts: Weekday and time such as "Saturday 00:00".
        weekend_ends: The same, exclusive.
    """

    grace_days: int = GRACE_DAYS
    window_days: int = WINDOW_DAYS
    time_zone: str = "UTC"
    weekend_starts: str = "Saturday 00:00"
    weekend_ends: str = "Monday 00:00"


@dataclass(frozen=True, kw_only=True)
class ScopeFacts:
    """What the scope rests on; None means not known.

    Attributes:
        deployment: `self_managed` or `gitlab_com`.
        account_type: `customer`, `prospect` or `reseller`.
        plan: One of `PAID_PLANS`, or `free`.
        expires_on: The day the license expired.
        blocked_on: The day from which its own license file makes the instance read-only; the end of its grace period.
        emergency_on: The emergency's date, UTC.
        requester_email: The address a license would go to.
        unsettled: Why a fact decides nothing yet, and the parameter that settles it, by fact: (reason, parameter).
    """

    emergency_on: date
    deployment: str | None = None
    account_type: str | None = None
    plan: str | None = None
    expires_on: date | None = None
    blocked_on: date | None = None
    requester_email: str | None = None
    unsettled: Mapping[str, tuple[str, str]] = field(default_factory=dict)


def scope(facts: ScopeFacts, rules: Rules) -> Verdict:
    """Decide whether the emergency workflows apply. Source: seeds, *Scope* and *Out of Scope*."""
    window = None
    if facts.expires_on is not None and "expires_on" not in facts.unsettled:
        window = license_window(facts.expires_on, facts.emergency_on, rules, blocked_on=facts.blocked_on)
    rulings = (
        deployment_ruling(facts),
        account_ruling(facts),
        plan_ruling(facts),
        _unsettled("expires_on", facts, window_rule(rules)) or window_ruling(window, rules),
        recipient_ruling(facts),
    )
    return Verdict(rulings=rulings, window=window)


def license_window(expires_on: date, emergency_on: date, rules: Rules, *, blocked_on: date | None = None) -> Window:
    """The days that matter around an expiry.

    A license file states itself when the instance becomes read-only: for paid plans after the grace period, for
    trials and temporary extensions at once. Where it is known, that day goes before the general rule.

    Raises:
        InputError: The dates run past the calendar's end.
    """
    try:
        grace_ends_on = blocked_on or expires_on + timedelta(days=rules.grace_days)
        last_day_on = grace_ends_on + timedelta(days=rules.window_days)
    except OverflowError as exc:
        raise InputError(f"The expiry date {expires_on} is too far away; check the year.") from exc
    return Window(expires_on, grace_ends_on, last_day_on, emergency_on)


def deployment_ruling(facts: ScopeFacts) -> Ruling:
    """Only self-managed instances; SaaS has a workflow of its own. Source: seeds, *Overview*."""
    rule = "Self-managed?"
    if unsettled := _unsettled("deployment", facts, rule):
        return unsettled
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
    """Prospects are out; whoever has a paid plan has bought, so is none. Source: seeds, *Out of Scope* 2."""
    rule = "A customer, not a prospect?"
    if unsettled := _unsettled("account_type", facts, rule):
        return unsettled
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
    if unsettled := _unsettled("plan", facts, rule):
        return unsettled
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
    """The rule of the window, as a question."""
    return f"Grace period ended within the last {rules.window_days} days?"


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
            "The instance works: check the date, or look for another cause of the emergency. If it is read-only all "
            "the same, it has another license than this one: pass the expires_on that it shows.",
            "expires_on",
        )
    if days < 0:
        return _no(
            rule,
            f"The grace period runs for {_days(-days)} more, until {ended}: the instance still works and this is "
            "no emergency. The customer opens a normal License & Renewals request.",
            "expires_on",
        )
    if days > rules.window_days:
        return _no(
            rule,
            f"The grace period ended on {ended}, {_days(days)} before {window.emergency_on}; the runbook applies "
            f"up to {_days(rules.window_days)}. Hand over to License & Renewals as a normal request.",
            "expires_on",
        )
    when = "on the day itself" if days == 0 else f"{_days(days)} before {window.emergency_on}"
    return _yes(rule, f"The grace period ended on {ended}, {when}.")


def recipient_ruling(facts: ScopeFacts) -> Ruling:
    """A license never goes to GitLab staff in a customer's stead. Source: GitLab handbook."""
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
    weekend, moment, hours = _calendar(opened_at, emergency_on, rules)
    reason = f"The emergency is of {moment}; weekend hours are {hours}."
    if weekend:
        return _yes("On a weekend?", reason, origin=_WEEKEND_ORIGIN)
    advice = "During the week a License & Renewals expert is at hand: use the weekday workflow (weekday_triage)."
    return _no("On a weekend?", f"{reason} {advice}", origin=_WEEKEND_ORIGIN)


def weekday_ruling(opened_at: datetime, emergency_on: date, rules: Rules) -> Ruling:
    """Whether the emergency falls outside the weekend: what `weekend_ruling` denies. Source: weekday seed, title."""
    weekend, moment, hours = _calendar(opened_at, emergency_on, rules)
    reason = f"The emergency is of {moment}; weekend hours are {hours}."
    if not weekend:
        return _yes("During the week?", reason, origin=_WEEKDAY_ORIGIN)
    advice = "On weekends the on-call engineer issues the license: use the weekend workflow (weekend_license)."
    return _no("During the week?", f"{reason} {advice}", origin=_WEEKDAY_ORIGIN)


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
    """The highest user count of the term that a license for `users` still covers: 10 % more, rounded down.

    Source: GitLab product documentation; an instance rejects a license whose allowance is below it.
    """
    return users * 11 // 10


def least_seats(users: int) -> int:
    """The fewest users of a license that still covers a highest count: the inverse of `accepted_users`."""
    return -(-users * 10 // 11)


def suggest_users(
    *,
    in_license: int | None = None,
    billable: int | None = None,
    maximum: int | None = None,
    over: int | None = None,
) -> SeatAdvice:
    """Suggest the user count for the license: `max(billable + over, maximum)`.

    Billable users alone can be too few, because the highest count of the term decides whether the instance takes
    the license. Source: GitLab handbook; the figures are those of the Dashboard and the Subscription page.
    """
    if billable is not None and maximum is not None:
        users = max(billable + (over or 0), maximum, 1)
        over_words = f" plus {over} over the license" if over else ""
        return SeatAdvice(
            users,
            f"The larger of {billable} billable users{over_words} and a maximum of {maximum}: an instance "
            "refuses a license that does not cover the highest count of the term.",
        )
    if maximum is not None:
        return SeatAdvice(max(maximum, 1), f"The instance's maximum is {maximum}; the billable users are not known.")
    known = max((n + (over or 0) for n in (in_license, billable) if n), default=None)
    if known is None:
        return SeatAdvice(None, "No user figure is known: it stands on the Dashboard and on the License page.")
    return SeatAdvice(
        known,
        f"The seats known are {known}; the instance's maximum is not known. "
        f"A license for {known} is refused if the instance ever had more than {accepted_users(known)} users.",
    )


def _calendar(opened_at: datetime, emergency_on: date, rules: Rules) -> tuple[bool, str, str]:
    """Whether it is a weekend; the moment and the weekend hours in words."""
    hours = f"{rules.weekend_starts} to {rules.weekend_ends}, {rules.time_zone}"
    if emergency_on != opened_at.astimezone(UTC).date():
        return _touches_weekend(emergency_on, rules), f"{emergency_on:%A %Y-%m-%d}", hours
    local = opened_at.astimezone(_zone(rules))
    return is_weekend(opened_at, rules), f"{local:%A %Y-%m-%d %H:%M} {rules.time_zone}", hours


def _touches_weekend(day: date, rules: Rules) -> bool:
    midnight = day.weekday() * _DAY_MINUTES
    return any(_in_weekend(midnight + minute, rules) for minute in range(_DAY_MINUTES))


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


def _days(count: int) -> str:
    return f"{count} day" if count == 1 else f"{count} days"


def _yes(rule: str, reason: str, *, origin: str = _SEEDS_SCOPE) -> Ruling:
    return Ruling(rule, Answer.YES, reason, origin)


def _no(rule: str, reason: str, *rests_on: str, origin: str = _SEEDS_SCOPE) -> Ruling:
    return Ruling(rule, Answer.NO, reason, origin, rests_on=rests_on)


def _unknown(rule: str, reason: str, fact: str) -> Ruling:
    return Ruling(rule, Answer.UNKNOWN, reason, _SEEDS_SCOPE, (fact,))


def _unsettled(name: str, facts: ScopeFacts, rule: str) -> Ruling | None:
    """What a rule says as long as the fact that it rests on has to be settled by a person."""
    if name not in facts.unsettled:
        return None
    reason, parameter = facts.unsettled[name]
    return _unknown(rule, reason, parameter)


_WEEKEND_ORIGIN = "Weekend workflow, Overview"
_WEEKDAY_ORIGIN = "Weekday workflow, Overview"
