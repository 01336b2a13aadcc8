"""Faults by call and by the control room's buttons: what is answered, who is refused, hostile texts stay texts."""

from __future__ import annotations

import httpx
import pytest

from runbook_lib.sandbox.faults import FLAGS, PRESETS
from tests.sandbox.test_reading import Outline

FAULTS = "/sandbox/faults"
ROOM = "/control-room"
OWN, FOREIGN = {"Origin": "http://127.0.0.1:8765"}, {"Origin": "https://evil.example"}
BUTTON = {"name": "Slack is down"}


def listed(practice):
    return practice.http.get(FAULTS).json()


def test_a_fault_is_added_listed_and_cleared(practice):
    assert [] == listed(practice)
    added = practice.http.post(FAULTS, json={"service": "gitlab", "kind": "error", "status": 503, "path": "/issues"})
    expected = {
        "id": 1,
        "service": "gitlab",
        "kind": "error",
        "path": "/issues",
        "method": None,
        "times": 1,
        "skip": 0,
        "seconds": 0,
        "status": 503,
        "retry_after": None,
        "error": None,
        "commits": False,
        "state": None,
        "passed": 0,
        "hits": 0,
    }
    assert (added.status_code, added.json(), listed(practice)) == (201, expected, [expected])
    assert practice.http.post(f"{FAULTS}/clear", json={"id": 1}).status_code == 204
    assert [] == listed(practice)


def test_faults_are_listed_in_order_with_their_hits(practice):
    for kind in ("limit", "error"):
        practice.http.post(FAULTS, json={"service": "gitlab", "kind": kind, "times": 2, "skip": 1})
    assert [200, 429] == [practice.gitlab("GET", "user").status_code for _ in range(2)]
    assert [("limit", 1, 1), ("error", 1, 0)] == [(f["kind"], f["passed"], f["hits"]) for f in listed(practice)]


def test_clear_all_keeps_the_hit_counts(practice):
    for _ in range(2):
        practice.http.post(FAULTS, json={"service": "gitlab", "kind": "limit"})
    practice.gitlab("GET", "user")
    assert practice.http.post(f"{FAULTS}/clear", json={}).status_code == 204
    assert ([], {"gitlab": {"limit": 1}}) == (listed(practice), practice.http.get(f"{FAULTS}/hits").json())


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (
            '{"service": "jira"}',
            'service "jira" is unknown; expected one of zendesk, gitlab, slack, customersdot, mail',
        ),
        ('{"service": "gitlab", "kind": "delay", "seconds": 601}', "seconds 601 cannot be: Input should be less than"),
        ("[]", "The body cannot be read as a JSON object; expected the fields of a fault."),
        ("{", "The body cannot be read as a JSON object; expected the fields of a fault."),
        ('{"service": "\\ud800"}', "The body cannot be read as a JSON object; expected the fields of a fault."),
    ],
)
def test_impossible_fault_is_422_with_a_sentence(practice, body, error):
    answer = practice.http.post(FAULTS, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert answer.json()["error"].startswith(error)
    assert [] == listed(practice)


@pytest.mark.parametrize("kind", ["reset", "truncate"])
def test_reset_and_truncate_need_a_real_connection(practice, kind):
    """As in these tests; nothing is handled then."""
    practice.http.post(FAULTS, json={"service": "slack", "kind": kind})
    with pytest.raises(LookupError):
        practice.slack("chat.postMessage", channel="C07PRACTICE", text="hello")
    assert [] == practice.world.store.rows("SELECT * FROM messages")


# -- the page


@pytest.mark.parametrize(
    ("ticket", "page"), [("", ROOM), ("?ticket=1001", f"{ROOM}/1001"), ("?ticket=//evil.example", ROOM)]
)
def test_button_leads_back_to_its_page(practice, ticket, page):
    """And nowhere else, for every value of the parameter."""
    answer = practice.http.post(f"{FAULTS}/presets{ticket}", data=BUTTON, headers=OWN)
    assert (303, f"{page}#faults") == (answer.status_code, answer.headers["Location"])
    assert 1 == len(listed(practice))


@pytest.mark.parametrize(
    ("chosen", "left"), [({"id": "1"}, [2]), ({}, []), ({"id": "x"}, [1, 2]), ({"id": "9"}, [1, 2])]
)
def test_the_buttons_clear_one_or_all(practice, chosen, left):
    for _ in range(2):
        practice.http.post(FAULTS, json={"service": "gitlab", "kind": "limit"})
    answer = practice.http.post(f"{FAULTS}/clear", data=chosen, headers=OWN)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{ROOM}#faults")
    assert left == [fault["id"] for fault in listed(practice)]


def test_page_shows_active_and_injected_faults(practice):
    practice.http.post(FAULTS, json={"service": "gitlab", "kind": "limit"})
    practice.gitlab("GET", "user")
    practice.http.post(FAULTS, json={"service": "mail", "kind": "refuse", "error": "5.7.1 <go away>", "times": None})
    text = practice.http.get(ROOM).text
    for expected in ("Injected so far: gitlab limit 1", "5.7.1 &lt;go away&gt;", "hit 0 of any number", "Clear all"):
        assert expected in text


def test_hostile_texts_stay_texts(practice):
    hostile = "</td><script>alert(1)</script><img src=x onerror=alert(1)>\x1b[31m\u202e"
    practice.http.post(FAULTS, json={"service": "gitlab", "kind": "limit", "path": hostile})
    answer = practice.http.get(ROOM)
    outline = Outline(answer.text)
    assert 1 == answer.text.count("<script")
    assert not outline.tags & {"img", "iframe"}
    assert not [name for name in outline.attributes if name.startswith("on")]
    assert "⟨U+202E⟩" in answer.text


# -- other sites


@pytest.mark.parametrize("origin", [FOREIGN, {"Origin": "null"}, {"Origin": "http://localhost:8765"}])
@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", ""), ("GET", "/hits"), ("POST", ""), ("POST", "/presets"), ("POST", "/clear")],
)
def test_another_sites_page_is_refused(practice, origin, method, path):
    practice.http.post(FAULTS, json={"service": "gitlab", "kind": "limit"})
    answer = practice.http.request(method, FAULTS + path, headers=origin, data=BUTTON if method == "POST" else None)
    assert (answer.status_code, list(answer.json())) == (403, ["error"])
    assert [1] == [fault["id"] for fault in listed(practice)]


