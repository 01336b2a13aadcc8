"""Lists as people make them: each is read, or says in a sentence what is wrong and where."""

from __future__ import annotations

import pytest

from runbook_lib.domain.errors import InputError
from runbook_lib.run.batch_list import BatchRow, of_tickets, once, read

NAMES = {"expires_on", "billable_users", "ticket_id", "perform"}
USUAL = [BatchRow(2, "1001"), BatchRow(3, "1002", "weekend_license", {"expires_on": "2026-11-06"})]
TEXT = "ticket,runbook,expires_on\n1001,,\n1002,weekend_license,2026-11-06\n"


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode(),
        TEXT.encode("utf-8-sig"),
        TEXT.encode("utf-16"),
        TEXT.replace(",", ";").encode(),
        TEXT.replace(",", "\t").encode(),
        TEXT.replace("\n", "\r\n").encode(),
        TEXT.upper().replace("WEEKEND_LICENSE", "weekend_license").encode(),
        TEXT.replace("1002,weekend_license,2026-11-06", ' 1002 ,"weekend_license",2026-11-06 ,,').encode(),
        TEXT.replace("ticket,runbook,expires_on", "ticket,runbook,expires_on,,").encode(),
        (TEXT + "\n,,\n  \n").encode(),
        TEXT.replace("\n1002", "\n\ufeff1002").encode("utf-8-sig"),
        TEXT.replace("expires_on", " Expires On").replace("ticket", "\uff34icket\u200b").encode(),
        TEXT.replace("1001", "1001.0").replace("1002", '"1002,00"').encode(),
        TEXT.replace("weekend_license", "Weekend_License").replace("1001,,", "1001,AUTO,").encode(),
    ],
    ids=[
        "plain",
        "BOM",
        "UTF-16",
        "semicolons",
        "tabs",
        "CRLF",
        "capitals",
        "blanks",
        "empty heads",
        "empty lines",
        "BOM inside",
        "heads as a page shows them",
        "decimals",
        "capitals of runbooks",
    ],
)
def test_spellings_of_one_list(content: bytes) -> None:
    assert USUAL == read(content, NAMES)


def test_separator_line_of_excel() -> None:
    assert [BatchRow(3, "1001", "a,b")] == read("sep=;\r\nticket;runbook\r\n1001;a,b\r\n".encode("utf-16"), NAMES)


@pytest.mark.parametrize("end", ["\u2028", "\x85", "\x0b", "\x0c", "\x1c"])
def test_only_newlines_end_a_line(end: str) -> None:
    """What pages and word processors put into a cell begins no other ticket."""
    assert [BatchRow(2, "1001", "auto", {"expires_on": f"a{end}1002"})] == read(
        f"ticket,expires_on\n1001,a{end}1002\n".encode(), NAMES
    )


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_a_row_is_numbered_by_the_line_it_begins(newline: str) -> None:
    content = f'ticket,expires_on{newline}{newline}1001,"a{newline}b"{newline}1002,c{newline}'
    assert [(3, f"a{newline}b"), (5, "c")] == [
        (row.line, row.answers["expires_on"]) for row in read(content.encode(), NAMES)
    ]


