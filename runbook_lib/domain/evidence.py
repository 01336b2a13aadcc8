"""Compares the customer's evidence with our records, and finds what a person has to settle. Pure.

Our records (the organization's fields, CustomersDot) override license files and screenshots, which never raise the
plan, the paid status or the users above ours, and never make a prospect a customer. Where a contradiction affects the
decision, the engineer is asked, with both values and their sources.

Source: a license file proves that a license was issued with its key; neither its contents nor that it is installed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from runbook_lib.domain.errors import InputError
from runbook_lib.domain.models import Answer, Fact, Facts, Source
from runbook_lib.domain.pasted import name_key
from runbook_lib.domain.plain_text import clean, count, listed
from runbook_lib.domain.policy import FIGURES, MAX_USERS, PAID_PLANS, accepted_users, least_seats

OURS = (Source.ORGANIZATION, Source.CUSTOMERSDOT)
"""Our records."""
CUSTOMERS = (Source.LICENSE_FILE, Source.SCREENSHOT)
"""Evidence from the customer."""
OpenQuestion = tuple[str, str]
"""Why only a person can settle a fact, and the parameter that answers it."""
NONE_OF_THEM = "none"
"""The answer that no license on the ticket is installed."""

_FIGURE = r"(?<![0-9.,'])([0-9]{1,3}(?:[.,' ][0-9]{3}){1,2}|[0-9]{1,7})"
_USERS = r"(?:users?|seats?|benutzer|nutzer|utilisateurs?|usuarios?|utenti|usuários|gebruikers)"
_WRITTEN_COUNT = re.compile(
    rf"\b{_FIGURE} (?:[a-z]+ )?{_USERS}\b|\b{_USERS}\b[^\w\n]{{0,3}}(?:is|are|was|were|count|of|:|=| )*{_FIGURE}\b",
    re.IGNORECASE,
)
_RANKS = {plan: rank for rank, plan in enumerate(("free", *PAID_PLANS))}


@dataclass(frozen=True)
class Attached:
    """A license on the ticket that the expected key has signed and that has started."""

    name: str
    fingerprint: str  # distinguishes files of the same name
    expires_on: date | None
    blocked_on: date | None = None  # the day from which the instance is read-only, if the file states it
    users: int | None = None  # its user count, or None if that is no number
    plan: str | None = None
    is_trial: bool = False
    is_cancellation: bool = False  # whether it was issued because a subscription was canceled
    company: str = ""
    email: str = ""  # the licensee's address, or ""
    starts_on: date = date.min

    def works_on(self, day: date, grace_days: int) -> bool:
        """Whether an instance with this license can be written to on a day."""
        try:
            end = self.blocked_on or (self.expires_on or date.max) + timedelta(days=grace_days)
        except OverflowError:  # it never ends, or after the calendar does
            return True
        return day < end


@dataclass(frozen=True)
class Installed:
    """The license that the instance has, as far as the ticket shows."""

    license: Attached | None = None  # the license whose facts count, or None
    question: str = ""  # why the engineer has to be asked, or ""


def installed(
    held: Sequence[Attached],
    *,
    emergency_on: date,
    grace_days: int,
    in_trouble: bool,
    works: bool,
    answer: str | None = None,
) -> Installed:
    """The license on a ticket that counts: the one that ends last, unless it may not be installed.

    A license that is still valid was issued, but an instance rejects one with too few users, so it may not be
    installed: a renewal is asked about, which is a license that has not expired or follows an older one. One whose
    grace period runs is asked about if the ticket speaks of trouble. If the ticket says that the instance works
    although no license on it runs any more, it may have a later one. The ticket's words only raise the question.

    Args:
        held: The licenses, in any order.
        emergency_on: The emergency's date.
        grace_days: Days from expiry to the end of the grace period, where a file does not state it.
        in_trouble: Whether the ticket speaks of trouble, as `working_words` reads it.
        works: Whether it says that the instance works.
        answer: What the engineer says: a file's name, the beginning of a fingerprint, or `none`.

    Raises:
        InputError: The engineer's answer matches no license, or several.
    """
    if answer is not None:
        return Installed(_named(answer, held))
    in_order = sorted(held, key=lambda one: one.expires_on or date.max, reverse=True)
    running = [one for one in in_order if one.works_on(emergency_on, grace_days)]
    is_renewal = len(running) < len(held) or any(emergency_on < (one.expires_on or date.max) for one in running)
    question = "Which license does the instance have? Ask the customer, then pass installed_license."
    if works and not running:
        which = f"as the one that it has, or {NONE_OF_THEM}" if held else f"as {NONE_OF_THEM}"
        question = (
            "Does the instance work again? Ask the customer: then nothing is needed, and the ticket can be closed. If "
            f"it does not, pass installed_license {which}."
        )
        reason = "The ticket may say that it works"
    elif running and (in_trouble or is_renewal):
        runs = listed([f"{one.name} {_runs(one, emergency_on)}" for one in running])
        reason = f"The ticket speaks of trouble, but {runs}" if in_trouble else runs[:1].upper() + runs[1:]
    else:
        return Installed(in_order[0] if in_order else None)
    ended = "".join(f"; {one.name} expired on {one.expires_on}" for one in in_order if one not in running)
    return Installed(None, f"{question} {reason}{ended}.")


def _runs(one: Attached, day: date) -> str:
    if one.expires_on and one.expires_on <= day:
        return f"(expired on {one.expires_on}) is in its grace period"
    return f"runs until {one.expires_on}" if one.expires_on else "runs without an end"


def too_few_users(later: Sequence[Attached], held: Sequence[Attached], facts: Facts) -> list[str]:
    """Notes on the later licenses that an instance may have rejected for too few users, with the number that it needs.

    Source: GitLab product documentation; an instance takes a license if its users and 10 % more, rounded down, are at
    least the highest user count of the term.
    """
    needed, most = highest_count(facts), max((one.users or 0 for one in held), default=0)
    notes = []
    for one in later:
        if one.users is not None and needed is not None and accepted_users(one.users) < needed:
            words = f"and the instance had up to {needed}: it refuses a license for fewer than {least_seats(needed)}."
            notes.append(f"{one.name} is for {count(one.users, 'user')}, {words}")
        elif one.users is not None and needed is None and one.users < most:
            words = f"and another license of the ticket for {most}: an instance that had up to {most} users refuses one"
            notes.append(f"{one.name} is for {count(one.users, 'user')}, {words} for fewer than {least_seats(most)}.")
    return notes


def counts_above(users: int, texts: Iterable[str]) -> list[int]:
    """The user counts above a number that texts state, which may correct a figure: *maximum users is 312, not 254*."""
    written = (found[1] or found[2] for text in texts for found in _WRITTEN_COUNT.finditer(text))
    found = {int(re.sub(r"\D", "", figure)) for figure in written}
    return sorted(one for one in found if users < one <= MAX_USERS)


def highest_count(facts: Facts) -> int | None:
    """The highest user count of the term, or None if no figure shows it."""
    maximum, billable = facts.value("maximum_users"), facts.value("billable_users")
    over = facts.value("users_over_license")
    counts = [maximum if isinstance(maximum, int) else None]
    if isinstance(billable, int):
        counts.append(billable + (over if isinstance(over, int) else 0))
    return max((count for count in counts if count is not None), default=None)


def open_questions(
    facts: Facts, unread: Mapping[str, str], in_window: Callable[[Fact], Answer]
) -> dict[str, OpenQuestion]:
    """What the engineer has to settle about the scope's facts, by fact.

    Args:
        facts: All known facts.
        unread: Organization fields with unexpected values, in words, by fact.
        in_window: Whether an expiry lies in the workflow's window.
    """
    found = {
        "deployment": _contradiction(facts, "deployment", lambda ours, theirs: ours.value != theirs.value),
        "account_type": _account_question(facts),
        "plan": _contradiction(facts, "plan", _plan_matters),
        "expires_on": _contradiction(
            facts, "expires_on", lambda ours, theirs: in_window(ours) is not in_window(theirs)
        ),
    }
    plan = facts.best("plan")
    if not found["account_type"]:
        found["plan"] = found["plan"] or _unproven_plan(facts)
    elif plan and plan.source in CUSTOMERS:
        found["plan"] = found["account_type"]  # one answer settles both
    for name, words in unread.items():
        best = facts.best(name)
        if best is None or best.source in CUSTOMERS:
            beside = f"; {_says(best)}" if best else ""
            found[name] = (f"{words}{beside}. Pass {name}.", name)
    return {name: question for name, question in found.items() if question}


def users_question(facts: Facts, suggested: int) -> str:
    """Why a person has to give the user count, or "" if our records or the engineer's figures support it."""
    figures = FIGURES[1:] if facts.value("maximum_users") is not None else FIGURES  # those that `suggest_users` uses
    used = [fact for fact in map(facts.best, figures) if fact]
    theirs = [fact for fact in facts.known if fact.name in FIGURES and fact.source in CUSTOMERS]
    if not any(fact.source is not Source.ENGINEER for fact in used) or not theirs:
        return ""
    ours = [f for f in facts.known if f.name == "users_in_license" and f.source in OURS and isinstance(f.value, int)]
    most = max(ours, key=lambda fact: int(str(fact.value)), default=None)
    if most is None:
        files = [fact for fact in used if fact.source is Source.LICENSE_FILE]
        if not files:
            return ""  # a person has read the figures off a screenshot, as the workflow asks
        return f"Only the customer's own file says for how many users: {_says(files[0])}. A file proves no number."
    limit = int(str(most.value))
    above = [f for f in theirs if f.name == "users_in_license" and isinstance(f.value, int) and f.value > limit]
    shown = [f for f in used if f.source in CUSTOMERS] if suggested > limit else []
    if not above and not shown:
        return ""
    words = "; ".join(dict.fromkeys(_says(fact) for fact in (*above, *shown)))
    return f"The customer's evidence has more users than our records: {_says(most)}, but {words}."


