"""What a person may tell a runbook: every good value, every impossible one, and `unknown`."""

from __future__ import annotations

import contextlib
import re
from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from runbook_lib.domain import parameters
from runbook_lib.domain.errors import InputError
from runbook_lib.domain.parameters import MAX_TICKET, QUESTIONS, UNKNOWN
from runbook_lib.domain.policy import MAX_USERS

COUNTS = ("users_in_license", "billable_users", "maximum_users", "users_over_license")
FLAGS = ("perform", "take_over", "ask_customer", "send_earlier", "escalate")
YES_OR_NO = ("has_account", "has_access", "entry_today", "mail_missing", "identity_confirmed")
DATES = ("emergency_on", "expires_on")
NEVER_UNKNOWN = ("ticket_id", *FLAGS)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
ANYTHING = (
    JSON_VALUES
    | st.text(st.characters())
    | st.binary()
    | st.dates()
    | st.datetimes()
    | st.emails()
    | st.integers(-9, 10**13)
    | st.from_regex(r"\s*[-+\d_,.: TZ@\[\]\"']*\s*", fullmatch=True)
    | st.sampled_from(["[" * 100_000, "9" * 5000, "a@" * 500, UNKNOWN, "no", "Premium", object()])
)

GOOD: list[tuple[str, Any, Any]] = [
    ("ticket_id", 1001, 1001),
    ("ticket_id", "1001", 1001),
    ("ticket_id", " 1001\n", 1001),
    ("ticket_id", MAX_TICKET, MAX_TICKET),
    *(
        ("ticket_id", raw, 1005)
        for raw in (
            *("#1005", " # 1005", "\uff11\uff10\uff10\uff15", "\uff031005", "1005\u200b", "\u00a01005\u00a0", "01005"),
            *("https://x.zendesk.com/agent/tickets/1005", "http://127.0.0.1:8765/agent/tickets/1005"),
            *("https://x.zendesk.com/agent/tickets/1005?brand_id=7&x=1#comment-9", "x.zendesk.com/agent/tickets/1005/"),
            *("https://x.zendesk.com/agent/#/tickets/1005", "HTTPS://X.ZENDESK.COM/agent/tickets/1005/events"),
            *("https://help.example/hc/en-us/requests/1005", "https://x.zendesk.com/api/v2/tickets/1005.json"),
        )
    ),
    *(
        (name, raw, 1250)
        for name in ("billable_users", "user_count")
        for raw in (
            *("1,250", "1 250", "1\u00a0250", "1\u2009250", "1\u202f250", "1.250", "1'250", "1\u2019250"),
            *("\uff11\uff12\uff15\uff10", "\uff11\uff0c\uff12\uff15\uff10", "\u200e1250\ufeff", " 1250 "),
            *("1,250 billable users", "1250 active users.", "1,250."),
            *("1,250 users", "1250 Users", "1'250 seats", "1250\u00a0users"),
        )
    ),
    ("maximum_users", "1,000", 1000),
    ("maximum_users", "1.000.000", 1_000_000),
    *(
        ("expires_on", raw, date(2026, 11, 6))
        for raw in (
            *(
                "Nov 6, 2026",
                "Nov. 6, 2026",
                "November 6, 2026",
                "november 06 2026",
                "NOV 6TH, 2026",
                *(
                    "on Nov 6, 2026",
                    "the 6th of November 2026",
                    "le 6 novembre 2026",
                    "el 6 de noviembre de 2026",
                    "am 6. November 2026",
                ),
                "6 November 2026",
            ),
            *(
                "6. November 2026",
                "6 Nov 2026",
                "06-Nov-2026",
                "Friday, 6 November 2026",
                "Fri, 6 Nov 2026",
                "6th Nov 2026",
            ),
            *("Nov 6, 2026 12:00am", "Nov 6, 2026, 11:59 pm", "November 6, 2026 at 12:00", "Nov\u00a06,\u202f2026"),
            *("2026-11-06T00:00:00", "2026-11-06 13:05", "2026-11-06T23:59:59.999Z", "2026-11-06 07:00:00 UTC"),
            *("2026-11-06T00:00:00.123456789Z", "\u202a2026-11-06\u202c", "Fri, 06 Nov 2026 23:59:00 GMT"),
            *("Fri Nov  6 12:00:00 UTC 2026", "Nov-06-2026", "2026-Nov-06", "06/Nov/2026", "2026-11-06 (Friday)"),
            *(
                "End date: Nov 6, 2026",
                "Expires: 6 Nov 2026",
                "2026 11 06",
                "6 Nov 2026 Fri.",
                "fredag den 6. november 2026",
            ),
            *("2026-11-06T01:00:00+01:00", "2026/11/06", "\uff12\uff10\uff12\uff16-11-06"),
        )
    ),
    *(("expires_on", raw, date(2026, 11, 16)) for raw in ("16.11.2026", "11/16/2026", "16/11/2026", "16-11-2026")),
    ("expires_on", "11.11.2026", date(2026, 11, 11)),
    ("expires_on", "Sept. 1, 2026", date(2026, 9, 1)),
    ("subscription", "A\u00a0S\u200b 1", "A S 1"),
    *((name, raw, expected) for name in FLAGS for raw, expected in [(True, True), (False, False)]),
    *((name, raw, True) for name in FLAGS for raw in ["true", "True", " YES "]),
    *((name, raw, False) for name in FLAGS for raw in ["false", "False", "no"]),
    *((name, raw, date(2026, 11, 6)) for name in DATES for raw in ["2026-11-06", " 2026-11-06 ", date(2026, 11, 6)]),
    ("expires_on", "2028-02-29", date(2028, 2, 29)),
    ("expires_on", "2000-01-01", date(2000, 1, 1)),
    ("emergency_on", "2100-12-31", date(2100, 12, 31)),
    ("deployment", "self_managed", "self_managed"),
    ("deployment", "GitLab_Com", "gitlab_com"),
    *(("deployment", words, "self_managed") for words in ("Self-managed", "Self managed", "self\u2011managed")),
    ("plan", "\uff30remi\u200bum", "premium"),
    *(("expires_on", f"2026{mark}11{mark}06", date(2026, 11, 6)) for mark in "-\u2010\u2011\u2013\u2212"),
    *(("expires_on", words, date(2026, 11, 6)) for words in ("2026年11月6日", "2026년 11월 6일")),
    *(("account_type", kind, kind) for kind in ["customer", "prospect", "reseller"]),
    *(("plan", plan, plan) for plan in ["starter", "premium", "ultimate", "free"]),
    *(("plan", words, "premium") for words in (" Premium ", "GitLab Premium", "Premium plan", "plan_premium")),
    ("screenshots", ["a.png", "b.png"], ("a.png", "b.png")),
    ("screenshots", ("a.png",), ("a.png",)),
    ("screenshots", '["a.png", "b c.png"]', ("a.png", "b c.png")),
    ("screenshots", "dashboard.png", ("dashboard.png",)),
    ("confirmed", ["expires_on", "plan", "plan"], ("plan", "expires_on")),
    ("confirmed", '["plan", "billable_users"]', ("plan", "billable_users")),
    ("confirmed", "maximum_users , plan", ("plan", "maximum_users")),
    ("screenshots", "Bild 3\u202fUhr, Zürich 😀.png", ("Bild 3\u202fUhr, Zürich 😀.png",)),
    *((name, raw, expected) for name in COUNTS for raw, expected in [(0, 0), ("0", 0), (17, 17), (" 17 ", 17)]),
    *((name, MAX_USERS, MAX_USERS) for name in (*COUNTS, "user_count")),
    ("user_count", 1, 1),
    ("user_count", "250", 250),
    ("requester_email", "admin@customer.example", "admin@customer.example"),
    ("requester_email", " Admin.Ops+gitlab@Customer.Example ", "Admin.Ops+gitlab@customer.example"),
    *(
        ("requester_email", raw, "admin@customer.example")
        for raw in (
            "admin@customer.example\u200b",
            "\u202aadmin@customer.example\u202c",
            "\u00a0admin@customer.example\ufeff",
            *("Admin <admin@customer.example>", '"Ops, Admin" <admin@customer.example>', "<admin@customer.example>"),
            *("mailto:admin@customer.example", "admin@customer.example <mailto:admin@customer.example>"),
            *("[admin@customer.example](mailto:admin@customer.example)", "admin@customer.example;"),
            *("mailto:admin@customer.example?subject=License", "“Ad Min” <admin@customer.example>,"),
        )
    ),
    ("requester_email", "o'neil@sub.customer.test", "o'neil@sub.customer.test"),
    ("requester_email", "admin@bücher.example", "admin@xn--bcher-kva.example"),
    *((name, raw, "yes") for name in YES_OR_NO for raw in ["yes", " YES ", True]),
    *((name, raw, "no") for name in YES_OR_NO for raw in ["no", "No\n", False]),
    ("subscription", " A-S00012345 ", "A-S00012345"),
    ("installed_license", " renewal.gitlab-license ", "renewal.gitlab-license"),
    ("installed_license", "none", "none"),
    ("subscription", "Bergwerk 100% Süd / Haus 2", "Bergwerk 100% Süd / Haus 2"),
    ("issued_evidence", " https://gitlab.example/issues/7 ", "https://gitlab.example/issues/7"),
    ("issued_evidence", "\ufeffhttps://gitlab.example/issues/7\u200b", "https://gitlab.example/issues/7"),
    ("issued_evidence", "x" * 500, "x" * 500),
    *(("billable_users", raw, 231) for raw in ("Billable users: 231", "Billable  users 231", "231 active users")),
    *(("users_in_license", raw, 1250) for raw in ("Users in License: 1,250", "Users in Subscription: 1250 users")),
    ("users_over_license", "Users over subscription: 4", 4),
    *(("plan", raw, "premium") for raw in ("GitLab Self-Managed - Premium", "Self-Managed Premium - 1 Year")),
    *(("deployment", raw, "self_managed") for raw in ("on-prem", "On premises", "self-hosted", "SelfManaged")),
    *(("expires_on", raw, date(2026, 11, 6)) for raw in ("Valid until 2026-11-06", "Ends: Nov 6, 2026")),
    ("expires_on", "Expiration date: November 6, 2026", date(2026, 11, 6)),
    *(("expires_on", raw, date(2026, 11, 6)) for raw in ("Expires on: Nov 6, 2026", "expires_at: 2026-11-06")),
    *(("expires_on", raw, date(2026, 11, 6)) for raw in ("Fr., 06.11.2026", "ven. 06/11/2026", "vie., 6/11/2026")),
    *(("expires_on", raw, date(2026, 11, 6)) for raw in ("6. November 2026 um 00:00 Uhr", "6 novembre 2026 à 00:00")),
    *(
        ("expires_on", raw, date(2026, 11, 6))
        for raw in ("2026年11月06日星期五", "2026년 11월 6일 금요일", "2026年11月6日(金)")
    ),
    *(("expires_on", raw, date(2026, 1, 6)) for raw in ("6. Jänner 2026", "2026-01-06 00:00:00+00")),
    ("requester_email", "<mailto:jane@acme.example|jane@acme.example>", "jane@acme.example"),
]

