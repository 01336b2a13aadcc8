"""What Zendesk's refusals mean for the runbooks, and what keeps a user from doing what they need. Pure.

Source: Zendesk Support API reference, tickets, users and custom roles; its 422 as in public reports (FACTS 6).
"""

from __future__ import annotations

from collections.abc import Mapping

from runbook_lib.clients.refusals import CREDENTIALS, RIGHTS, Hint, Refusals
from runbook_lib.domain.models import Person

ROLE = (
    "Ask a Zendesk admin for a role that may reply publicly and edit tickets, or use the token of an agent who has one."
)
_LIGHT_ROLES = {1: "light agent", 2: "chat agent", 3: "contributor", 5: "billing admin"}
"""Values of `role_type` whose users may comment privately at the most, and are assigned no tickets."""


def refusals(credential: str) -> Refusals:
    """Zendesk's refusals; `credential` is the setting of the credentials."""
    return Refusals(
        "RUNBOOK_ZENDESK_URL",
        "https://developer.zendesk.com/api-reference/introduction/requests/",
        (
            Hint(
                "No reply reaches them: if they are the customer, unsuspend them in Zendesk, then run again.",
                says=r"requester.* is suspended|usersuspended",
            ),
            Hint(
                "Zendesk takes no more changes to it: ask the customer for a follow-up ticket, and use its number.",
                says="closed prevents ticket update|ticket is closed",
            ),
            Hint(
                "The ticket belongs to a group of which you are no member: ask an admin to add you, or have the ticket "
                "moved to your group, then run again.",
                says=r"not a member of the selected group",
            ),
            Hint(f"That user cannot be assigned tickets. {ROLE}", says=r"^assignee\b", status=422, fault=RIGHTS),
            Hint("Run again: the file is uploaded anew.", says=r"upload.*token|token.*(invalid|expired)", status=422),
            Hint("Give a smaller file: Zendesk takes none that large.", says=r"too large|exceeds", path="/uploads"),
            Hint(
                f"{credential} needs the scopes read and write.",
                says=r"missing .*scope|insufficient_scope",
                fault=RIGHTS,
            ),
            Hint("It could not be saved at that moment: run again.", says="database collision"),
            Hint(f"Renew {credential}.", status=401, fault=CREDENTIALS),
            Hint(
                f"The user of {credential} may not do that: they need access to the ticket, and the scopes read and "
                f"write. {ROLE}",
                status=403,
                fault=RIGHTS,
            ),
            Hint("Check RUNBOOK_ZENDESK_URL: it is the address of the account, without /api/v2.", status=404),
        ),
    )


def obstacle(agent: Person, role: Mapping[str, object] | None = None) -> str:
    """What keeps an agent with this custom role, if it can be read, from doing what the runbooks need; "" for nothing.

    Source: Zendesk API reference, users, `role`, `role_type`, `only_private_comments`, `suspended`; custom roles,
        `ticket_comment_access`, `ticket_editing`.
    """
    configuration = role or {}
    if agent.suspended:
        return "is suspended in Zendesk"
    if agent.role == "end-user":
        return "is an end user in Zendesk, and no agent"
    if name := _LIGHT_ROLES.get(agent.role_type or 0):
        return f"is a {name} in Zendesk, who may comment privately at the most, and is assigned no tickets"
    if agent.only_private_comments or configuration.get("ticket_comment_access", "public") != "public":
        return "may only comment privately in Zendesk, so that no reply would reach the customer"
    if configuration.get("ticket_editing") is False:
        return "may not edit tickets in Zendesk, and so cannot take one"
    return ""
