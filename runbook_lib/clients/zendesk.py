"""Zendesk Support: the ticket, its thread, its files, and the changes that the runbooks make to it.

Source for paths and bodies: Zendesk Support API reference, tickets, ticket comments, ticket audits, attachments.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any, TypeVar

from runbook_lib.clients import zendesk_answers
from runbook_lib.clients.answers import listed, moment
from runbook_lib.clients.http import HttpSession, Service
from runbook_lib.clients.refusals import CREDENTIALS, WEB_PAGE
from runbook_lib.clients.retrying import answered_at
from runbook_lib.clients.zendesk_refusals import obstacle, refusals
from runbook_lib.domain.errors import InputError, PersonNeededError, RefusedError, UnavailableError
from runbook_lib.domain.kept_comment import KeptComment
from runbook_lib.domain.models import Attachment, Comment, Person, Ticket
from runbook_lib.redaction import original

STAMP_S = 1.0
"""Resolution of a ticket's stamp."""
STAMP_PAUSE_S = 0.25
STAMP_READINGS = 12
"""Attempts, with pauses in between, to read a ticket that keeps changing."""
MALWARE = "malware_found"
"""The scan result of a file that is not fetched. Source: Zendesk API reference, attachments."""
_MERGED_INTO = re.compile(r"merged into request #(\d{1,18})\b", re.IGNORECASE)
_T = TypeVar("_T")


