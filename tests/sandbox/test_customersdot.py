"""CustomersDot's stand-in: rails_admin lists as JSON, and the pages that a person opens."""

from __future__ import annotations

import pytest

ROWS = "license_seat_link"
NAME = "Bergwerk 100% Süd / Haus 2"


def ask(practice, model, cookie=None, **query):
    name, _, value = (cookie or practice.world.settings["customersdot_cookie"]).partition("=")
    return practice.http.get(f"/admin/{model}.json", params=query, headers={"Cookie": f"{name}={value}"})


def rows(practice, model, **query):
    answer = ask(practice, model, **query)
    assert answer.status_code == 200
    return answer.json()


@pytest.mark.parametrize("cookie", ["_customersdot_session=old", "other=1"])
def test_without_a_session_there_is_no_list(practice, cookie):
    answer = ask(practice, "customer", cookie=cookie)
    assert answer.status_code == 401
    assert answer.json() == {"error": "You need to sign in or sign up before continuing."}


def test_an_unknown_model_is_404(practice):
    assert ask(practice, "order").status_code == 404


def test_seat_link_rows_have_the_columns_of_the_page(practice):
    (first, *_) = rows(practice, ROWS)
    assert list(first) == [
        "id",
        "created_at",
        "updated_at",
        "active_user_count",
        "max_historical_user_count",
        "license_user_count",
        "license_starts_on",
        "zuora_subscription_name",
        "zuora_subscription_id",
        "report_timestamp",
        "license_id",
        "gitlab_version",
        "hostname",
        "instance_identifier",
        "license_md5",
    ]


def test_pages_have_20_rows_or_as_many_as_asked_for_and_the_last_one_is_short(practice):
    query = {"f[zuora_subscription_name][0][v]": "A-S00029021"}
    assert len(rows(practice, ROWS, **query)) == 20
    pages = [rows(practice, ROWS, per="50", page=str(number), **query) for number in (1, 2, 3, 4)]
    assert [len(page) for page in pages] == [50, 50, 30, 0]
    assert len({row["id"] for page in pages for row in page}) == 130
    assert len(rows(practice, ROWS, all="true", **query)) == 130


@pytest.mark.parametrize(("operator", "count"), [("is", 0), ("like", 3), ("starts_with", 3), (None, 3)])
def test_a_filter_is_exact_only_if_asked_to_be(practice, operator, count):
    query = {"f[email][7][v]": "UWE.brandt@"} if operator != "is" else {"f[email][7][v]": "uwe.brandt@"}
    query |= {"f[email][7][o]": operator} if operator else {}
    found = rows(practice, "customer", **query)
    assert len(found) == (2 if count else 0)


@pytest.mark.parametrize("name", [NAME, NAME.upper()])
def test_a_name_with_spaces_percent_and_slash_is_found(practice, name):
    query = {"f[zuora_subscription_name][0][o]": "is", "f[zuora_subscription_name][0][v]": name}
    assert {row["zuora_subscription_name"] for row in rows(practice, ROWS, **query)} == {NAME}


def test_a_query_finds_words_of_others_too(practice):
    found = rows(practice, "customer", query="nadia.rahimi@silkroad-maps.example")
    assert [row["email"] for row in found] == ["procurement+nadia.rahimi@silkroad-maps.example"]


def test_rows_come_newest_first_or_in_the_order_asked_for(practice):
    found = rows(practice, "customer", sort="email", sort_reverse="false", per="100")
    assert [row["email"] for row in found] == sorted(row["email"] for row in found)
    ids = [row["id"] for row in rows(practice, "customer")]
    assert ids == sorted(ids, reverse=True)
    assert ask(practice, "customer", sort="password").status_code == 400


def test_compact_rows_have_id_and_label(practice):
    (first, *_) = rows(practice, "customer", compact="true")
    assert list(first) == ["id", "label"]


def test_the_page_opens_without_a_session_and_shows_what_was_asked_for(practice):
    answer = practice.http.get(f"/admin/{ROWS}", params={"query": NAME})
    assert answer.status_code == 200
    assert "3 rows for the query" in answer.text
    assert "git.bergwerk-sued.example" in answer.text


def test_the_page_shows_text_as_text(practice):
    practice.world.store.write("UPDATE cdot_customers SET company = '<script>alert(1)</script>\x1b[31m'")
    answer = practice.http.get("/admin/customer", params={"query": "<img src=x>"})
    assert "<script>" not in answer.text
    assert "<img" not in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "\x1b" not in practice.http.get("/admin/customer").text


def test_scopes_are_told_and_kept(practice):
    assert practice.gitlab("GET", "personal_access_tokens/self").json()["scopes"] == ["api"]
    headers = {"Authorization": f"Bearer {practice.world.settings['slack_token']}"}
    assert practice.http.get("/api/auth.test", headers=headers).headers["x-oauth-scopes"] == (
        "chat:write,channels:history"
    )
    practice.world.store.write("UPDATE settings SET value = 'chat:write' WHERE name = 'slack_scopes'")
    channel = practice.world.settings["slack_channel_id"]
    answer = practice.slack("conversations.history", channel=channel)
    assert (answer["ok"], answer["error"], answer["needed"]) == (False, "missing_scope", "channels:history")
    practice.world.store.write("UPDATE settings SET value = 'channels:history' WHERE name = 'slack_scopes'")
    assert practice.slack("chat.postMessage", channel=channel, text="x")["needed"] == "chat:write"


def test_tickets_are_listed(practice):
    found = practice.zendesk("GET", "tickets.json", params={"page[size]": "1"}).json()
    assert [ticket["id"] for ticket in found["tickets"]] == [1001]
    assert found["meta"]["has_more"]
    assert practice.http.get("/api/v2/tickets.json").status_code == 401
