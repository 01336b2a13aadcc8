"""A performing run and the team's share: it claims each effect before it, and pushes before an effect and at the end.

    <profile>/claims/<operation id>.json            the first claim; one of those who create it holds it
    <profile>/claims/<operation id>.released.json   its holder says that nothing was done
    <profile>/claims/<operation id>.2.json          the claim after one that was released or renewed by its holder, or
                                                    judged by a person
    <ticket>/.claims                                the nonces of the claims that were made from here

A claim says who may try, never that the effect is there: that is looked for in the world. It is signed by its holder;
a release counts only with the signature of the claim's own key. It is ours only if its nonce was kept here before: the
key alone does not tell two machines apart of which one is a copy of the other.

A share that cannot be reached never holds a case back: the run goes on by looking alone, the journal says so, and what
was not pushed is pushed by the next run on the ticket, or by `runbook records push`.
"""

from __future__ import annotations

import base64
import json
import re
import socket
import uuid
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from runbook_lib import files
from runbook_lib.domain.errors import InputError, RefusedError, RunbookError
from runbook_lib.domain.events import EventKind
from runbook_lib.domain.plain_text import clean
from runbook_lib.ledger.chains import digest
from runbook_lib.ledger.journal import Journal
from runbook_lib.ledger.keyring import KeyRing, Validity
from runbook_lib.ledger.pushing import Pushed, push_ticket
from runbook_lib.ledger.share import Share
from runbook_lib.settings import Settings

DOMAIN, RELEASE_DOMAIN = b"share-claim-1", b"share-release-1"
MOST_CLAIMS = 50
"""Of one operation; more are no honest history."""
_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,200}")
_KEY = re.compile("[0-9a-f]{16}")
_FIELDS = ("operation_id", "operator", "machine", "at", "place", "key", "nonce")
LATER = "What is missing there is pushed by the next run on this ticket, or by `runbook records push`."


@dataclass(frozen=True)
class HeldClaim:
    who: str  # the operator, the machine and the writer, in words
    at: datetime | None  # when it was made, by the share's clock: its holder's may be wrong; None if it cannot be read
    sha256: str  # of the object, by which a person's judgment names it

    @property
    def words(self) -> str:
        since = f"since {self.at:%Y-%m-%d %H:%M:%S} UTC" if self.at else "since an unknown time"
        return f"{self.who}, {since}"

    @property
    def age_s(self) -> float:
        """How long it has been held, by this machine's clock; never negative."""
        return max(0.0, (datetime.now(UTC) - self.at).total_seconds()) if self.at else 0.0


