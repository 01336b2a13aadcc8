"""The commands on a ticket's journal, and on the keys that sign it: `answer`, `journal` and `keys`."""

from __future__ import annotations

import argparse
import getpass
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runbook_lib.domain.errors import InputError

if TYPE_CHECKING:
    from runbook_lib.ledger.journal import Journal

MOST_CHARS = 300
"""Of a reason that somebody gives."""
_ANSWER_HELP = """\
Says whether an effect is there that the runbook could not do, was refused, or could not learn the end of: also one that
somebody did by hand. The message of the run names the operation, and where to look; the next run goes on from the
answer. The operation `case` is the whole: yes says that the case has ended, whoever ended it, and closes its open ends;
no opens them again."""
_RESTART_HELP = """\
Sets a journal that cannot be relied on aside, under another name, and begins a new one that says so. What the old one
told of effects is found again at the services, not repeated."""


def add_commands(commands: Any) -> None:
    """Add them to the parser's commands."""
    answer = commands.add_parser(
        "answer", help="say whether an effect is there, or that a case has ended", description=_ANSWER_HELP
    )
    answer.add_argument("ticket", metavar="TICKET", help="the Zendesk ticket's number")
    answer.add_argument("operation", metavar="OPERATION", help="as the message names it, such as slack_post")
    answer.add_argument("there", choices=("yes", "no"), help="whether it is there")
    answer.add_argument("--because", default="", metavar="WORDS", help="what you saw; kept in the journal")
    answer.set_defaults(command=_answer)

    journal = commands.add_parser("journal", help="read a ticket's journal, or begin a new one")
    journal_commands = journal.add_subparsers(required=True, metavar="COMMAND")
    show = journal_commands.add_parser("show", help="check a ticket's journal and show its lines")
    show.add_argument("ticket", metavar="TICKET", help="the Zendesk ticket's number")
    show.add_argument("--json", action="store_true", help="print one JSON list")
    show.set_defaults(command=_show)
    restart = journal_commands.add_parser("restart", help="set a damaged journal aside", description=_RESTART_HELP)
    restart.add_argument("ticket", metavar="TICKET", help="the Zendesk ticket's number")
    restart.add_argument("--because", required=True, metavar="WORDS", help="why; kept in the new journal")
    restart.set_defaults(command=_restart)

    keys = commands.add_parser("keys", help="the keys that sign the journals")
    key_commands = keys.add_subparsers(required=True, metavar="COMMAND")
    listing = key_commands.add_parser("list", help="show the keys, and which one signs")
    listing.set_defaults(command=_list_keys)
    rotate = key_commands.add_parser("rotate", help="make a new key to sign with; what older ones signed stays valid")
    rotate.set_defaults(command=_rotate)
    trust = key_commands.add_parser("trust", help="take in another machine's public key, to verify with")
    trust.add_argument("file", type=Path, metavar="FILE", help="its PEM file, …-ID.pub")
    trust.set_defaults(command=_trust)


def _answer(given: argparse.Namespace) -> int:
    from runbook_lib.domain.events import CASE

    journal, operator, settle_s = _journal(given.ticket)
    because = _checked(given.because)
    profile, _, number = journal.ticket.partition("/")
    prefix = f"{profile}-{number}-"
    operation_id = prefix + given.operation.removeprefix(prefix)
    there = given.there == "yes"
    is_case = operation_id == f"{prefix}{CASE}"
    with journal.lock(then="answer again"):
        if is_case:
            _refuse_without_runs(journal, number)
        else:
            _refuse_what_is_settled(journal, operation_id, prefix)
            if not there:
                _refuse_too_early(journal.open_since(operation_id), given.operation, settle_s)
        state = ("over" if there else "still open") if is_case else "there" if there else "not there"
        words = f"{operator} says that {'the case' if is_case else 'it'} is {state}"
        evidence = {"summary": f"{words}: {because}" if because else words, "url": "", "reference": ""}
        told = {"evidence": evidence} if there else {"evidence": None, "because": because}
        journal.append("answered", operation_id=operation_id, there=there, operator=operator, **told)
    then = "To correct it, answer anew." if is_case else "Now run again; to correct it, answer anew."
    _say(f"Noted: {'the case' if is_case else given.operation} is {state}. {then}")
    return 0


def _refuse_without_runs(journal: Journal, number: str) -> None:
    """A case that no run has begun cannot be ended.

    Raises:
        InputError: The ticket has no journal.
    """
    if not journal.entries():
        raise InputError(f"Ticket {number} has no journal here, so that there is no case to end. Check the number.")


