"""What people paste: each supported style reads back to its value, and nothing with two readings is guessed."""

from __future__ import annotations

import unicodedata
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from babel.dates import format_date
from hypothesis import given, settings
from hypothesis import strategies as st

from runbook_lib.domain import pasted
from runbook_lib.domain.pasted import Unclear


def babel(day: date, locale: str) -> str:
    """A date with its weekday, as pages in that language print it."""
    return format_date(day, "full", locale)


DAYS = st.dates(date(2000, 1, 1), date(2100, 12, 31))
BLANKS = [" ", "\u00a0", "\u2009", "\u202f", "\u2007"]
HYPHENS = ["-", "\u2010", "\u2011", "\u2013", "\u2014", "\u2212", "\ufe63", "\uff0d", "\u00ad"]

DAY_STYLES = {
    "ISO": lambda d: d.isoformat(),
    "ISO with a time": lambda d: f"{d}T23:59:59Z",
    "ISO with a blank": lambda d: f"{d} 00:00",
    "year first": lambda d: f"{d.year}/{d.month}/{d.day}",
    "Dashboard": lambda d: f"{d:%b} {d.day}, {d.year} 12:00am",
    "Subscription page": lambda d: f"{d:%b} {d.day}, {d.year}",
    "US in full": lambda d: f"{d:%B} {d.day}, {d.year}",
    "British": lambda d: f"{d.day} {d:%B %Y}",
    "British with the weekday": lambda d: f"{d:%A}, {d.day} {d:%B %Y}",
    "mail": lambda d: f"{d:%a}, {d:%d} {d:%b %Y} 10:15:00",
    "capitals": lambda d: f"{d.day} {d:%B %Y}".upper(),
    "hyphens": lambda d: f"{d:%d-%b-%Y}",
    "dots": lambda d: f"{d:%Y.%m.%d}",
    "with of": lambda d: f"{d.day}. of {d:%B %Y}",
    "a mail's header": lambda d: f"{d:%a, %d %b %Y} 10:15:00 +0000",
    "with the zone": lambda d: f"{d:%b} {d.day}, {d.year} 12:00 AM (UTC)",
    "figures with a time": lambda d: f"{d.year}. {d.month}. {d.day}. 12:00am",
    "German": lambda d: babel(d, "de"),
    "French": lambda d: babel(d, "fr"),
    "Spanish": lambda d: babel(d, "es"),
    "Portuguese": lambda d: babel(d, "pt_BR"),
    "Russian": lambda d: babel(d, "ru"),
    "Turkish": lambda d: f"{d.day} {format_date(d, 'MMMM', 'tr')} {d.year}",
    "Hungarian": lambda d: f"{d.year}. {format_date(d, 'MMMM', 'hu')} {d.day}.",
    "Ukrainian": lambda d: babel(d, "uk"),
    "decomposed letters": lambda d: unicodedata.normalize("NFD", babel(d, "fr")),
    "Japanese": lambda d: f"{d.year}年{d.month}月{d.day}日",
    "full width": lambda d: d.isoformat().translate({ord(a): ord(a) + 0xFEE0 for a in "0123456789-"}),
}
NUMBER_STYLES = {
    "plain": lambda n: f"{n}",
    "comma": lambda n: f"{n:,}",
    "blank": lambda n: f"{n:,}".replace(",", " "),
    "no-break blank": lambda n: f"{n:,}".replace(",", "\u00a0"),
    "thin blank": lambda n: f"{n:,}".replace(",", "\u2009"),
    "narrow blank": lambda n: f"{n:,}".replace(",", "\u202f"),
    "apostrophe": lambda n: f"{n:,}".replace(",", "\u2019"),
    "accent": lambda n: f"{n:,}".replace(",", "\u00b4"),
    "full width": lambda n: f"{n:,}".translate({ord(a): ord(a) + 0xFEE0 for a in "0123456789,"}),
    "marks": lambda n: f"\u200e{n:,}\u200b",
}


@pytest.mark.parametrize("style", DAY_STYLES)
@given(day=DAYS)
@settings(max_examples=25)
def test_a_printed_day_reads_back(style: str, day: date) -> None:
    """In every supported style."""
    assert day == pasted.day(DAY_STYLES[style](day))