NO_INTEGER: list[Any] = [
    None,
    "",
    " ",
    "a word",
    "seventeen",
    True,
    False,
    17.0,
    17.5,
    float("nan"),
    float("inf"),
    "17.0",
    "1e3",
    "1_000",
    "1,00",
    "0,250",
    "1,25,000",
    "1,250.000",
    "1 250,000",
    *("1,250 days", "users"),
    *(
        "250 users (230 billable)",
        "~250",
        "250-300",
        "250\u2013300",
        ">250",
        "250+",
        "unlimited",
        "\u221e",
        "1,00,000",
        "1k",
    ),
    *(
        "1.250,00",
        "1\t250",
        "1\u066c250",
        "25 0",
        "1, 250",
        "250 / 300",
        "250%",
        "NaN",
        "\u2212250",
        "\u0e52\u0e55\u0e50",
    ),
    "1.250.00",
    "+17",
    "--17",
    "0x11",
    "\u0661\u0667",  # Arabic digits
    "\u00b2",  # superscript two
    "17\n18",
    "\u200b" * 5000 + "17",
    "17" + " " * 1000 + "x",
    [17],
    {"users": 17},
    b"17",
    "9" * 5000,
]
WRONG: list[tuple[str, Any]] = [
    *(("has_account", raw) for raw in (None, "", 0, 1, "maybe", "true", ["yes"])),
    *((name, "yes no") for name in YES_OR_NO),
    *(("installed_license", raw) for raw in (None, "", 7, "two\nlines", "x" * 501)),
    *(("subscription", raw) for raw in (None, "", "  ", 7, "two\nlines", "x" * 501, "\x1b[31m")),
    *((name, raw) for name in ("user_count", "ticket_id") for raw in NO_INTEGER),
    *((name, raw) for name in ("user_count", *COUNTS) for raw in (-1, "-1", 10_000_000, "10000000", MAX_USERS + 1)),
    *(("user_count", raw) for raw in (0, "0", "-0")),
    *(
        ("ticket_id", raw)
        for raw in (
            *(0, -5, MAX_TICKET + 1, "XY-1001", "##1001", "1001 1002", "1,001", "1 001", "-1001", "#", "1001?"),
            *("https://x.example/tickets/", "https://x.example/tickets/1001x", "https://x.example/users/1001"),
            *("https://x.example/?u=/agent/tickets/1001", "ftp://x.example/tickets/1001", "/users/1001"),
            *("https://me:secret@x.example/tickets/1001", "https://x.example/tickets/1001 1002"),
        )
    ),
    *(
        (name, raw)
        for name in FLAGS
        for raw in (None, "", 0, 1, 1.0, "0", "1", "on", "ja", "t", [], [True], "yes please")
    ),
    *(
        (name, raw)
        for name in DATES
        for raw in (
            *("2026-02-30", "2026-13-01", "2026-00-10", "2027-02-29", "0000-01-01", "06.11.2026", "11/06/2026"),
            *("6.11.26", "11/6", "31.02.2027", "02/30/2026", "Feb 30, 2026", "Nov 2026", "6 Novem 2026", "Monday"),
            *("Monday, 6 November 2026", "6 November 2026 or so", "6.11/2026", "2026-11-06T25:00:00"),
            *("2026-11-06T23:30:00-05:00", "in 6 days", "1762387200", "0x7ea", "6 November\n2026", "1.2.3.2026"),
            *(
                "Nov 6, 2026 24:00",
                "16.11.2026 29:59",
                "2026-11-06 24:00",
                "2026-11-06 13:05999",
                "Nov 6, 2026 11 PM EST",
            ),
            *("Friday 2026-11-05", "Nov 6 7 2026", "6 Nov Dec 2026", "Friday", "6-nov-26", "2026-11 06", "Nov 6, 026"),
            *("Nov 6th", "6 Nov 2569", "2026-11-06 / 2026-11-16", "46332", "6.XI.2026", "2026\u5e7411\u67086"),
            *("20261106", "2026-W45-5", "2026-310", "2026-13-6", "26-11-06", "2026-11-06 - "),
            *("\u0662\u0660\u0662\u0666-\u0661\u0661-\u0660\u0666", "yesterday", "", None, 20261106, 1.5, True, []),
            datetime(2026, 11, 6),  # noqa: DTZ001 - any moment is no day
            *("1999-12-31", "2101-01-01", "9999-12-31", "0001-01-01", date(1999, 12, 31), date.max),
        )
    ),
    *((name, raw) for name in ("deployment", "account_type", "plan") for raw in ("", " ", "gold", None, 0, True, [])),
    *(("billable_users", words) for words in ("254 maximum users", "Maximum users: 254", "Users in License: 250")),
    *(("maximum_users", words) for words in ("231 billable users", "Billable users 231", "maximum users")),
    *(("users_in_license", words) for words in ("Users over license: 4", "250 active users")),
    *(("deployment", words) for words in ("SaaS", "GitLab Dedicated", "not self-managed", "on-prem and gitlab.com")),
    *(("billable_users", words) for words in ("250 licenses", "231 active licenses")),
    *(("emergency_on", words) for words in ("Expires: 2026-11-06", "Valid until 2026-11-06")),
    *(("expires_on", words) for words in ("Mar ends: 6, 2026", "2026-1ends 1-06", "Valid from 2026-11-06")),
    *(("expires_on", words) for words in ("2026年11月6日(土)", "Sa., 06.11.2026", "2026-11-06 23:00:00-05")),
    ("requester_email", "<mailto:jane@acme.example|joe@acme.example>"),
    *(("mail_missing", words) for words in ("no mail", "mail missing", "no mail missing")),
    *(("identity_confirmed", words) for words in ("yes 1", "yes managed")),
    *(("account_type", words) for words in ("self reseller", "account")),
    *(("plan", words) for words in ("1 year free", "Year 1 free", "1-year free subscription", "x" * 100_000)),
    *(("plan", words) for words in ("Ultimate (trial)", "Self-Managed", "1 Year", "Premium 2 Year")),
    *(("plan", words) for words in ("premium ultimate", "not premium", "plan", "gitlab")),
    ("plan", "gitlab_com"),
    *(
        ("requester_email", raw)
        for raw in (
            *("", "admin", "admin@", "@customer.example", "admin@customer", "admin@localhost", "a@b@c.example"),
            *("admin@customer..example", ".admin@customer.example", "admin.@customer.example", "ad min@b.example"),
            *("Admin <admin@customer.example> <eve@evil.example>", "admin@customer.example <eve@evil.example>"),
            *("<admin@customer.example>, Eve", "Admin\n<admin@customer.example>", "mailto:"),
            *("admin@customer.example, other@customer.example", "admin@customer.example;other@customer.example"),
            *("admin@customer.example\nBcc: all@customer.example", "admin\r\n@customer.example", "a\0@b.example"),
            *("admin@[127.0.0.1]", '"a b"@customer.example', "admin@-customer.example", "admin@customer.example."),
            *(
                "jos\u00e9@customer.example",
                "a\u202e@customer.example",
                f"{'a' * 250}@customer.example",
                "\ud800@b.example",
            ),
            *(None, 5, True, ["admin@customer.example"], b"admin@customer.example"),
        )
    ),
    *(
        ("confirmed", raw)
        for raw in (
            *([], (), "[]", "", " ", "plan,", ",", "[plan]", "[", '["plan"', "user_count", "plan expires_on", "Plan"),
            *(None, 5, True, {"plan": 1}, {"plan"}, b"plan", [["plan"]], ["plan", None], "[" * 100_000),
        )
    ),
    *(
        ("screenshots", raw)
        for raw in (
            *([], (), "[]", " [ ] "),
            *("", "  ", "[", '["a.png"', "[1]", "[null]", '[""]', '["a.png", 2]', '[["a.png"]]', "[" * 100_000),
            *(None, 5, True, {"a.png": 1}, b"a.png", [""], [" "], ["a.png", None], [5], [b"a.png"], {"a.png"}),
            *("a\0.png", ["a\n.png"], '["a\\u0000.png"]', ["\ud800.png"], '["\\ud800.png"]'),
        )
    ),
    *(
        ("issued_evidence", raw)
        for raw in (
            "",
            " ",
            "x" * 501,
            "two\nlines",
            "a\tb",
            "a\0b",
            "\x1b[31m",
            "a\u202eb",
            "\ud800",
            None,
            5,
            True,
            [],
        )
    ),
]