def overruled(facts: Facts) -> list[str]:
    """The engineer's answers that contradict what was found, each as a sentence with all values."""
    found: dict[Fact, list[str]] = {}
    for best, other in facts.conflicts():
        if best.source is Source.ENGINEER:
            found.setdefault(best, []).append(
                f"{other.value} ({', '.join(filter(None, (other.source, other.detail)))})"
            )
    words = "The engineer's answer contradicts what was found: "
    return [f"{words}{one.name} {one.value}, but {listed(others)}." for one, others in found.items()]


def _contradiction(facts: Facts, name: str, matters: Callable[[Fact, Fact], bool]) -> OpenQuestion | None:
    """The question about a contradiction between what counts and another source, if it matters."""
    best = facts.best(name)
    if best is None or best.source is Source.ENGINEER:
        return None
    against = [
        fact
        for fact in facts.known
        if fact.name == name and fact.source in (*OURS, *CUSTOMERS) and fact.value != best.value and matters(best, fact)
    ]
    if not against:
        return None
    words = " and ".join(dict.fromkeys(map(_says, against)))
    reason = f"The sources differ: {_says(best)}, but {words}. {_ask_for(name, best, *against)}"
    return reason, name


def _plan_matters(ours: Fact, theirs: Fact) -> bool:
    """Whether the customer's plan is above ours; or of two of ours, or of theirs, one is paid and the other is not."""
    if theirs.source in OURS or ours.source in CUSTOMERS:
        return (ours.value in PAID_PLANS) is not (theirs.value in PAID_PLANS)
    return _RANKS.get(str(theirs.value), 0) > _RANKS.get(str(ours.value), 0)