@given(day=DAYS, mark=st.sampled_from("./-"), day_first=st.booleans(), padded=st.booleans())
@settings(max_examples=150)
def test_figures_are_read_only_if_one_can_be_the_day(day: date, mark: str, day_first: bool, padded: bool) -> None:
    """Otherwise both readings are named, the printed one among them."""
    width = 2 if padded else 1
    parts = (day.day, day.month) if day_first else (day.month, day.day)
    found = pasted.day(mark.join(f"{part:0{width}}" for part in parts) + f"{mark}{day.year}")
    if day.day > 12 or day.day == day.month:
        assert day == found
    else:
        other = date(day.year, day.day, day.month)
        assert Unclear(tuple(sorted([day.isoformat(), other.isoformat()]))) == found


@given(moment=st.datetimes(datetime(2001, 1, 1), datetime(2099, 1, 1)), hours=st.integers(-14, 14))  # noqa: DTZ001
@settings(max_examples=100)
def test_moment_is_a_day_only_if_same_in_utc(moment: datetime, hours: int) -> None:
    """The runbooks count in UTC; near midnight elsewhere it is another day."""
    there = moment.replace(tzinfo=timezone(timedelta(hours=hours)))
    in_utc = there.astimezone(UTC).date()
    same = there.date() == in_utc
    assert same == (pasted.day(there.isoformat()) == in_utc)
    assert same or isinstance(pasted.day(there.isoformat()), Unclear)


@pytest.mark.parametrize(
    ("text", "readings"),
    [
        ("31.02.2026", ()),
        ("2026-02-30", ()),
        *((words, ()) for words in ("31 June", "June 31st", "30 Feb", "31.6.", "31/06", "31 de junio")),
        ("Feb 30, 2026", ()),
        ("13/13/2026", ()),
        ("6.11.2026", ("2026-06-11", "2026-11-06")),
        ("6. 11. 2026", ("2026-06-11", "2026-11-06")),
        ("11/6/2026, 12:00 AM", ("2026-06-11", "2026-11-06")),
        ("6.11.26", ("2006-11-26", "2026-06-11", "2026-11-06")),
        ("26-11-30", ("2026-11-30", "2030-11-26")),
        ("29.02.26", ("2029-02-26",)),
        ("6 listopada 2026", ("2026-10-06", "2026-11-06")),  # Croatian, or Polish
        ("2026-11-06 25:00", ()),
        ("2026-11-06T23:30:00-05:00", ("2026-11-06", "2026-11-07")),
    ],
)
def test_what_is_no_day_or_two(text: str, readings: tuple[str, ...]) -> None:
    """A day that does not exist has no reading."""
    assert Unclear(readings) == pasted.day(text)


@pytest.mark.parametrize("text", ["Monday, 6 November 2026", "Montag, 6. November 2026", "Mon 2026-11-06"])
def test_a_day_of_another_weekday(text: str) -> None:
    """It exists, but it is not what is written."""
    assert Unclear(("2026-11-06",), fits_none=True) == pasted.day(text)


@pytest.mark.slow
@pytest.mark.parametrize("style", NUMBER_STYLES)
@given(number=st.integers(0, 10**9))
@settings(max_examples=30)
def test_a_printed_number_reads_back(style: str, number: int) -> None:
    """In every supported grouping."""
    assert number == pasted.number(NUMBER_STYLES[style](number))