def message_of(name: str, raw: object) -> str:
    """What the refusal of a value says."""
    with pytest.raises(InputError) as caught:
        parameters.parse(name, raw)
    return str(caught.value)


def the_same(first: object, second: object) -> bool:
    """Equal and of one type: True is not 1."""
    return first == second and type(first) is type(second)


EACH = pytest.mark.parametrize("name", QUESTIONS)


@EACH
def test_good_values(name: str) -> None:
    """A value comes back checked and typed, whether it was given as itself or as text, and reads back the same."""
    for raw, expected in ((raw, expected) for row, raw, expected in GOOD if row == name):
        plain = QUESTIONS[name].plain(raw)
        assert type(plain) in (int, bool, str, list)
        found = [parameters.parse(name, raw), parameters.parse(name, plain), QUESTIONS[name].plain(plain)]
        assert all(map(the_same, found, (expected, expected, plain))), (raw, expected, found)


@EACH
def test_impossible_values(name: str) -> None:
    """Refused in one line that names the parameter, shows the value, and says what was expected."""
    for raw in (raw for row, raw in WRONG if row == name):
        message = message_of(name, raw)
        assert re.fullmatch(rf"{name} is .+; expected .+\.", message), raw
        assert message.isprintable()
        assert len(message) < 250


def test_every_parameter_is_tried() -> None:
    """Good and impossible values of all of them, and no other, are in the lists above."""
    assert set(QUESTIONS) == {name for name, *_ in GOOD}
    assert set(QUESTIONS) == {name for name, *_ in WRONG} | {"maximum_users"}


