"""GitLab REST v4: the issues of the tracker, and the pipeline that issues a license.

Projects are addressed by number, since proxies may decode an encoded path too early.
Source for paths and bodies: GitLab REST API reference, issues, pipeline triggers, pipelines.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from pydantic import SecretStr

from runbook_lib.clients.answers import joined_words, listed, model, moment, typed
from runbook_lib.clients.gitlab_refusals import REFUSALS
from runbook_lib.clients.http import LAST_PAGE, HttpSession, Service
from runbook_lib.clients.retrying import answered_at
from runbook_lib.domain.errors import RefusedError
from runbook_lib.domain.models import Pipeline, TrackerIssue
from runbook_lib.redaction import original

PER_PAGE = 100
_T = TypeVar("_T")


class GitLab:
    """One GitLab instance, seen with one token.

    Attributes:
        answered_at: When it last answered with a list, by its own clock; None if not known.
        pages: The web addresses of all issues and pipelines that it has answered with.
    """

    answered_at: datetime | None = None

    def __init__(self, base_url: str, token: SecretStr, session: HttpSession) -> None:
        headers = {"PRIVATE-TOKEN": token.get_secret_value()}
        self._service = Service("GitLab", base_url, headers, session, _explain, REFUSALS)
        self.pages: set[str] = set()

    def issues(self, project_id: int, *, label: str = "", created_after: datetime | None = None) -> list[TrackerIssue]:
        """The issues with a label, or with any, newest first, open and closed.

        GitLab's own search matches words, not text, so it is not used: compare titles yourself.
        """
        params = {"state": "all", "order_by": "created_at", "sort": "desc"} | ({"labels": label} if label else {})
        if created_after:
            params["created_after"] = _stamp(created_after)
        return list(self._pages(f"api/v4/projects/{project_id}/issues", params, self._issue))

    def issue(self, project_id: int, iid: int) -> TrackerIssue:
        return self._service.read_json(f"api/v4/projects/{project_id}/issues/{iid}", self._issue)

    def create_issue(self, project_id: int, *, title: str, description: str, label: str) -> TrackerIssue:
        """Open an issue. Raises as `Service.write_json`."""
        body = {"title": title, "description": description, "labels": label}
        return self._service.write_json("POST", f"api/v4/projects/{project_id}/issues", self._issue, json=body)

    def update_issue(
        self, project_id: int, iid: int, *, title: str, description: str, close: bool = False
    ) -> TrackerIssue:
        """Rewrite an issue, and close it. Raises as `Service.write_json`."""
        body = {"title": title, "description": description} | ({"state_event": "close"} if close else {})
        return self._service.write_json("PUT", f"api/v4/projects/{project_id}/issues/{iid}", self._issue, json=body)

    def project_url(self, project_id: int) -> str:
        """Where a person sees a project: pages below it are not found by its number. Raises as `Service.read`."""
        return self._service.read_json(f"api/v4/projects/{project_id}", lambda project: str(project["web_url"]))

    def trigger(self, project_id: int, *, ref: str, token: SecretStr, variables: Mapping[str, str]) -> Pipeline:
        """Start a pipeline with variables. Raises as `Service.write_json`."""
        form = {"token": token.get_secret_value(), "ref": ref}
        form |= {f"variables[{name}]": value for name, value in variables.items()}
        return self._service.write_json(
            "POST", f"api/v4/projects/{project_id}/trigger/pipeline", self._pipeline, data=form
        )

    def find_pipelines(self, project_id: int, *, variable: str, since: datetime) -> dict[str, list[Pipeline]]:
        """The pipelines since a moment that were started with a variable, by its value, newest first."""
        params = {"order_by": "id", "sort": "desc", "source": "trigger", "created_after": _stamp(since)}
        found: dict[str, list[Pipeline]] = {}
        for pipeline in self._pages(f"api/v4/projects/{project_id}/pipelines", params, self._pipeline):
            variables = dict(self._service.read_json(_variables_path(project_id, pipeline), _variables))
            if variable in variables:
                found.setdefault(variables[variable], []).append(pipeline)
        return found

    def scopes(self) -> list[str] | None:
        """The token's scopes, or None for a token that has no page of its own. Raises as `Service.read`."""
        try:
            return self._service.read_json(
                "api/v4/personal_access_tokens/self", lambda token: typed(list[str], token["scopes"])
            )
        except RefusedError as exc:
            if exc.status in (400, 404):
                return None
            raise

    def probe_issues(self, project_id: int, *, label: str) -> None:
        """Read one issue, to learn whether the project is there. Raises as `Service.read`."""
        self._first(f"api/v4/projects/{project_id}/issues", {"labels": label}, self._issue)

    def probe_pipelines(self, project_id: int) -> None:
        """Read the last pipeline that a trigger started, and its variables. Raises as `Service.read`.

        The list takes a lesser role than the variables, by which a license is found that was asked for before.
        """
        path = f"api/v4/projects/{project_id}/pipelines"
        for pipeline in self._first(path, {"source": "trigger"}, self._pipeline):
            self._service.read_json(_variables_path(project_id, pipeline), _variables)

    def _first(self, path: str, params: Mapping[str, str], parse: Callable[[Any], _T]) -> list[_T]:
        """Read and parse one item at most: a sign-in page answers 200 too, and proves nothing."""
        return self._service.read_json(path, lambda items: listed(items, parse), {**params, "per_page": "1"})

    def _pages(self, path: str, params: Mapping[str, str], parse: Callable[[Any], _T]) -> Iterator[_T]:
        """Every item of a list, parsed, by page number; `X-Next-Page` is empty on the last.

        A proxy may drop that header: then the last page is the one that is not full.
        """
        number = 1
        for _ in range(LAST_PAGE):
            response = self._service.read(path, {**params, "per_page": str(PER_PAGE), "page": str(number)})
            self.answered_at = answered_at(response) or self.answered_at
            items = self._service.parsed(response, lambda items: listed(items, parse))
            yield from items
            after = response.headers.get("x-next-page", str(number + 1) if len(items) >= PER_PAGE else "")
            if not after:
                return
            if not re.fullmatch("[0-9]{1,9}", after) or int(after) <= number:
                raise self._service.failures.odd(response.request.url.path)
            number = int(after)
        raise self._service.failures.too_long(f"list {path}", LAST_PAGE)

    def _issue(self, item: Any) -> TrackerIssue:
        words, created_at = item.get("description") or "", moment(item["created_at"])
        more = {"created_at": created_at, "url": item["web_url"], "description": words, "raw": original(words)}
        issue = model(TrackerIssue, item, **more)
        self.pages.add(issue.url)
        return issue

    def _pipeline(self, item: Any) -> Pipeline:
        updated = item.get("updated_at")
        pipeline = model(Pipeline, item, url=item["web_url"], updated_at=updated and moment(updated))
        self.pages.add(pipeline.url)
        return pipeline


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _variables_path(project_id: int, pipeline: Pipeline) -> str:
    return f"api/v4/projects/{project_id}/pipelines/{pipeline.id}/variables"


def _variables(items: Any) -> list[tuple[str, str]]:
    return listed(items, lambda item: (typed(str, item["key"]), typed(str, item["value"])))


def _explain(body: Any) -> str:
    """The words of an error: `message` (text, or errors by field) or `error`."""
    return joined_words(body.get("message") or body.get("error_description") or body["error"])