def test_without_heads_tickets_and_runbooks_are_taken() -> None:
    assert [BatchRow(1, "#1001"), BatchRow(2, "#1002", "weekday_triage")] == read(
        b"#1001\n#1002,weekday_triage\n", NAMES
    )
    assert [BatchRow(1, "1001"), BatchRow(2, "1.001", problem="'1.001' is no ticket's number or address.")] == read(
        b"1001.0\n1.001\n", NAMES
    )
    assert [BatchRow(1, "https://x.zendesk.com/agent/tickets/7")] == read(
        b"https://x.zendesk.com/agent/tickets/7", NAMES
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"\n \n,,\n", "empty"),
        (b"ticket,runbook\n\n", "empty"),
        (b"ticket\n\xff\xfe\x80", "not UTF-8"),
        (b"\x00\x01\x02\x03", "no text"),
        (b"PK\x03\x04\x00\x00", "no text"),
        (b"- 1001\n- 1002\n", "begins with '- 1001'; expected a ticket's number, or heads"),
        (b"1001 1002 1003\n", "Put one ticket in a line"),
        (b"ticket|runbook\n1001|auto\n", "separate cells by commas, semicolons or tabs"),
        (b"eyJkYXRh" * 20, "begins with 160 characters;"),
        (b"ticket id,runbook\n1,auto\n", "Call the column ticket"),
        (b"Expires On,ticket,expires-on\n", "twice"),
        (b"ticket,expiry\n1,2\n", "'expiry', which is no parameter"),
        (b"ticket,expires_onn\n", "Did you mean expires_on?"),
        (b"ticket,expires_on,expires_on\n", "twice"),
        (b"runbook\nauto\n", "no column 'ticket'"),
        (b"ticket_id\n1\n", "Call the column ticket"),
        (b"ID,Subject\n1,x\n", "Call the column ticket"),
        (b"ticket,perform\n1,yes\n", "--perform"),
        (b"ticket,,runbook\n1,,auto\n", "''"),
        (b'ticket\n"1001\n', "Check its quotes"),
    ],
)
def test_a_list_that_cannot_be_used_says_why(content: bytes, words: str) -> None:
    with pytest.raises(InputError) as caught:
        read(content, NAMES)
    assert words in str(caught.value)


def test_a_wrong_line_does_not_stop_the_others() -> None:
    rows = read(b"ticket,runbook\n1001\nabc\n\n,auto\n1002,auto,x\n1003\n" + b"a" * 99, NAMES)
    assert ["", "'abc' is no ticket's number or address.", "No ticket."] == [row.problem for row in rows[:3]]
    assert rows[3].problem.startswith("It has 3 cells where 2 are expected.")
    assert ["", "99 characters are no ticket's number or address."] == [row.problem for row in rows[4:]]
    assert [2, 3, 5, 6, 7, 8] == [row.line for row in rows]
    assert "" == rows[5].ticket, "it may be of a license"


def test_comments() -> None:
    """What begins with `#` and no number is none of a ticket; its commas separate nothing."""
    content = b"# Acme, from the weekend's shift, by hand\n#\nticket;runbook\n  # first\n1001;auto\n#Bob;\n1002\n"
    assert [BatchRow(5, "1001"), BatchRow(7, "1002")] == read(content, NAMES)


def test_a_line_that_was_taken_out_is_not_run() -> None:
    """Beside numbers without `#`, `#1002` may be that; where all have it, they are tickets."""
    rows = read(b"ticket\n1001\n#1002\n# 1003\nabc\n", NAMES)
    assert ["", True, True, "'abc' is no ticket's number or address."] == [
        rows[0].problem,
        *("or a line that was taken out" in row.problem for row in rows[1:3]),
        rows[3].problem,
    ]
    assert ["", "", "Ticket"] == [row.problem[:6] for row in once(read(b"#1001\n#1002\n#1001\n", NAMES))]


def test_tickets_named_one_by_one() -> None:
    """Whatever their spelling, each is run once."""
    spellings = ["7", "8", "#7", "https://x.zendesk.com/agent/tickets/8", "ticket 7", "zd-8", "x"]
    assert [
        *["", ""],
        *(f"Ticket {number} stands in line {line} already, and is run once." for number, line in ((7, 1), (8, 2)) * 2),
        "'x' is no ticket's number or address.",
    ] == [row.problem for row in once(of_tickets(spellings))]


def test_a_line_that_is_not_run_replaces_no_other() -> None:
    wrong = BatchRow(1, "7", problem="There is no runbook 'x'.")
    assert [wrong, BatchRow(2, "7")] == once([wrong, BatchRow(2, "7")])


def test_ten_thousand_lines() -> None:
    rows = read("\n".join(map(str, range(1, 10_001))).encode(), NAMES)
    assert (10_000, "") == (len(rows), "".join(row.problem for row in once(rows)))