def _refuse_what_is_settled(journal: Journal, operation_id: str, prefix: str) -> None:
    """Only what no run has seen to be there can be answered.

    Raises:
        InputError: The ticket has no such operation, or it is done.
    """
    from runbook_lib.domain.events import CASE

    if operation_id in (answerable := journal.answerable()):
        return
    name, number = operation_id.removeprefix(prefix), journal.ticket.partition("/")[2]
    if evidence := journal.settled(operation_id):
        raise InputError(
            f"{name} on ticket {number} is done already ({evidence.summary}), so there is nothing to answer. Run again "
            "to go on."
        )
    known = ", ".join(dict.fromkeys([*(one.removeprefix(prefix) for one in answerable), CASE]))
    raise InputError(
        f"Ticket {number} has no operation {name!r} in its journal here. Those that can be answered: {known}."
    )


def _refuse_too_early(opened_at: datetime | None, operation: str, settle_s: float) -> None:
    """What was sent a moment ago may still show: *no* is an answer only after that.

    Raises:
        InputError: It is too early.
    """
    sure_at = opened_at and opened_at + timedelta(seconds=settle_s)
    if sure_at and datetime.now(UTC) < sure_at:
        raise InputError(
            f"{operation} may still take effect until {sure_at:%H:%M:%S} UTC. Look again after that, and answer then."
        )


def _checked(words: str) -> str:
    """What somebody gives as a reason: one line of text.

    Raises:
        InputError: It is longer, or holds what cannot be shown.
    """
    if len(words) > MOST_CHARS or not words.isprintable():
        raise InputError(f"--because is no line of up to {MOST_CHARS} characters; say it in fewer, plain words.")
    return words.strip()


def _show(given: argparse.Namespace) -> int:
    journal = _journal(given.ticket)[0]
    entries = journal.entries()
    for chain in journal.parts():
        if chain.error:
            sys.stderr.write(f"runbook: {chain.error}\n")
    if given.json:
        _say(json.dumps(entries, indent=2, ensure_ascii=False))
        return 0
    from tabulate import tabulate

    from runbook_lib.domain.plain_text import clean

    rows = [
        (
            entry["writer"][:8],
            entry["n"],
            entry["at"][:19],
            entry["kind"],
            entry.get("operation_id", ""),
            clean(_rest(entry), 90),
        )
        for entry in entries
    ]
    _say(tabulate(rows, headers=("writer", "line", "at (UTC)", "what", "operation", "")) if rows else "No journal yet.")
    return 0


def _rest(entry: dict[str, Any]) -> str:
    """What else a line says, in a few words."""
    shown = ("runbook", "status", "outcome", "reason", "because", "there", "operator", "record")
    words = [str(entry[name]) for name in shown if entry.get(name) not in (None, "")]
    evidence = entry.get("evidence") or {}
    return " · ".join([*words, *filter(None, [evidence.get("summary")])])


def _restart(given: argparse.Namespace) -> int:
    journal, operator, _ = _journal(given.ticket)
    because = _checked(given.because)
    if not because:
        raise InputError("--because is empty; say in a few words why the journal cannot be relied on.")
    with journal.lock():
        kept = journal.restart(because=because, operator=operator)
    _say(
        f"A new journal was begun; the old one is {kept}." if kept else "A new journal was begun; there was no old one."
    )
    return 0


def _list_keys(given: argparse.Namespace) -> int:
    from runbook_lib.ledger.keyring import KeyRing
    from runbook_lib.settings import Settings

    ring = KeyRing(Settings.local().key_folder)
    signing = ring.signing_key
    for name, path in ring.public_keys().items():
        _say(f"{name}  {'signs' if name == signing else 'verifies'}  {path}")
    if signing is None:
        _say(f"No key yet in {ring.folder}; the first performing run makes one.")
    return 0


def _rotate(given: argparse.Namespace) -> int:
    from runbook_lib.ledger.keyring import KeyRing
    from runbook_lib.settings import Settings

    _say(f"{KeyRing(Settings.local().key_folder).rotate()} signs from now on; what older keys signed stays valid.")
    return 0


def _trust(given: argparse.Namespace) -> int:
    from runbook_lib.ledger.keyring import KeyRing
    from runbook_lib.settings import Settings

    try:
        pem = given.file.read_bytes()
    except OSError as exc:
        raise InputError(f"The file {given.file} cannot be read: {exc.strerror}.") from exc
    _say(f"{KeyRing(Settings.local().key_folder).trust(pem)} is trusted: what it signed is valid here.")
    return 0


def _journal(ticket: str) -> tuple[Journal, str, float]:
    """A ticket's journal, the operator, and the seconds after which a lost request takes effect no more."""
    from runbook_lib.domain import answers
    from runbook_lib.ledger.journal import Journal
    from runbook_lib.settings import Settings

    settings = Settings.local()
    number = int(str(answers.parse("ticket_id", ticket)))
    return Journal.of(settings, number), settings.operator or getpass.getuser(), settings.settle_s


def _say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
