"""The parameters of the runbooks: each defined once, with its type, its check and its texts.

The notebooks' parameters cells, the checks of the runner and the steps all read the same definitions.
*Unknown* is a value of its own: the word `unknown`, never an empty string, zero or *no*.
"""

from __future__ import annotations

import json
import re
import shlex
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any

from runbook_lib.domain import pasted
from runbook_lib.domain.errors import InputError
from runbook_lib.domain.plain_text import clean, has_secret
from runbook_lib.domain.policy import MAX_USERS, PAID_PLANS

UNKNOWN = "unknown"
MAX_TICKET = 10**12
FIRST_YEAR, LAST_YEAR = 2000, 2100
ON_SCREENSHOTS = ("plan", "expires_on", "users_in_license", "billable_users", "maximum_users", "users_over_license")
"""The parameters that a customer's screenshots can show."""
Value = int | bool | str | date | tuple[str, ...]


@dataclass(frozen=True)
class Question:
    """One parameter."""

    name: str  # its name in the notebooks, on the command line and in records
    words: str  # its meaning in one line; the notebooks' `# help` comment
    read: Callable[[str, object], Value]  # turns the given value into the checked one; raises InputError
    label: str = ""
    choices: tuple[str, ...] = ()
    optional: bool = True  # whether `unknown` is allowed

    def parse(self, raw: object) -> Value | None:
        """The checked value, or None for `unknown`.

        Raises:
            InputError: The value is impossible; the message names it and what was expected.
        """
        if self.optional and isinstance(raw, str) and raw.strip().lower() == UNKNOWN:
            return None
        return self.read(self.name, raw)

    @property
    def example(self) -> str:
        """A placeholder for the value on the command line; one that is pasted as it is answers nothing."""
        return _PLACEHOLDERS.get(self.read, ("", ""))[0] or "/".join(self.choices) or "VALUE"

    @property
    def hint(self) -> str:
        """What an empty field shows a person; "" where its label says it all."""
        return _PLACEHOLDERS.get(self.read, ("", ""))[1]

    def reading(self, raw: object) -> str:
        """How a value is read, where that is not obvious: a date with its weekday. Raises as `parse`."""
        value = self.parse(raw)
        if isinstance(value, date):
            return f"{value:%A}, {value.day} {value:%B %Y}"
        return f"read as {value}" if self.pasted(raw) else ""

    def pasted(self, raw: object) -> str:
        """The given text, if it differs from the plain form, as `Nov 6, 2026`; else "". Raises as `parse`."""
        value = self.parse(raw)
        if not isinstance(raw, str) or isinstance(value, bool) or not isinstance(value, int | date):
            return ""
        return "" if raw.strip() == str(self.plain(raw)) else raw.strip()

    def kept(self, raw: object) -> object:
        """The value for a notebook's parameter: as pasted where the step shows the original text, else as `plain`."""
        return (self.pasted(raw) if self.optional else "") or self.plain(raw)

    def plain(self, raw: object) -> object:
        """The checked value as a notebook parameter: ISO dates, lists, `unknown`."""
        value = self.parse(raw)
        if value is None:
            return UNKNOWN
        if isinstance(value, date):
            return value.isoformat()
        return list(value) if isinstance(value, tuple) else value

    def typed(self, raw: object) -> str:
        """The checked value as typed on the command line or into a form."""
        plain = self.plain(raw)
        return json.dumps(plain) if isinstance(plain, list) else str(plain)


def parse(name: str, raw: object) -> Value | None:
    """The checked value of a parameter, or None for `unknown`. Raises InputError, also for an unknown name."""
    if name not in QUESTIONS:
        raise InputError(f"{name} is no parameter; known are {', '.join(QUESTIONS)}.")
    return QUESTIONS[name].parse(raw)


def address(name: str, raw: object) -> str:
    """A syntactically valid mail address; InputError if it is not valid. The DNS is not used."""
    from email_validator import EmailNotValidError, validate_email  # its tables take longer than most commands

    text = pasted.trimmed(raw) if isinstance(raw, str) else ""
    try:
        checked = validate_email(text, check_deliverability=False, test_environment=True)
    except EmailNotValidError as exc:
        raise _wrong(name, raw, "a mail address such as admin@customer.example") from exc
    if checked.ascii_email is None:
        raise _wrong(name, raw, "an address that every mail server takes, in plain ASCII")
    return checked.ascii_email