class Claims:
    """The claims of one ticket's folder on this machine: one is ours if it was made with our key, from there."""

    def __init__(self, share: Share, profile: str, keys: KeyRing, folder: Path, operator: str) -> None:
        self._share, self._profile, self._keys = share, profile, keys
        self._place = digest(str(folder.resolve()).encode())[:16]
        self._folder, self._operator = folder, operator
        self._made = folder / ".claims"

    def take(self, operation_id: str, *, judged: Collection[str] = ()) -> HeldClaim | None:
        """Claim an operation; returns None once it is ours, or the claim that another holds.

        The latest claim counts. One of our own is renewed: those who have seen the old one no longer wait for it.
        `judged` has the SHA-256 of each claim of which a person has said that its holder did nothing.

        Raises:
            InputError: What was claimed from here cannot be read or kept.
            RefusedError: The share says no, replaces what is there, or holds what is no honest history.
            UnavailableError: It cannot be reached; the claim may be there all the same.
        """
        content = self._signed(operation_id, DOMAIN)
        for number in range(1, MOST_CLAIMS + 1):
            path = self.path(operation_id, number)
            found = self._share.create(path, content)
            if found is None:
                Pushed(self._folder, self._share).note(path, content)
                self._share.check_create_only(path, content)
                return None
            claim, sha256 = _read(found, operation_id), digest(found)
            is_free = sha256 in judged or self._is_ours(claim) or self._is_released(operation_id, number, claim)
            if not is_free and self._share.read(self.path(operation_id, number + 1)) is None:
                return self._held(claim, sha256, self._share.created_at(path))
        raise RefusedError(f"{self._share.url} holds {MOST_CLAIMS} claims of {operation_id}.")

    def release(self, operation_id: str) -> None:
        last, number = b"", 0
        while number < MOST_CLAIMS and (found := self._share.read(self.path(operation_id, number + 1))):
            last, number = found, number + 1
        if last and self._is_ours(_read(last, operation_id)):
            self._share.create(self._release_path(operation_id, number), self._signed(operation_id, RELEASE_DOMAIN))

    def path(self, operation_id: str, number: int = 1) -> str:
        """The object of an operation's claim. Raises InputError if the id cannot be an object's name."""
        if not _PLAIN.fullmatch(operation_id):
            raise InputError(f"{operation_id!r} is no operation id; expected letters, digits, '_' and '-'.")
        return f"{self._profile}/claims/{operation_id}{f'.{number}' if number > 1 else ''}.json"

    def _release_path(self, operation_id: str, number: int) -> str:
        return self.path(operation_id, number).removesuffix(".json") + ".released.json"

    def _signed(self, operation_id: str, domain: bytes) -> bytes:
        signer = self._keys.signer()
        fields = {
            "operation_id": operation_id,
            "operator": self._operator,
            "machine": socket.gethostname(),
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "place": self._place,
            "key": signer.key_id,
            "nonce": self._new_nonce(),
        }
        signature = base64.b64encode(signer.sign(domain, _bytes(fields))).decode()
        return _bytes({**fields, "sig": signature})

    def _is_ours(self, claim: Mapping[str, Any]) -> bool:
        is_own = (claim.get("key"), claim.get("place")) == (self._keys.signing_key, self._place)
        return is_own and claim.get("nonce") in self._kept()

    def _new_nonce(self) -> str:
        """A nonce that is kept before anything is made with it."""
        nonce = uuid.uuid4().hex
        with (
            files.explained(f"{self._made} cannot be read or written"),
            open(self._made, "a", encoding="ascii", opener=files.opener) as file,
        ):
            file.write(f"{nonce}\n")
        return nonce

    def _kept(self) -> list[str]:
        with files.explained(f"{self._made} cannot be read or written"), suppress(FileNotFoundError):
            return files.read(self._made).decode(errors="replace").split()
        return []

    def _is_released(self, operation_id: str, number: int, claim: Mapping[str, Any]) -> bool:
        """Whether the claim's own key, of the ring or as its owner published it, says that nothing was done."""
        release = _read(self._share.read(self._release_path(operation_id, number)) or b"", operation_id)
        if not release or release["key"] != claim.get("key"):
            return False
        pem = self._share.read(f"keys/{release['key']}.pem")
        return self._is_good(release, RELEASE_DOMAIN, pem)

    def _is_good(self, fields: Mapping[str, Any], domain: bytes, pem: bytes | None = None) -> bool:
        message = _bytes({name: fields[name] for name in _FIELDS})
        signature = base64.b64decode(fields["sig"])
        return self._keys.verify(fields["key"], signature, domain, message, pem=pem) is Validity.GOOD

    def _held(self, claim: Mapping[str, Any], sha256: str, at: datetime | None) -> HeldClaim:
        if not claim:
            return HeldClaim("an object that is no claim", None, sha256)
        writer = f"writer {claim['key']}{'' if self._is_good(claim, DOMAIN) else ', who is not trusted here'}"
        who = f"{clean(claim['operator'], 60)} on {clean(claim['machine'], 60)} ({writer})"
        return HeldClaim(who, at and at.astimezone(UTC), sha256)


def _bytes(fields: Mapping[str, Any]) -> bytes:
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def _read(content: bytes, operation_id: str) -> dict[str, str]:
    """What a claim or a release says; nothing if it is none of this operation."""
    try:
        fields = json.loads(content)
        base64.b64decode(fields["sig"], validate=True)
        datetime.fromisoformat(fields["at"]).astimezone(UTC)
        is_plain = all(isinstance(fields[name], str) for name in _FIELDS) and _KEY.fullmatch(fields["key"])
    except (ValueError, TypeError, KeyError, RecursionError, OverflowError):
        return {}
    return dict(fields) if is_plain and fields["operation_id"] == operation_id else {}


class SharedRun:
    """One ticket's run and the share. Of its seconds one half is for the run, the other for the push at its end.

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
            self._journal.append(EventKind.CLAIM_SEEN, claim_of=operation_id, claim=held.sha256, holder=held.words)
        return held

    def release(self, operation_id: str) -> None:
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
            if entry["kind"] == EventKind.CLAIM_SEEN and entry.get("claim_of") == operation_id:
                seen.add(str(entry["claim"]))
            elif entry["kind"] == "answered" and entry.get("operation_id") == operation_id:
                judged = set() if entry.get("there") else set(seen)
        return judged

    def _note(self, words: str, reason: str) -> None:
        self.trouble = f"The team's share could not be used. {words}"
        with suppress(RunbookError):  # trouble of the journal itself shows at the next line that is written to it
            self._journal.append(EventKind.SHARE_UNREACHABLE, reason=reason)