@pytest.mark.parametrize(
    ("name", "raw", "expected"),
    [
        ("user_count", 0, "user_count is 0; expected a whole number of users from 1 to 1,000,000."),
        ("billable_users", -1, "billable_users is -1; expected a whole number of users from 0 to 1,000,000."),
        ("user_count", "many", "user_count is 'many'; expected a whole number of users from 1 to 1,000,000."),
        ("user_count", 10_000_000, "user_count is 10000000; expected a whole number of users from 1 to 1,000,000."),
        ("user_count", True, "user_count is True; expected a whole number of users from 1 to 1,000,000."),
        ("ticket_id", "XY-1", "ticket_id is 'XY-1'; expected the ticket's number, such as 1001, or its web address."),
        (
            "expires_on",
            "6.11.2026",
            "expires_on is '6.11.2026'; expected a date as YYYY-MM-DD, such as 2026-11-06; this may be 2026-06-11 or "
            "2026-11-06.",
        ),
        (
            "user_count",
            "1.000",
            "user_count is '1.000'; expected a whole number of users from 1 to 1,000,000; this may be 1 or 1000.",
        ),
        ("perform", "ja", "perform is 'ja'; expected True or False."),
        (
            "expires_on",
            "early November 2026",
            "expires_on is 'early November 2026'; expected a date as YYYY-MM-DD, such as 2026-11-06.",
        ),
        (
            "expires_on",
            "2026-02-30",
            "expires_on is '2026-02-30'; expected a day that exists, as YYYY-MM-DD.",
        ),
        (
            "expires_on",
            "Mon 06/11/2026",
            "expires_on is 'Mon 06/11/2026'; expected the weekday of that day, or none; 2026-06-11 is a Thursday and "
            "2026-11-06 is a Friday.",
        ),
        (
            "emergency_on",
            "20260-01-01",
            "emergency_on is '20260-01-01'; expected a date as YYYY-MM-DD, such as 2026-11-06.",
        ),
        ("emergency_on", "1926-11-06", "emergency_on is '1926-11-06'; expected a date from the years 2000 to 2100."),
        ("plan", "gold", "plan is 'gold'; expected one of starter, premium, ultimate, free or unknown."),
        (
            "requester_email",
            "admin@customer",
            "requester_email is 'admin@customer'; expected a mail address such as admin@customer.example.",
        ),
        (
            "requester_email",
            "jos\u00e9@customer.example",
            "requester_email is 'jos\u00e9@customer.example'; "
            "expected an address that every mail server takes, in plain ASCII.",
        ),
        (
            "screenshots",
            "[1]",
            """screenshots is '[1]'; expected file paths, such as ["dashboard.png", "license.png"].""",
        ),
        ("issued_evidence", "a\nb", "issued_evidence is 'a\\nb'; expected one line of text, 500 characters at most."),
    ],
)
def test_the_words_of_a_refusal(name: str, raw: object, expected: str) -> None:
    """The whole message."""
    assert expected == message_of(name, raw)