def _pasted_address(name: str, raw: object) -> str:
    return address(name, pasted.address(raw) if isinstance(raw, str) else raw)


def count(name: str, raw: object, *, least: int = 0) -> int:
    """A number of users, from `least` to `MAX_USERS`."""
    expected = f"a whole number of users from {least} to {MAX_USERS:,}"
    label = name.replace("_", " ") if name in ON_SCREENSHOTS else ""
    number = pasted.number(raw, label) if isinstance(raw, str) else None
    if isinstance(raw, int) and not isinstance(raw, bool):
        number = raw
    if isinstance(number, pasted.Unclear):
        raise _wrong(name, raw, f"{expected}; this may be {' or '.join(number.readings)}")
    if number is None or not least <= number <= MAX_USERS:
        raise _wrong(name, raw, expected)
    return number


_seats = partial(count, least=1)


def ticket(name: str, raw: object) -> int:
    """A ticket's number. Raises InputError if it is none."""
    number = pasted.ticket(raw) if isinstance(raw, str) else None
    if isinstance(raw, int) and not isinstance(raw, bool):
        number = raw
    if number is None or not 1 <= number <= MAX_TICKET:
        raise _wrong(name, raw, "the ticket's number, such as 1001, or its web address")
    return number


def flag(name: str, raw: object) -> bool:
    """True or False. Raises InputError if it is neither."""
    found = raw if isinstance(raw, bool) else _FLAGS.get(_key(raw))
    if found is None:
        raise _wrong(name, raw, "True or False")
    return found


def _yes_or_no(name: str, raw: object) -> str:
    """`yes` or `no`; YAML and papermill turn these words into booleans."""
    words = {True: "yes", False: "no"}
    return words[raw] if isinstance(raw, bool) else one_of("yes", "no")(name, raw)


def day(name: str, raw: object) -> date:
    """A date from `FIRST_YEAR` to `LAST_YEAR`; InputError if it is no date, an ambiguous one, or out of range."""
    expected = "a date as YYYY-MM-DD, such as 2026-11-06"
    found = pasted.day(raw, is_end=name == "expires_on") if isinstance(raw, str) else None
    if isinstance(raw, date) and not isinstance(raw, datetime):
        found = raw
    if isinstance(found, pasted.Unclear):
        readings = " or ".join(found.readings)
        expected = f"{expected}; this may be {readings}" if readings else "a day that exists, as YYYY-MM-DD"
        if found.fits_none:
            days = " and ".join(f"{one} is a {date.fromisoformat(one):%A}" for one in found.readings)
            expected = f"the weekday of that day, or none; {days}"
        raise _wrong(name, raw, expected)
    if found is None:
        raise _wrong(name, raw, expected)
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise _wrong(name, found.isoformat(), f"a date from the years {FIRST_YEAR} to {LAST_YEAR}")
    return found


def one_of(*choices: str, meant: Callable[[str], str] = str) -> Callable[[str, object], str]:
    """A reader of one of a few words, in any case, with blanks or hyphens for `_`; any other is an InputError.

    `meant` says which one another word may be.
    """

    def read(name: str, raw: object) -> str:
        word = _key(raw)
        found = next((one for one in choices if one in (word, meant(word)) or word == _key(in_words(one))), None)
        if found is None:
            raise _wrong(name, raw, f"one of {', '.join(choices)} or unknown")
        return found

    return read


def _key(raw: object) -> str:
    """A word for comparison: *Self-managed*, as GitLab's pages have it, is `self_managed`."""
    is_word = isinstance(raw, str) and len(raw) <= pasted.LONGEST
    return re.sub("[ -]+", "_", pasted.word_key(str(raw))) if is_word else ""


def _meant_plan(word: str) -> str:
    """A plan as the product is called: *GitLab Self-Managed Premium plan*, *Premium - 1 Year*."""
    return re.sub("^(?:gitlab_)?(?:self_managed_)?|_subscription$|_1_year$|_?plan_?", "", word)


def _meant_deployment(word: str) -> str:
    return "self_managed" if word in _SELF_MANAGED else ""


def _files(name: str, raw: object) -> tuple[str, ...]:
    """File paths, at least one: from a list, from the JSON text of one, or a single path."""
    return _several(name, raw, 'file paths, such as ["dashboard.png", "license.png"]', _is_path)


