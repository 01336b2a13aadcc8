"""What Slack's error words mean for the runbooks, and what to do. Pure.

Source: Slack Web API reference, the errors of chat.postMessage, chat.delete, conversations.history and auth.test.
"""

from __future__ import annotations

from runbook_lib.clients.refusals import CREDENTIALS, RIGHTS, Hint, Refusals

UNSURE = ("internal_error", "fatal_error", "service_unavailable", "request_timeout")
"""Words that do not say whether a post is there."""
LATER = (
    *UNSURE,
    "ratelimited",
    "rate_limited",
    "message_limit_exceeded",
    "team_added_to_org",
    "external_channel_migrating",
)
"""Words that say to try later. Of those that are not `UNSURE`, nothing has happened."""
WRITES = ("chat:write",)
"""Scopes that the bot needs for posting."""
READS = ("channels:history", "groups:history")
"""Scopes for looking, of which the bot needs one: the first for a public channel, the second for a private one."""
_CHANNEL = "the channel of RUNBOOK_SLACK_CHANNEL_ID"
_ADMIN = "ask an admin of the workspace"


def _word(words: str, advice: str, fault: str = "") -> Hint:
    """A hint for words that are meant as a whole."""
    return Hint(advice, says=rf"^(?:{words})$", fault=fault)


REFUSALS = Refusals(
    "RUNBOOK_SLACK_URL",
    "https://docs.slack.dev/reference/methods",
    (
        _word(
            "invalid_auth|not_authed|token_revoked|token_expired|account_inactive|user_removed_from_team",
            "Renew RUNBOOK_SLACK_TOKEN: the bot's token is wrong, has ended, or its app was removed.",
            CREDENTIALS,
        ),
        _word(
            "missing_scope",
            "Add it under *OAuth & Permissions* of the Slack app of RUNBOOK_SLACK_TOKEN, and install the app again. It "
            "needs chat:write, and channels:history for a public channel or groups:history for a private one.",
            RIGHTS,
        ),
        _word("not_allowed_token_type", "RUNBOOK_SLACK_TOKEN has to be a bot's token (xoxb-).", CREDENTIALS),
        _word("not_in_channel", f"Invite the bot to {_CHANNEL}."),
        _word(
            "channel_not_found",
            "Check RUNBOOK_SLACK_CHANNEL_ID, which is an id such as C0123456789 and no name; a private channel is not "
            "found by a bot that is no member: invite it there.",
        ),
        _word("is_archived", f"Unarchive {_CHANNEL}, or give another one."),
        _word(
            "restricted_action.*|channel_is_limited_access|posting_to_general_channel_denied",
            f"The bot may not post there: let it, in the posting permissions of {_CHANNEL}, or {_ADMIN}.",
            RIGHTS,
        ),
        _word("msg_too_long|msg_blocks_too_long|metadata_too_large", "Post it by hand, in fewer words."),
        _word("cant_delete_message", "Delete it by hand: the bot may delete its own messages only.", RIGHTS),
        _word(
            "access_denied|accesslimited|no_permission|ekm_access_denied|org_login_required|enterprise_is_restricted"
            "|team_access_not_granted|two_factor_setup_required|app_access_denied",
            f"The workspace does not let this app in: {_ADMIN}.",
            RIGHTS,
        ),
        Hint("Check RUNBOOK_SLACK_URL, which is https://slack.com/api/.", status=404),
    ),
)