def test_a_long_value_is_not_repeated() -> None:
    """A pasted page does not fill the screen, and a pasted license stays out of it."""
    words = "ticket_id is a text of 1,999 characters, too long to show; expected the ticket's number, such as 1001"
    assert f"{words}, or its web address." == message_of("ticket_id", "x" * 1999)


@EACH
def test_a_number_that_cannot_be_written(name: str) -> None:
    """Python refuses to write numbers of more than 4300 digits; the refusal says what kind of value it was."""
    huge = 10**5000
    for kind, raw in (("int", -huge), ("list", [huge]), ("dict", {"a": huge})):
        assert message_of(name, raw).startswith(f"{name} is a value of kind {kind}, too long to show; expected ")


def test_lists_without_end() -> None:
    """Neither does a list in a list in a list ... break anything."""
    deep: list[object] = []
    for _ in range(10_000):
        deep = [deep]
    assert "a value of kind list, too long to show" in message_of("screenshots", deep)


def test_an_unknown_name() -> None:
    """A name that is no parameter gets an error that lists those that are."""
    with pytest.raises(InputError, match=r"^usercount is no parameter; known are ticket_id, perform, .*user_count"):
        parameters.parse("usercount", 5)


# -- unknown


OPTIONAL = pytest.mark.parametrize("name", [name for name in QUESTIONS if name not in NEVER_UNKNOWN])