def _on_screenshots(name: str, raw: object) -> tuple[str, ...]:
    """Some of `ON_SCREENSHOTS`: from a list, from the JSON text of one, or from names between commas."""
    if isinstance(raw, str) and not raw.lstrip().startswith("["):
        raw = [part.strip() for part in raw.split(",")]
    names = _several(name, raw, f"some of {', '.join(ON_SCREENSHOTS)}", lambda part: part in ON_SCREENSHOTS)
    return tuple(parameter for parameter in ON_SCREENSHOTS if parameter in names)


def _several(name: str, raw: object, expected: str, is_one: Callable[[object], bool]) -> tuple[str, ...]:
    """The texts of a list, of the JSON text of one, or one text alone; at least one."""
    found: Any = raw
    if isinstance(raw, str):
        try:
            found = json.loads(raw) if raw.lstrip().startswith("[") else [raw]
        except (ValueError, RecursionError) as exc:
            raise _wrong(name, raw, expected) from exc
    if not isinstance(found, list | tuple) or not found or not all(map(is_one, found)):
        raise _wrong(name, raw, expected)
    return tuple(found)


def _is_path(raw: object) -> bool:
    """Whether a file can have this name: no control characters, no half surrogates."""
    if not isinstance(raw, str) or not raw.strip():
        return False
    return not any(unicodedata.category(char) in ("Cc", "Cs") for char in raw)


def line(name: str, raw: object) -> str:
    """One line of text. Raises InputError if it is none, or too long."""
    text = pasted.trimmed(raw) if isinstance(raw, str) else ""
    if not text or len(text) > 500 or not text.isprintable():
        raise _wrong(name, raw, "one line of text, 500 characters at most")
    return text


def _name(name: str, raw: object) -> str:
    """As `line`, for a name copied from a page: special spaces and zero-width characters are removed."""
    return line(name, re.sub(" +", " ", pasted.plain(raw)) if isinstance(raw, str) else raw)


_LEAK = (
    "It looks like a secret. Papermill's own command keeps what is typed: delete its output file, and renew the secret."
)


def _wrong(name: str, raw: object, expected: str) -> InputError:
    kind = f"text of {len(raw):,} characters" if isinstance(raw, str) else f"value of kind {type(raw).__name__}"
    too_long = f"a {kind}, too long to show"  # a pasted license, perhaps
    try:
        shown = repr(raw)
    except (ValueError, RecursionError):  # a number of more than 4300 digits; lists in lists without end
        shown = too_long
    leak = f" {_LEAK}" if has_secret(shown) else ""
    shown = clean(shown) if len(shown) <= 80 else too_long
    return InputError(f"{name} is {shown}; expected {expected}.{leak}")


YES_OR_NO = ("yes", "no")
_VALUE_WORDS = {"self_managed": "self-managed", "gitlab_com": "GitLab.com"}
_SELF_MANAGED = ("selfmanaged", "self_hosted", "selfhosted", "on_prem", "on_premise", "on_premises")
_FACT_LABELS = {"blocked_on": "Read-only since"}
_FLAGS = {"true": True, "yes": True, "false": False, "no": False}


def _flag(name: str, words: str, label: str) -> Question:
    return Question(name, words, flag, label, YES_OR_NO, optional=False)


def _answer(name: str, words: str, label: str) -> Question:
    return Question(name, words, _yes_or_no, label, YES_OR_NO)


def _choice(name: str, words: str, label: str, *choices: str, meant: Callable[[str], str] = str) -> Question:
    return Question(name, words, one_of(*choices, meant=meant), label, choices)


