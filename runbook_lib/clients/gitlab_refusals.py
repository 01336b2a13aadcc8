"""What GitLab's refusals mean for the runbooks, and what to do. Pure.

Source: GitLab REST API reference, pipeline triggers; CI/CD variables, *Restrict pipeline variables*; the
messages of `Gitlab::Ci::Pipeline::Chain`; `Ci::PipelinePolicy`, `read_pipeline_variable`.
"""

from __future__ import annotations

from runbook_lib.clients.refusals import CREDENTIALS, RIGHTS, Hint, Refusals

_ISSUES, _PIPELINES = r"/projects/\d+/issues\b", r"/projects/\d+/pipelines\b"
_OWNER = "user who made RUNBOOK_MECHANIZER_TRIGGER_TOKEN"


def _no_pipeline(advice: str, *, says: str = "", status: int | None = None, fault: str = "") -> Hint:
    return Hint(f"{advice} No pipeline was started.", says=says, status=status, path=r"/trigger/pipeline$", fault=fault)


REFUSALS = Refusals(
    "RUNBOOK_GITLAB_URL",
    "https://docs.gitlab.com/api/rest/troubleshooting/",
    (
        _no_pipeline(
            "GitLab answers so to a wrong trigger token, to one of another project, and to one whose maker is no "
            "member any more: check RUNBOOK_MECHANIZER_TRIGGER_TOKEN and RUNBOOK_MECHANIZER_PROJECT_ID, and that "
            f"the {_OWNER} has the Developer role or more there.",
            status=404,
        ),
        _no_pipeline(
            "In the project's Settings > CI/CD > Variables, set *Minimum role to use pipeline variables* to a role "
            f"that the {_OWNER} has.",
            says="permissions to set pipeline variables",
            fault=RIGHTS,
        ),
        _no_pipeline(
            "Check RUNBOOK_MECHANIZER_REF: the project has no branch or tag of this name.", says="reference not found"
        ),
        _no_pipeline(
            f"The {_OWNER} may not run pipelines on RUNBOOK_MECHANIZER_REF: give them the Developer "
            "role, or, where that branch is protected, one that may merge or push to it.",
            says=r"permissions? to (create a new|run a) pipeline",
            fault=RIGHTS,
        ),
        _no_pipeline(
            "The .gitlab-ci.yml on RUNBOOK_MECHANIZER_REF has no job for a triggered pipeline: check the ref, and the "
            "rules of its jobs.",
            says=r"no stages|workflow rules|will not run for the selected|have been empty|config file|\.yml|yaml|jobs:",
        ),
        _no_pipeline(
            "Renew RUNBOOK_MECHANIZER_TRIGGER_TOKEN.", says=r"trigger token.*(expired|revoked)", fault=CREDENTIALS
        ),
        _no_pipeline("Run again in a minute.", says="too many pipelines"),
        _no_pipeline("Unarchive the project of RUNBOOK_MECHANIZER_PROJECT_ID, or give another one.", says="archived"),
        _no_pipeline("Switch CI/CD on in the project of RUNBOOK_MECHANIZER_PROJECT_ID.", says="pipelines are disabled"),
        _no_pipeline(f"The {_OWNER} has to verify their account in GitLab first.", says="verif"),
        Hint("GitLab is read-only, perhaps for maintenance. Run again later.", says="read-only instance"),
        _no_pipeline(
            f"The {_OWNER} may not do that: they need the Developer role or more there.", status=403, fault=RIGHTS
        ),
        Hint(
            "RUNBOOK_GITLAB_TOKEN needs the scope api.",
            says=r"insufficient_scope|higher privileges",
            fault=RIGHTS,
        ),
        Hint("Renew RUNBOOK_GITLAB_TOKEN.", status=401, fault=CREDENTIALS),
        Hint("Sign in to GitLab as the user of RUNBOOK_GITLAB_TOKEN, and set a new password.", says="password expired"),
        Hint("Sign in to GitLab as the user of RUNBOOK_GITLAB_TOKEN, and accept its terms.", says="terms of service"),
        Hint("The user of RUNBOOK_GITLAB_TOKEN is blocked in GitLab: use another's.", says="blocked", status=403),
        Hint(
            "The user of RUNBOOK_GITLAB_TOKEN needs the Reporter role or more in the project of "
            "RUNBOOK_TRACKER_PROJECT_ID, and the token the scope api.",
            status=403,
            path=_ISSUES,
            fault=RIGHTS,
        ),
        Hint(
            "Only a Maintainer of the project of RUNBOOK_MECHANIZER_PROJECT_ID may read the variables of each "
            "pipeline; a Developer reads those of pipelines that they triggered. Give the user of "
            "RUNBOOK_GITLAB_TOKEN the Maintainer role there.",
            status=403,
            path=rf"{_PIPELINES}/\d+/variables$",
            fault=RIGHTS,
        ),
        Hint(
            "The user of RUNBOOK_GITLAB_TOKEN needs the Developer role or more in the project of "
            "RUNBOOK_MECHANIZER_PROJECT_ID, and the token the scope api.",
            status=403,
            path=_PIPELINES,
            fault=RIGHTS,
        ),
        Hint("RUNBOOK_GITLAB_TOKEN needs the scope api, and its user a role there.", status=403, fault=RIGHTS),
        Hint(
            "GitLab answers so for a private project, too: check RUNBOOK_TRACKER_PROJECT_ID, and that the user of "
            "RUNBOOK_GITLAB_TOKEN is a member there.",
            status=404,
            path=_ISSUES,
        ),
        Hint(
            "GitLab answers so for a private project, too: check RUNBOOK_MECHANIZER_PROJECT_ID, and that the user of "
            "RUNBOOK_GITLAB_TOKEN has the Developer role or more there.",
            status=404,
            path=_PIPELINES,
        ),
        Hint("Check RUNBOOK_GITLAB_URL: it is the address of the instance, without /api/v4.", status=404),
    ),
)