@OPTIONAL
def test_unknown_is_none(name: str) -> None:
    """The word means None: not False, not zero, not an empty list; as a plain value it is the word again."""
    for raw in ("unknown", " Unknown ", "UNKNOWN\n"):
        assert parameters.parse(name, raw) is None
        assert UNKNOWN == QUESTIONS[name].plain(raw)


@pytest.mark.parametrize("name", NEVER_UNKNOWN)
def test_what_must_be_known(name: str) -> None:
    """Whether to change things, and on which ticket, has no unknown."""
    assert "'unknown'" in message_of(name, "unknown")


@OPTIONAL
def test_nothing_else_is_unknown(name: str) -> None:
    """Empty, zero, *no* and the like are refused or are a value: never taken for *unknown*."""
    for raw in (None, "", 0, False, [], "none", "n/a", "?", "null"):
        with contextlib.suppress(InputError):
            assert parameters.parse(name, raw) is not None, raw


# -- there and back


@pytest.mark.slow
@given(name=st.sampled_from(sorted(QUESTIONS)), raw=ANYTHING)
@example("screenshots", "[" * 100_000)
@example("expires_on", datetime(2026, 11, 6, 12))  # noqa: DTZ001 - any moment is no day
@settings(max_examples=150)
def test_arbitrary_input_is_read_or_refused(name: str, raw: object) -> None:
    """Whatever is given: a value that reads back as itself, or an InputError of bounded, printable length."""
    try:
        value = parameters.parse(name, raw)
    except InputError as error:
        assert len(str(error)) < 250
        assert str(error).startswith(f"{name} is ")
        return
    assert the_same(value, parameters.parse(name, QUESTIONS[name].plain(raw)))


