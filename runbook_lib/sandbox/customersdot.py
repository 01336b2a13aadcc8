"""The stand-in for CustomersDot's admin: stock rails_admin lists at `/admin/<model>`, as JSON and as pages.

Source: rails_admin, index action (a plain array, without totals); FACTS 2 for the Seat Link columns. The columns of
customers and licenses are GitLab's own and not public; these are what the runbook asks for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import htpy as h
from starlette.responses import HTMLResponse
from starlette.routing import BaseRoute

from runbook_lib.sandbox.calls import Answer, Call, Json, Refusal, is_secret, positive, route
from runbook_lib.sandbox.cards import HEADERS, document, untrusted
from runbook_lib.sandbox.store import Row

DEFAULT_PER = 20
"""Rows on a page, unless the query has `per`. Source: rails_admin, `default_items_per_page`."""

SHOWN_ROWS = 200
"""The most rows that the HTML page shows; it names the number of the others."""

_TABLES = {
    "customer": ("cdot_customers", "Customers"),
    "license": ("cdot_licenses", "Licenses"),
    "license_seat_link": ("cdot_seat_links", "License seat links"),
}
"""Each model's table, and the title of its page."""

_BOOLEANS = ("cloud_licensing_enabled", "trial")
_FILTER = re.compile(r"f\[(\w+)\]\[0\]\[v\]")


def routes() -> list[BaseRoute]:
    return [route("/admin/{model}.json", as_json), route("/admin/{model}", as_page)]


def as_json(call: Call) -> Answer:
    """One page of a list, for a signed-in user."""
    sent = call.cookies.get("_customersdot_session", "")
    held = call.world.settings["customersdot_cookie"].partition("=")[2]
    if not is_secret(sent, held):
        raise Refusal(401, {"error": "You need to sign in or sign up before continuing."})
    rows = _matching_rows(call)
    per = positive(call.query.get("per", "")) or DEFAULT_PER
    number = positive(call.query.get("page", "")) or 1
    return rows[(number - 1) * per : number * per]


def as_page(call: Call) -> Answer:
    """The rows that fit a query, for the reader's browser, which has no session here and needs none."""
    (_, title), rows = _table(call), _matching_rows(call)
    query = call.query.get("query", "")
    count = f"{len(rows)} rows" if len(rows) <= SHOWN_ROWS else f"The first {SHOWN_ROWS} of {len(rows)} rows"
    table = h.table[
        h.thead[h.tr[[h.th(scope="col")[head] for head in (rows[0] if rows else ())]]],
        h.tbody[[h.tr[[h.td[untrusted(str(value))] for value in row.values()]] for row in rows[:SHOWN_ROWS]]],
    ]
    body = [
        h.h1[title],
        h.p(".soft")["CustomersDot of the practice world. Nothing on this page is real."],
        h.p[f"{count} for the query ", h.b[untrusted(query or "(none)")]],
        h.div(style="overflow-x:auto")[table if rows else None],
    ]
    more = "body { max-width: 100rem; } td, th { padding: .2rem .8rem .2rem 0; text-align: left; font-size: .875rem; }"
    return HTMLResponse(document(title, h.main[body], style=more), headers=HEADERS)


def _table(call: Call) -> tuple[str, str]:
    model = str(call.path["model"])
    if model not in _TABLES:
        raise Refusal(404, {"error": f"Model '{model}' could not be found"})
    return _TABLES[model]


def _matching_rows(call: Call) -> list[Json]:
    """The rows that pass the query and every filter, the newest first, as the runbook sorts them."""
    rows = [_row_json(row) for row in call.store.rows(f"SELECT * FROM {_table(call)[0]} ORDER BY id DESC")]  # noqa: S608
    query = call.query.get("query", "").casefold()
    return [row for row in rows if _contains(row, query) and _passes_filters(row, call.query)]


def _contains(row: Json, query: str) -> bool:
    return any(query in value.casefold() for value in row.values() if isinstance(value, str))


def _passes_filters(row: Json, query: Mapping[str, str]) -> bool:
    """Whether a row has what each filter `f[column][0][v]` wants: exactly, or for the operator `like` as a part.

    Source: rails_admin, `StatementBuilder`: `is` compares exactly, `like` not by case. Other operators, other columns
    to sort by, and several filters of one column are not modeled.
    """
    for name in query:
        if found := _FILTER.fullmatch(name):
            held, wanted = str(row.get(found[1], "")), query[name]
            is_like = query.get(f"f[{found[1]}][0][o]", "like") == "like"
            if wanted and not (wanted.casefold() in held.casefold() if is_like else wanted == held):
                return False
    return True


def _row_json(row: Row) -> Json:
    return {name: bool(row[name]) if name in _BOOLEANS else row[name] for name in row.keys()}  # noqa: SIM118
