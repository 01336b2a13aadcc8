"""CustomersDot's stand-in: rails_admin lists as JSON, and the pages that a person opens."""

from __future__ import annotations

import re

import pytest

ROWS = "license_seat_link"
NAME = "Bergwerk 100% Süd / Haus 2"
COLUMNS = {
    "customer": ["id", "email", "first_name", "last_name", "company", "created_at", "updated_at"],
    "license": [
        *["id", "customer_id", "zuora_subscription_name", "zuora_subscription_id", "plan", "users", "starts_at"],
        *["expires_at", "cloud_licensing_enabled", "trial", "created_at", "updated_at"],
    ],
    ROWS: [
        *["id", "created_at", "updated_at", "active_user_count", "max_historical_user_count", "license_user_count"],
        *["license_starts_on", "zuora_subscription_name", "zuora_subscription_id", "report_timestamp", "license_id"],
        *["gitlab_version", "hostname", "instance_identifier", "license_md5"],
    ],
}
HOSTILE = "</td><script>alert(1)</script><img src=x onerror=alert(1)>\x1b[31m\u202e"


def ask(practice, model, cookie=None, **query):
    name, _, value = (cookie or practice.world.settings["customersdot_cookie"]).partition("=")
    return practice.http.get(f"/admin/{model}.json", params=query, headers={"Cookie": f"{name}={value}"})


def rows(practice, model, **query):
    answer = ask(practice, model, **query)
    assert answer.status_code == 200
    return answer.json()


def test_an_unknown_model_is_404(practice):
    assert ask(practice, "order").status_code == 404


def test_page_size_defaults_to_20(practice):
    query = {"f[zuora_subscription_name][0][v]": "A-S00029021"}
    assert len(rows(practice, ROWS, **query)) == 20
    pages = [rows(practice, ROWS, per="50", page=str(number), **query) for number in (1, 2, 3, 4)]
    assert [len(page) for page in pages] == [50, 50, 30, 0]
    assert len({row["id"] for page in pages for row in page}) == 130


def test_a_name_with_spaces_percent_and_slash_is_found(practice):
    query = {"f[zuora_subscription_name][0][o]": "is", "f[zuora_subscription_name][0][v]": NAME}
    assert {row["zuora_subscription_name"] for row in rows(practice, ROWS, **query)} == {NAME}


def test_rows_are_newest_first(practice):
    ids = [row["id"] for row in rows(practice, "customer")]
    assert ids == sorted(ids, reverse=True)


def filtered(field, value, operator=None):
    """The parameters of one filter, as rails_admin's own pages send them."""
    params = {f"f[{field}][0][v]": value}
    return params if operator is None else params | {f"f[{field}][0][o]": operator}


def emails(practice, **params):
    """The addresses of the accounts that fit, by letter."""
    return sorted(row["email"] for row in rows(practice, "customer", **params))


def add_customer(practice, email, company):
    """An account beside those of the practice tickets."""
    practice.world.store.write(
        "INSERT INTO cdot_customers (email, first_name, last_name, company, created_at, updated_at)"
        " VALUES (?, 'A', 'B', ?, '', '')",
        email,
        company,
    )


@pytest.mark.parametrize("model", COLUMNS)
def test_a_list_is_a_plain_array_of_rows(practice, model):
    """No envelope, no totals; the columns in their order."""
    found = rows(practice, model)
    assert COLUMNS[model] == list(found[0])


def test_booleans_and_days_have_rails_own_form(practice):
    """So that a client can distinguish false from 0, and a day from a time."""
    (row,) = rows(practice, "license", **filtered("zuora_subscription_name", "A-S00020061", "is"))
    assert (False, False) == (row["cloud_licensing_enabled"], row["trial"])
    assert ("2025-11-04", "2026-11-04") == (row["starts_at"], row["expires_at"])
    assert "2025-11-04T00:00:00.000Z" == row["created_at"]


def test_a_query_looks_into_every_text(practice):
    """A part of it will do, in capitals or not; so a query for one address may find others."""
    assert ["emeka.obi@harmattan-energy.example"] == emails(practice, query="HARMATTAN energy")
    found = ["farid.aziz@silkroad-maps.example", "procurement+nadia.rahimi@silkroad-maps.example"]
    assert found == emails(practice, query="silkroad")
    assert found[1:] == emails(practice, query="nadia.rahimi@silkroad-maps.example")
    assert [] == emails(practice, query="no such words")