def test_unknown_host_name_is_refused(practice):
    """The host it names is not the sandbox's, so that its origin would be its own."""
    rebound = {"Host": "evil.example:8765", "Origin": "http://evil.example:8765"}
    assert practice.http.post(f"{FAULTS}/presets", data=BUTTON, headers=rebound).status_code == 400
    assert [] == listed(practice)


def test_own_or_no_origin_is_accepted(practice):
    for headers in (OWN, {}, {"Host": "localhost:8765", "Origin": "http://localhost:8765"}):
        answer: httpx.Response = practice.http.post(f"{FAULTS}/presets", data=BUTTON, headers=headers)
        assert answer.status_code == 303
    assert 3 == len(listed(practice))


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_adds_its_faults(practice, name):
    """By the call for programs, and by the page's button."""
    added = practice.http.post(f"{FAULTS}/presets", json={"name": name})
    assert (201, added.json()) == (added.status_code, listed(practice))
    assert [fields["kind"] for fields in PRESETS[name]] == [fault["kind"] for fault in added.json()]
    assert f'value="{name}"' in practice.http.get(ROOM).text
    assert 303 == practice.http.post(f"{FAULTS}/presets", data={"name": name}, follow_redirects=False).status_code
    assert 2 * len(PRESETS[name]) == len(listed(practice))


def test_unknown_preset_is_422(practice):
    answer = practice.http.post(f"{FAULTS}/presets", json={"name": "everything"})
    assert (422, []) == (answer.status_code, listed(practice))
    assert "expected one of Slack is down" in answer.json()["error"]


def test_the_page_says_what_each_active_flag_changes(practice):
    for service, kinds in FLAGS.items():
        for kind in kinds:
            practice.http.post(FAULTS, json={"service": service, "kind": kind})
    page = practice.http.get(ROOM).text
    assert [] == [words for kinds in FLAGS.values() for words in kinds.values() if words not in page]
