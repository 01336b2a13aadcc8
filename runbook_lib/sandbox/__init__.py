"""The stand-ins for Zendesk, GitLab, Slack and mail: what a rehearsal talks to instead of the live systems.

An independent reading of the vendors' contracts. It shares no code with `runbook_lib.clients`; the vendors' own
client libraries, run against it in `tests/contract`, keep both honest.
"""