def _account_question(facts: Facts) -> OpenQuestion | None:
    """A prospect in our records who shows a paid plan."""
    account = facts.best("account_type")
    if account is None or account.source not in OURS or account.value != "prospect":
        return None
    paid = [f for f in facts.known if f.name == "plan" and f.value in PAID_PLANS and f.source is not Source.ENGINEER]
    if not paid:
        return None
    reason = f"The sources differ: {_says(account)}, but {_says(paid[0])}. Pass account_type."
    return reason, "account_type"


def _unproven_plan(facts: Facts) -> OpenQuestion | None:
    """A paid plan that only the customer's evidence shows, for an account that is not known as a customer."""
    plan, account = facts.best("plan"), facts.best("account_type")
    if plan is None or plan.source not in CUSTOMERS or plan.value not in PAID_PLANS:
        return None
    if account and account.value == "customer" and account.source not in CUSTOMERS:
        return None
    return f"Only the customer's own evidence says that a plan is paid: {_says(plan)}. {_ask_for('plan', plan)}", "plan"


def _ask_for(name: str, *facts: Fact) -> str:
    """The request for an answer; one that was confirmed beside a screenshot has been given, but as the customer's."""
    of_screenshot = any(fact.source is Source.SCREENSHOT for fact in facts)
    own = " as your own answer: what you confirm is the screenshot's" if of_screenshot else ""
    return f"Pass {name}{own}."


def _says(fact: Fact) -> str:
    where = f" ({fact.detail})" if fact.detail else ""
    return f"the {fact.source}{where} says {fact.name} {fact.value}"


def _named(answer: str, held: Sequence[Attached]) -> Attached | None:
    key = name_key(answer)
    if key == NONE_OF_THEM:
        return None
    found = [one for one in held if name_key(one.name) == key]
    found = found or [one for one in held if len(key) >= 8 and key in name_key(one.fingerprint)]
    if len(found) == 1:
        return found[0]
    names = "; ".join(f"{one.name} ({one.fingerprint[:15]})" for one in held) or "no license"
    problem = "several licenses of that name are" if found else "no such license is"
    raise InputError(
        f"installed_license is “{clean(answer, 80)}”, but {problem} on the ticket, which has: {names}. Pass a file "
        f"name, the first characters of a fingerprint, or {NONE_OF_THEM}."
    )