@pytest.mark.parametrize(
    ("operator", "value", "fits"),
    [
        (None, "nadia.rahimi@silkroad-maps.example", True),
        ("like", "NADIA.rahimi@", True),
        ("is", "nadia.rahimi@silkroad-maps.example", False),
        ("is", "procurement+nadia.rahimi@silkroad-maps.example", True),
        ("is", "PROCUREMENT+nadia.rahimi@silkroad-maps.example", False),
        ("is", "", True),
    ],
)
def test_a_filter_compares_as_its_operator_says(practice, operator, value, fits):
    """Without one it is `like`; only `is` is exact, capitals too. One without a value is ignored.

    Source: rails_admin, `StatementBuilder`, string columns.
    """
    expected = ["procurement+nadia.rahimi@silkroad-maps.example"] if fits else []
    found = emails(practice, **filtered("email", value, operator))
    assert expected == [email for email in found if email.startswith("procurement")]


def test_filter_is_excludes_containing_addresses(practice):
    """Neither longer ones, nor what `%` and `_` would find in a database."""
    for email in ("a_b@x.example", "acb@x.example", "za_b@x.example", "a_b@x.example.org", "%@x.example"):
        add_customer(practice, email, "X")
    assert ["a_b@x.example"] == emails(practice, **filtered("email", "a_b@x.example", "is"))
    assert ["%@x.example"] == emails(practice, **filtered("email", "%@x.example", "is"))
    assert ["%@x.example"] == emails(practice, query="%@x.example")
    assert ["a_b@x.example", "a_b@x.example.org", "za_b@x.example"] == emails(practice, query="a_b@x")


def test_all_filters_must_pass(practice):
    email, company = filtered("email", "uwe.brandt"), filtered("company", "zeche")
    assert 2 == len(rows(practice, "customer", **email))
    assert ["Zeche Süd"] == [row["company"] for row in rows(practice, "customer", **email, **company)]


def test_a_number_is_filtered_exactly(practice):
    """The licenses of one account, not those of accounts whose number holds this one's."""
    (account,) = rows(practice, "customer", query="emeka.obi")
    found = rows(practice, "license", **filtered("customer_id", str(account["id"]), "is"))
    assert ["A-S00020031"] * 2 == [row["zuora_subscription_name"] for row in found]
    assert [] == rows(practice, "license", **filtered("customer_id", str(account["id"])[:-1], "is"))


def test_the_deep_links_work_without_a_session(practice):
    """The reader's browser has none; the rows and the query are shown."""
    for model, query, shown in (
        ("customer", "emeka.obi@harmattan-energy.example", "Harmattan Energy"),
        ("license", "A-S00020061", "A-S00020061"),
        (ROWS, NAME, "git.bergwerk-sued.example"),
    ):
        answer = practice.http.get(f"/admin/{model}", params={"query": query})
        assert (200, "text/html; charset=utf-8") == (answer.status_code, answer.headers["content-type"])
        assert shown in answer.text
        assert f'rows for the query <b><span class="foreign" dir="auto">{query}</span></b>' in answer.text


def test_a_page_says_what_it_leaves_out(practice):
    """Three rows, none, and more than it shows."""
    page = practice.http.get("/admin/license_seat_link", params={"query": NAME}).text
    assert ("3 rows for", 4) == (page[page.index("3 rows") :][:10], page.count("<tr>"))
    assert "0 rows for" in practice.http.get("/admin/customer?query=nobody").text
    for number in range(201):
        add_customer(practice, f"{number}@many.example", "Many")
    page = practice.http.get("/admin/customer?query=many.example").text
    assert ("The first 200 of 201 rows" in page, 201) == (True, page.count("<tr>"))


def test_hostile_texts_stay_texts(practice):
    """In a row and in the query; control and direction characters are spelled out, and no script could run."""
    add_customer(practice, "hostile@x.example", HOSTILE)
    for query in ("hostile@x.example", HOSTILE):
        answer = practice.http.get("/admin/customer", params={"query": query})
        assert set() == set(re.findall(r"<(\w+)", answer.text)) & {"script", "img", "iframe", "form"}
        assert set() == set(answer.text) & {"\x1b", "\u202e"}
        assert "⟨U+202E⟩" in answer.text
        assert "&lt;script&gt;alert(1)" in answer.text
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "no-store" == answer.headers["Cache-Control"]


def test_lists_are_read_only(practice):
    """Nothing can be sent to them."""
    headers = {"Cookie": practice.world.settings["customersdot_cookie"]}
    for path in ("/admin/customer.json", "/admin/customer"):
        assert 405 == practice.http.post(path, headers=headers, json={}).status_code


@pytest.mark.parametrize("cookie", [None, "_customersdot_session=wrong", "_customersdot_session=", "other={value}"])
@pytest.mark.parametrize("model", ["customer", "nonsense"])
def test_json_needs_the_session(practice, model, cookie):
    """The refusal has devise's words, and comes before the list of models."""
    value = practice.world.settings["customersdot_cookie"].partition("=")[2]
    headers = {} if cookie is None else {"Cookie": cookie.format(value=value)}
    answer = practice.http.get(f"/admin/{model}.json", headers=headers)
    expected = {"error": "You need to sign in or sign up before continuing."}
    assert (401, expected) == (answer.status_code, answer.json())