_ALL = (
    Question("ticket_id", "the Zendesk ticket's number", ticket, "Ticket number", optional=False),
    _flag("perform", "False rehearses, True changes things and is final", "Perform"),
    _flag("take_over", "True takes the ticket although a colleague has it", "Take it over"),
    Question(
        "emergency_on", "the emergency's date, if it is not the day the ticket was opened", day, "Emergency's date"
    ),
    _choice(
        "deployment", "self_managed or gitlab_com", "Deployment", "self_managed", "gitlab_com", meant=_meant_deployment
    ),
    _choice("account_type", "customer, prospect or reseller", "Account type", "customer", "prospect", "reseller"),
    _choice(
        "plan",
        "the plan they pay for: starter, premium, ultimate, or free",
        "Plan",
        *PAID_PLANS,
        "free",
        meant=_meant_plan,
    ),
    Question("expires_on", "the day the license expired, YYYY-MM-DD", day, "Expired on"),
    _flag("ask_customer", "True asks for the screenshots although there are images on the ticket", "Ask the customer"),
    Question("screenshots", "image files to add to the ticket, as a list of paths", _files, "Screenshots to add"),
    Question("users_in_license", "Users in subscription (or License), from the screenshot", count, "Users in license"),
    Question("billable_users", "Billable users, from the screenshot", count, "Billable users"),
    Question("maximum_users", "Maximum users, from the screenshot", count, "Maximum users"),
    Question(
        "users_over_license",
        "Users over license (or subscription), from the screenshot",
        count,
        "Users over license",
    ),
    Question(
        "confirmed",
        "which of these were read off a screenshot and confirmed beside it, as a list",
        _on_screenshots,
        "Confirmed",
    ),
    Question(
        "installed_license",
        "the license that the instance has: a file's name on the ticket, or none",
        _name,
        "Installed license",
    ),
    _answer("identity_confirmed", "yes or no: you made sure that this is the customer", "Is it the customer?"),
    Question("user_count", "users for the new license, if not the suggested number", _seats, "User count"),
    Question(
        "requester_email",
        "the requester's address, only if the ticket shows none",
        _pasted_address,
        "Requester's address",
    ),
    _flag("send_earlier", "True sends the valid license of an earlier emergency", "Send the earlier one"),
    Question(
        "issued_evidence",
        "issuer manual: link to the license you made, or the path of its file",
        line,
        "License you made",
    ),
    _answer("has_account", "yes or no: the requester has a CustomersDot account", "Has an account?"),
    _answer("has_access", "yes or no: that account can see the subscription", "Sees the subscription?"),
    Question("subscription", "the subscription's name, as its Seat Link rows have it", _name, "Subscription"),
    _answer("entry_today", "yes or no: the Seat Link page has an entry with the current date", "Entry today?"),
    _flag("escalate", "True engages an expert although questions are open", "Engage an expert"),
    _answer("mail_missing", "yes or no: the customer says that the mail has not come", "Mail missing?"),
)
_PLACEHOLDERS: Mapping[Callable[[str, object], Value], tuple[str, str]] = {
    ticket: ("", "a number, or its web address"),
    flag: ("True", ""),
    day: ("YYYY-MM-DD", "YYYY-MM-DD"),
    count: ("N", "a number of users"),
    _seats: ("N", "a number of users"),
    _name: ("NAME", ""),
    _pasted_address: ("ADDRESS", "name@company.example"),
    _files: ("""'["a.png", "b.png"]'""", "files on this machine"),
    _on_screenshots: ("expires_on,plan", ""),
    line: ("", "a link, or a file's path"),
}
"""What stands for a value that each of these reads: on the command line, and in an empty field."""
_WITHOUT_ANSWERS = ("ask_customer", "escalate")
QUESTIONS: Mapping[str, Question] = {question.name: question for question in _ALL}
"""Every parameter of every runbook, by name."""


def ways(missing: Sequence[str]) -> list[list[str]]:
    """The ways to go on from what is missing: all answers, or each flag that goes on without them."""
    answers = [name for name in missing if name not in _WITHOUT_ANSWERS]
    return [names for names in (answers, *([name] for name in missing if name in _WITHOUT_ANSWERS)) if names]


def labels(missing: Sequence[str]) -> str:
    """What is missing, as people read it, by `ways`."""
    return "; or: ".join(", ".join(map(label_of, names)) for names in ways(missing))


def arguments(names: Iterable[str]) -> str:
    """Parameters as they are passed on the command line, with what to fill in."""
    examples = {name: QUESTIONS[name].example if name in QUESTIONS else "VALUE" for name in names}
    return " ".join(f"-p {shlex.quote(name)} {example}" for name, example in examples.items())


def label_of(name: str) -> str:
    """What people read in place of a parameter's or a fact's name."""
    question = QUESTIONS.get(name)
    return question.label if question else _FACT_LABELS.get(name) or name.replace("_", " ").capitalize()


def in_words(value: object) -> str:
    """What people read in place of a value's name: *self-managed*."""
    return _VALUE_WORDS.get(str(value), str(value))
