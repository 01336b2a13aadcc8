"""What a performing run does with the team's share: claims before an effect, pushes before it and at the end.

A share that cannot be reached never holds a case back: the run goes on by looking alone, the journal says so, and what
was not pushed is pushed by the next run on the ticket, or by `runbook records push`.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

from runbook_lib.domain.errors import RunbookError
from runbook_lib.ledger.claims import Claims, HeldClaim
from runbook_lib.ledger.journal import Journal
from runbook_lib.ledger.keyring import KeyRing
from runbook_lib.ledger.pushing import push_ticket
from runbook_lib.ledger.share import Share
from runbook_lib.settings import Settings

LATER = "What is missing there is pushed by the next run on this ticket, or by `runbook records push`."


class SharedRun:
    """One ticket's run and the share; of its seconds the run before its end has one half, and the end the other.

    Why the share could not be used stands in `trouble`, in words for a person.
    """

    def __init__(self, settings: Settings, journal: Journal) -> None:
        self.trouble = ""
        self._settings, self._journal = settings, journal
        self._keys = KeyRing.of(settings)
        self._share: Share | None = None
        self._lists = True

    @classmethod
    def of(cls, settings: Settings, journal: Journal) -> SharedRun | None:
        """The share of a run, or None if there is none."""
        return cls(settings, journal) if settings.share else None

    def take(self, operation_id: str) -> HeldClaim | None:
        """Push what is new, then claim an operation; returns another's claim, or None if there is none in the way."""
        if self.trouble:
            return None
        try:
            share = self._opened()
            owner = self._settings.operator
            push_ticket(share, self._journal, self._keys, owner, lists=self._lists, records=False)
            self._lists = False
            held = self._claims(share).take(operation_id, judged=self._judged(operation_id))
        except RunbookError as exc:
            self._note(f"{exc} The run goes on without the team's claims. {LATER}", str(exc))
            return None
        if held:
            self._journal.append("claim_seen", claim_of=operation_id, claim=held.sha256, holder=held.words)
        return held

    def release(self, operation_id: str) -> None:
        """Note in the share that nothing was done; if that fails, other machines ask a person."""
        if not self.trouble:
            with suppress(RunbookError):
                self._claims(self._opened()).release(operation_id)

    def finish(self) -> str:
        """Push the record and the last lines; returns what the reader should know, or ""."""
        try:
            moved = push_ticket(self._opened(), self._journal, self._keys, self._settings.operator)
        except RunbookError as exc:
            self._note(f"{exc} The record is on this machine only. {LATER}", str(exc))
            return self.trouble
        return " ".join(moved.trouble)

    def _opened(self) -> Share:
        self._share = self._share or Share.of(self._settings, seconds=self._settings.share_s / 2)
        if self._share is None:
            raise ValueError("no share is set")
        return self._share

    def _claims(self, share: Share) -> Claims:
        operator = self._settings.operator
        return Claims(share, self._settings.profile, self._keys, self._journal.folder, operator)

    def _judged(self, operation_id: str) -> set[str]:
        """The claims whose holder did nothing, by the answer of a person here who had seen them."""
        seen: set[str] = set()
        judged: set[str] = set()
        for entry in self._journal.own_entries():
            if entry["kind"] == "claim_seen" and entry.get("claim_of") == operation_id:
                seen.add(str(entry["claim"]))
            elif entry["kind"] == "answered" and entry.get("operation_id") == operation_id:
                judged = set() if entry.get("there") else set(seen)
        return judged

    def _note(self, words: str, reason: str) -> None:
        self.trouble = f"The team's share could not be used. {words}"
        with suppress(RunbookError):  # trouble of the journal itself shows at the next line that is written to it
            self._journal.append("share_unreachable", reason=reason)


def age_s(held: HeldClaim) -> float:
    """How long another has held a claim, by this machine's clock; never negative."""
    return max(0.0, (datetime.now(UTC) - held.at).total_seconds()) if held.at else 0.0
