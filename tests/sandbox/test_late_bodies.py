"""Requests that arrive in pieces: what others change meanwhile counts, as at the vendors."""

import asyncio
import json

import httpx

from runbook_lib.sandbox.faults import Faults
from runbook_lib.sandbox.serving import create_app
from tests.sandbox.conftest import BASE_URL


def both(practice, path, headers, late, quick):
    """The answers to two PUTs; the second is sent and answered before the body of the first has arrived."""
    app = create_app(practice.world, faults=Faults(), start_pipeline=practice.started.append)

    async def ask():
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url=BASE_URL, headers=headers) as http:
            answers = []

            async def body():
                answers.append(await http.put(path, json=quick))
                yield json.dumps(late).encode()

            answers.insert(0, await http.put(path, content=body(), headers={"Content-Type": "application/json"}))
            return answers

    return asyncio.run(ask())


def test_two_safe_updates_on_one_reading(practice):
    """One passes, and one is stale: it was read before the other one wrote."""
    stamp = practice.zendesk("GET", "tickets/1001.json").json()["ticket"]["updated_at"]
    headers = {"Authorization": f"Bearer {practice.world.settings['zendesk_oauth_token']}"}
    change = {"ticket": {"safe_update": True, "updated_stamp": stamp, "comment": {"body": "Once", "public": True}}}
    late, quick = both(practice, "/api/v2/tickets/1001.json", headers, change, change)
    assert (409, 200) == (late.status_code, quick.status_code)


def test_two_edits_of_an_issue(practice):
    """Neither takes back what the other one has changed."""
    project = practice.world.settings["tracker_project_id"]
    made = practice.gitlab("POST", f"projects/{project}/issues", json={"title": "One", "description": "old"}).json()
    path = f"/api/v4/projects/{project}/issues/{made['iid']}"
    headers = {"PRIVATE-TOKEN": practice.world.settings["gitlab_token"]}
    late, quick = both(practice, path, headers, {"title": "Two"}, {"description": "new"})
    assert (200, 200) == (late.status_code, quick.status_code)
    assert ("Two", "new") == (late.json()["title"], late.json()["description"])