class Zendesk:
    """The tickets of one Zendesk account.

    The `Authorization` header goes to its host and, if there is one, to the host-mapped domain.
    """

    def __init__(
        self, base_url: str, credentials: Mapping[str, str], session: HttpSession, *, mapped_host: str = ""
    ) -> None:
        by_mail = credentials.get("Authorization", "").startswith("Basic")
        self._credential = "RUNBOOK_ZENDESK_API_TOKEN" if by_mail else "RUNBOOK_ZENDESK_OAUTH_TOKEN"
        mapped = [f"https://{mapped_host}"] if mapped_host else []
        self._service = Service(
            "Zendesk", base_url, credentials, session, zendesk_answers.explain, refusals(self._credential), mapped
        )

    def ticket(self, ticket_id: int) -> Ticket:
        """A ticket with its requester, organization and assignee. Raises RefusedError if it cannot be seen."""
        return self._reading(ticket_id)[0]

    def _reading(self, ticket_id: int) -> tuple[Ticket, datetime | None]:
        """A ticket, and the time of the answer by the service's clock, to the second."""
        with _naming(ticket_id):
            path = f"api/v2/tickets/{ticket_id}.json"
            response = self._service.read(path, {"include": "users,organizations"})
            base_url = self._service.base_url
            found = self._service.parsed(response, lambda body: zendesk_answers.ticket(body, ticket_id, base_url))
            return found, answered_at(response)

    def settled_ticket(self, ticket_id: int) -> Ticket:
        """A ticket as `ticket` reads it, whose stamp differs from that of every later state.

        Stamps have a resolution of one second. A ticket that is read within the second of its last update may get a
        further update with the same stamp, so that two safe updates would both pass; then it is read again later.

        Raises:
            UnavailableError: The ticket keeps changing.

        Source: Zendesk Support API reference, `updated_at`; RFC 9110, `Date`: the time of the answer.
        """
        seen, seen_at = "", 0.0
        for _ in range(STAMP_READINGS):
            asked_at = time.monotonic()
            ticket, answered_at = self._reading(ticket_id)
            took_s = time.monotonic() - asked_at  # the answer is dated after it was read
            stamp_at = moment(ticket.updated_stamp)
            if answered_at and answered_at - stamp_at >= timedelta(seconds=STAMP_S + took_s):
                return ticket
            if ticket.updated_stamp == seen and asked_at - seen_at > STAMP_S:
                return ticket  # independent of the service's clock
            if ticket.updated_stamp != seen:
                seen, seen_at = ticket.updated_stamp, time.monotonic()
            self._service.budget.pause(STAMP_PAUSE_S)
        raise UnavailableError(f"Ticket {ticket_id} keeps changing, so nothing was sent. Run again in a moment.")

    def open_ticket(self, ticket_id: int) -> Ticket:
        """A ticket that takes changes. Raises InputError if it was merged, or is closed: its number is a wrong one."""
        found = self.ticket(ticket_id)
        if found.is_merged:
            into = self.merged_into(ticket_id)
            other = f"into ticket {into}: use that number" if into else "into another one, which its last comment names"
            raise InputError(f"Ticket {found.id} was merged {other}. Nothing was changed.")
        if found.status == "closed":
            raise InputError(
                f"Ticket {found.id} is closed, and Zendesk takes no more changes to it. "
                "Ask the customer to open a follow-up ticket, and use its number."
            )
        return found

    def comments(self, ticket_id: int) -> list[Comment]:
        """The whole thread, oldest first, with its authors; inline images are among the attachments.

        Source: Zendesk API reference, ticket comments, `include_inline_images` and `include=users`.
        """
        path = f"api/v2/tickets/{ticket_id}/comments.json"
        with _naming(ticket_id):
            found = self._pages(path, zendesk_answers.thread, include_inline_images="true", include="users")
            return list({comment.id: comment for comment in found}.values())  # pages may overlap

    def merged_into(self, ticket_id: int) -> int | None:
        """The number of the ticket that this one was merged into, or None.

        Source: Zendesk writes *This request was closed and merged into request #N* as the last comment, in the name of
        the agent who merged them. A customer may write the same, so only comments of agents count.
        """
        for comment in reversed(self.comments(ticket_id)):
            found = _MERGED_INTO.search(comment.body)
            if found and comment.author and comment.author.is_agent:
                return int(found[1])
        return None

    def find_comment(self, ticket_id: int, operation_id: str) -> KeptComment | None:
        """The comment that an agent sent under an operation id, as Zendesk keeps it; or None.

        The id comes back as `metadata.custom` on the comment's audit, not on the comment. End users can set it too, by
        the requests API, so it counts only if an agent or the user of these credentials wrote it.
        """
        path = f"api/v2/tickets/{ticket_id}/audits.json"
        audits = self._pages(path, lambda page: listed(page["audits"], zendesk_answers.audit))
        is_agent = cache(self._is_agent)
        return next((kept for known, author, kept in audits if known == operation_id and is_agent(author)), None)

    def _is_agent(self, user_id: int) -> bool:
        """Whether a user is an agent, an admin, or the user of these credentials."""
        try:
            person = self._service.read_json(
                f"api/v2/users/{user_id}.json", lambda answer: zendesk_answers.person(answer["user"])
            )
        except RefusedError as exc:
            if exc.status not in (403, 404):
                raise
            person = None
        return (person is not None and person.is_agent) or user_id == self.me().id

    def me(self) -> Person:
        """The user of these credentials. Raises RefusedError if they are invalid: Zendesk answers 200 then."""
        person = self._service.read_json("api/v2/users/me.json", zendesk_answers.user)
        if person is None:
            words = "Zendesk does not accept these credentials."
            raise RefusedError(words, status=401, advice=f"Renew {self._credential}.", fault=CREDENTIALS)
        return person

    def obstacle(self, agent: Person) -> str:
        """As `zendesk_refusals.obstacle`, with the agent's custom role; a role that may not be read is left out.

        Raises:
            UnavailableError: Zendesk cannot be reached.
        """
        known = obstacle(agent)
        if known or agent.custom_role_id is None or agent.role == "admin":
            return known
        path = f"api/v2/custom_roles/{agent.custom_role_id}.json"
        try:
            role = self._service.read_json(path, lambda answer: dict(answer["custom_role"]["configuration"]))
        except RefusedError:
            return ""
        return obstacle(agent, role)

    def undeliverable(self, person: Person) -> str:
        """Zendesk's word for why it sends no mail to a user's address, such as `undeliverable`; "" if it does.

        Source: Zendesk Support API reference, user identities, `deliverable_state`.
        """
        address = (person.email or "").casefold()
        try:
            identities = self._service.read_json(
                f"api/v2/users/{person.id}/identities.json",
                lambda page: listed(page["identities"], zendesk_answers.identity),
            )
        except RefusedError:
            return ""
        states = [state for value, state in identities if value.casefold() == address]
        return next((self._service.failures.line(state) for state in states if state not in ("", "deliverable")), "")

    def add_comment(
        self,
        ticket: Ticket,
        body: str,
        *,
        public: bool,
        operation_id: str,
        uploads: Sequence[str] = (),
    ) -> KeptComment:
        """Add a comment, if the ticket has not changed since `ticket` was read; returns it as Zendesk keeps it.

        `public` is always sent: the default depends on the ticket, and may mail the customer.

        Raises:
            RefusedError: The ticket is closed (422) or has changed (409); nothing was added.
            OutcomeUnknownError: The answer was lost.
        """
        comment = {"body": plain(body), "public": public, "uploads": list(uploads)}
        changes = {"comment": comment, "metadata": {"operation_id": operation_id}}
        return self._update(ticket, changes, lambda answer: zendesk_answers.kept(answer["audit"]))

    def assign(self, ticket: Ticket, agent: Person, operation_id: str) -> None:
        """Assign a ticket, if it has not changed since `ticket` was read. Raises as `add_comment`.

        Raises:
            PersonNeededError: Zendesk accepted the update, but the ticket is not assigned to the agent.
        """
        changes = {"assignee_id": agent.id, "metadata": {"operation_id": operation_id}}
        kept = self._update(ticket, changes, lambda answer: answer["ticket"]["assignee_id"])
        if kept != agent.id:
            raise PersonNeededError(
                f"Zendesk has taken the update of ticket {ticket.id}, but it is not {agent.name}'s: a trigger or their "
                "role may be why. Assign it by hand, then run again."
            )

    def upload(self, file_name: str, content: bytes, content_type: str) -> str:
        """Upload a file; returns the token that a comment takes, good for 60 minutes."""
        return self._service.write_json(
            "POST",
            "api/v2/uploads.json",
            lambda answer: original(answer["upload"]["token"]),
            params={"filename": file_name},
            content=content,
            headers={"Content-Type": content_type},
        )

    def download(self, attachment: Attachment, limit: int) -> bytes:
        """A file's content, at most `limit` bytes; credentials go to Zendesk's own hosts only.

        Raises:
            InputError: It is larger.
            RefusedError: It is missing, has malware, is at a forbidden address, or a sign-in page was sent instead.
            UnavailableError: It did not come as a whole.
        """
        try:
            return self._downloaded(attachment if attachment.malware else self._described(attachment), limit)
        except RefusedError as exc:
            if exc.status not in (404, 410):
                raise
            raise RefusedError(
                f"Zendesk does not have it any more ({exc.status}): it was deleted or redacted, or you may not see it.",
                status=exc.status,
            ) from exc

    def _downloaded(self, attachment: Attachment, limit: int) -> bytes:
        if attachment.malware == MALWARE and not attachment.malware_is_allowed:
            raise RefusedError(
                "Zendesk found malware in it, so it was not fetched. Open it only if you must, and safely."
            )
        urls = dict.fromkeys(filter(None, (attachment.content_url, attachment.mapped_url)))
        if not urls:
            raise RefusedError(
                "Zendesk gives no address for it, so it was not fetched. Open the ticket and look there."
            )
        for url in urls:
            found = self._service.download(url, limit)
            if zendesk_answers.is_sign_in_page(found.content, found.headers, attachment):
                continue
            if len(found.content) < attachment.size:
                raise UnavailableError(
                    f"Zendesk gave {len(found.content):,} of its {attachment.size:,} bytes, so it was not used. Run "
                    "again, or open it in Zendesk."
                )
            return found.content
        raise RefusedError(
            "Zendesk shows a sign-in page in its place: this account's attachments are private. Open it in Zendesk, "
            "where you are signed in."
        )

    def _described(self, attachment: Attachment) -> Attachment:
        """An attachment with the result of its scan. Source: Zendesk API reference, attachments."""
        path = f"api/v2/attachments/{attachment.id}.json"
        return self._service.read_json(
            path,
            lambda answer: replace(
                attachment,
                malware=str(answer["attachment"].get("malware_scan_result") or "not_scanned"),
                malware_is_allowed=answer["attachment"].get("malware_access_override") is True,
            ),
        )

    def _update(self, ticket: Ticket, changes: Mapping[str, Any], parse: Callable[[Any], _T]) -> _T:
        body = {**changes, "safe_update": True, "updated_stamp": ticket.updated_stamp}
        path = f"api/v2/tickets/{ticket.id}.json"
        try:
            return self._service.write_json("PUT", path, parse, json={"ticket": body})
        except RefusedError as exc:
            if exc.status == 409 and "database" not in exc.words.casefold():
                raise RefusedError(
                    f"Ticket {ticket.id} has changed since it was read, so nothing was sent. Look at it and run again.",
                    status=409,
                ) from exc
            raise

    def probe(self) -> None:
        """Read one ticket of the list, to learn whether the credentials hold. Raises as `Service.read`."""
        self._service.read_json(
            "api/v2/tickets.json",
            lambda page: listed(page["tickets"], lambda ticket: ticket["id"]),
            {"page[size]": "1"},
        )

    def _pages(self, path: str, parse: Callable[[Any], list[_T]], **params: str) -> Iterator[_T]:
        """Every item of a list; `parse` takes the items from a page."""
        return self._service.read_pages(
            path,
            lambda page: (parse(page), zendesk_answers.next_page(page)),
            {"page[size]": "100", **params},
            cursor="page[after]",
        )


@contextmanager
def _naming(ticket_id: int) -> Iterator[None]:
    """Where a ticket is read: that there is none is said with its number, unless the address is wrong."""
    try:
        yield
    except RefusedError as exc:
        if exc.status != 404 or "help desk" in exc.words or WEB_PAGE in exc.words:
            raise
        words = f"Ticket {ticket_id} does not exist in Zendesk, or you may not see it. Check the number."
        raise RefusedError(words, status=404) from exc


def plain(body: str) -> str:
    """A comment's body without placeholders: Zendesk expands `{{...}}`, so a space of no width separates the braces."""
    return re.sub(r"\{(?=[{%])", "{\u200b", body)
