"""Mechanizer's pipeline, which makes a license and mails it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from pydantic import SecretStr

from runbook_lib.clients.gitlab import GitLab
from runbook_lib.domain.models import Evidence, Pipeline
from runbook_lib.domain.plain_text import count
from runbook_lib.domain.plan import ExactText, Target


@dataclass
class LicensePipeline:
    """The pipeline for one order, started once."""

    name: ClassVar[str] = "license"
    conditional: ClassVar[bool] = False
    where: ClassVar[str] = "at Mechanizer's pipelines for one of this ticket, and in the tracker for its issue"
    gitlab: GitLab
    project: int
    ref: str  # the branch or tag that is run
    token: SecretStr
    page: str  # where a person sees its pipelines
    operation_id: str  # the order's, which is among the variables too
    variables: dict[str, str]  # what the pipeline is given
    users: int
    values: Mapping[str, str]  # the same for the reader, by the form's own field names
    find: Callable[[], Evidence | None]  # finds a license of this order, or a trace of its job
    check: Callable[[], None]

    @property
    def target(self) -> Target:
        return Target("Mechanizer's pipelines", self.page)

    @property
    def summary(self) -> str:
        return f"start Mechanizer: {count(self.users, 'user')}, mail to the requester"

    @property
    def texts(self) -> tuple[ExactText, ...]:
        return (ExactText("values for Mechanizer", "\n".join(f"{name}: {one}" for name, one in self.values.items())),)

    def perform(self) -> Evidence:
        started = self.gitlab.trigger(self.project, ref=self.ref, token=self.token, variables=self.variables)
        return pipeline_evidence(started)


def pipeline_evidence(pipeline: Pipeline) -> Evidence:
    return Evidence(f"pipeline {pipeline.id}", pipeline.url, str(pipeline.id))