@given(number=st.integers(0, 10**9))
@settings(max_examples=100)
def test_a_dot_groups_only_what_is_no_decimal(number: int) -> None:
    """`1.000` could be 1 with three decimals; `1.250` could be no number of users."""
    found = pasted.number(f"{number:,}".replace(",", "."))
    if 1000 <= number < 10**6 and number % 1000 == 0:
        assert Unclear((str(number // 1000), str(number))) == found
    else:
        assert number == found


@pytest.mark.slow
@given(text=st.from_regex(r"[0-9]{1,4}([.,' ][0-9]{1,4}){1,3}", fullmatch=True))
@settings(max_examples=80)
def test_a_number_is_made_of_all_its_digits_or_refused(text: str) -> None:
    """No digit is dropped, and no grouping is bent into another."""
    found = pasted.number(text)
    if isinstance(found, int):
        assert "".join(char for char in text if char.isdigit()) == str(found)
        assert f"{found:,}" == text.replace(".", ",").replace("'", ",").replace(" ", ",")


@given(number=st.integers(1, 10**12), host=st.from_regex(r"[a-z][a-z0-9-]{0,20}\.zendesk\.com", fullmatch=True))
@settings(max_examples=30)
def test_every_address_of_a_ticket_names_it(number: int, host: str) -> None:
    """The page that an agent has open, the customer's own, and the API's."""
    for path in ("agent/tickets", "agent/#/tickets", "tickets", "requests", "hc/en-us/requests", "api/v2/tickets"):
        for end in ("", "/", "?brand_id=1", "#c-7", "/events?x=2#y"):
            assert number == pasted.ticket(f"https://{host}/{path}/{number}{end}")
            assert host == pasted.ticket_host(f"https://{host}/{path}/{number}{end}")
    linked = f"https://{host}/agent/tickets/{number}"
    for text in (f"[#{number}]({linked})", f"<{linked}|Ticket #{number}>"):
        assert (number, host) == (pasted.ticket(text), pasted.ticket_host(text))
    for path in ("agent/filters/360/tickets", "hc/requests"):
        assert number == pasted.ticket(f"<https://{host}/{path}/{number}/requester>.")
    texts = (f"#{number}", f" {number}\u00a0", f"{number}", f"Ticket #{number}", f"Ticket no. {number}", f"ZD-{number}")
    for text in (*texts, f"agent/tickets/{number}?x=y", f"/agent/tickets/{number}#c", f"tickets/{number}"):
        assert (number, "") == (pasted.ticket(text), pasted.ticket_host(text))


@pytest.mark.slow
@given(
    words=st.lists(st.from_regex(r"[A-Za-z0-9%/\u00fc]{1,6}", fullmatch=True), min_size=1, max_size=4),
    hyphen=st.sampled_from(HYPHENS),
    blank=st.sampled_from(BLANKS),
)
@settings(max_examples=50)
def test_a_name_is_known_in_another_spelling(words: list[str], hyphen: str, blank: str) -> None:
    """Hyphens, blanks, case and invisible characters do not make another name."""
    name = "-".join(words)
    typed = f"{blank}{hyphen}{blank}".join(words).upper() + "\u200b"
    if name.upper().casefold() == name.casefold():
        assert (name,) == pasted.spelled(typed, [name, f"{name}0"])


def test_a_spelling_of_two_names_means_both() -> None:
    """So that the caller asks; the exact one of two goes first."""
    assert ("A-S 1", "a-s1") == pasted.spelled("A\u2013S1", ["A-S 1", "a-s1", "A-S2"])
    assert ("a-s1",) == pasted.spelled("a-s1", ["A-S 1", "a-s1"])
    assert () == pasted.spelled("A-S3", ["A-S 1"])


@given(text=st.text())
@settings(max_examples=150)
def test_any_text_is_read_or_left(text: str) -> None:
    """Nothing raises, and what is read is in range."""
    for read in (pasted.number, pasted.day, pasted.ticket):
        assert isinstance(read(text), int | date | Unclear | None)


@pytest.mark.parametrize(
    ("text", "url", "other"),
    [
        ("https://acme.zendesk.com/agent/tickets/7", "https://acme.zendesk.com", False),
        ("acme.zendesk.com/agent/tickets/7", "https://ACME.zendesk.com/", False),
        ("https://other.zendesk.com/agent/tickets/7", "https://acme.zendesk.com", True),
        ("https://help.acme.example/hc/en-us/requests/7", "https://acme.zendesk.com", False),
        ("https://acme.zendesk.com/agent/tickets/7", "http://127.0.0.1:8765", False),
        ("7", "https://acme.zendesk.com", False),
        ("agent/tickets/7", "https://acme.zendesk.com", False),
    ],
)
def test_a_ticket_of_another_account(text: str, url: str, other: bool) -> None:
    """The same number is another ticket there; a host of the team's own may be either."""
    assert other == pasted.is_other_account(text, url)