@given(raw=ANYTHING)
@settings(max_examples=100)
def test_addresses_are_one_plain_line(raw: object) -> None:
    """Whatever passes as an address can stand in a mail's header: printable ASCII, one @, no blank."""
    try:
        found = parameters.address("LICENSE_EMAIL", raw)
    except InputError as error:
        assert str(error).startswith("LICENSE_EMAIL is ")
        return
    assert found.isascii()
    assert found.isprintable()
    assert (1, 1) == (found.count("@"), len(found.split()))
    assert [] == [char for char in '<>(),;:\\"' if char in found]


def test_a_day_under_any_name() -> None:
    """Who asks says what it is called, such as the option of a command."""
    assert date(2026, 11, 6) == parameters.day("--date", "2026-11-06")
    for raw in ("unknown", "", "2026-2"):
        with pytest.raises(InputError, match=f"^--date is '{raw}'; expected a date as YYYY-MM-DD"):
            parameters.day("--date", raw)
    with pytest.raises(InputError, match=r"^--date is '2026-02-30'; expected a day that exists, as YYYY-MM-DD\.$"):
        parameters.day("--date", "2026-02-30")


@pytest.mark.parametrize(("least", "raw", "good"), [(0, 0, True), (1, 0, False), (1, 1, True), (5, 4, False)])
def test_counts_from_a_least(least: int, raw: int, good: bool) -> None:
    """Who asks says where counting starts, under any name."""
    if good:
        assert raw == parameters.count("LICENSE_USERS", raw, least=least)
    else:
        with pytest.raises(InputError, match=f"^LICENSE_USERS is {raw}; expected a whole number of users from {least}"):
            parameters.count("LICENSE_USERS", raw, least=least)


