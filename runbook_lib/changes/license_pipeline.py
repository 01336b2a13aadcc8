"""Mechanizer's pipeline, which makes a license and mails it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pydantic import SecretStr

from runbook_lib.clients.gitlab import GitLab
from runbook_lib.domain.errors import InputError
from runbook_lib.domain.models import Evidence, Pipeline
from runbook_lib.domain.plan import ExactText, Target


@dataclass(frozen=True)
class Trigger:
    """How Mechanizer's pipeline is started: project, branch, trigger token if there is one, and address."""

    project: int
    ref: str
    token: SecretStr | None
    url: str


class LicensePipeline:
    """The pipeline for one order, started once.

    Args:
        gitlab: Where Mechanizer is.
        trigger: How it is started.
        operation_id: The order's, which is among the variables too.
        variables: What the pipeline is given.
        users: For how many users the license is.
        values: The same for the reader, by the form's own field names.
        find: Finds a license of this order, or a trace of its job.
        check: Its precondition.
    """

    name = "license"
    conditional = False
    where = "at Mechanizer's pipelines for one of this ticket, and in the tracker for its issue"

    def __init__(
        self,
        gitlab: GitLab,
        trigger: Trigger,
        operation_id: str,
        variables: Mapping[str, str],
        *,
        users: int,
        values: Mapping[str, str],
        find: Callable[[], Evidence | None],
        check: Callable[[], None],
    ) -> None:
        self._gitlab, self._trigger, self._variables = gitlab, trigger, variables
        self.operation_id, self.find, self.check = operation_id, find, check
        self.target = Target("Mechanizer's pipelines", trigger.url)
        self.summary = f"start Mechanizer: {users} users, mail to the requester"
        self.texts = (ExactText("values for Mechanizer", "\n".join(f"{name}: {one}" for name, one in values.items())),)

    def perform(self) -> Evidence:
        trigger = self._trigger
        if trigger.token is None:
            raise InputError("RUNBOOK_MECHANIZER_TRIGGER_TOKEN is missing.")
        pipeline = self._gitlab.trigger(
            trigger.project, ref=trigger.ref, token=trigger.token, variables=dict(self._variables)
        )
        return pipeline_evidence(pipeline)


def pipeline_evidence(pipeline: Pipeline) -> Evidence:
    return Evidence(f"pipeline {pipeline.id}", pipeline.url, str(pipeline.id))