def test_every_parameter_has_words() -> None:
    """The words are one short line without a final stop: they become `# help` comments. Names key the mapping."""
    assert [name for name, question in QUESTIONS.items() if name != question.name] == []
    assert [q.name for q in QUESTIONS.values() if not q.words.isprintable() or not 10 < len(q.words) < 80] == []
    assert [q.name for q in QUESTIONS.values() if q.words.endswith(".")] == []
    assert list(NEVER_UNKNOWN) == [q.name for q in QUESTIONS.values() if not q.optional]


@pytest.mark.parametrize(
    ("name", "raw", "pasted", "kept", "reading"),
    [
        ("billable_users", "1,250", "1,250", "1,250", "read as 1250"),
        ("billable_users", "1250", "", 1250, ""),
        ("billable_users", 1250, "", 1250, ""),
        ("expires_on", " Nov 6, 2026 ", "Nov 6, 2026", "Nov 6, 2026", "Friday, 6 November 2026"),
        ("expires_on", "2026-11-06", "", "2026-11-06", "Friday, 6 November 2026"),
        ("expires_on", "unknown", "", "unknown", ""),
        ("ticket_id", "#1005", "#1005", 1005, "read as 1005"),
        ("take_over", "yes", "", True, ""),
        ("plan", " Premium ", "", "premium", ""),
        ("screenshots", "a.png", "", ["a.png"], ""),
    ],
)
def test_what_was_pasted_stays_beside_what_is_read(
    name: str, raw: object, pasted: str, kept: object, reading: str
) -> None:
    """A run's parameter keeps the text, so that its card can show both; the ticket's number is a number."""
    question = QUESTIONS[name]
    assert (pasted, kept, reading) == (question.pasted(raw), question.kept(raw), question.reading(raw))
    assert the_same(question.parse(raw), question.parse(kept))
