"""How results look: the same facts in HTML and text, and nothing of a customer's text comes alive in either."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runbook_lib.card_html import html
from runbook_lib.display import (
    Card,
    DecisionPath,
    Link,
    Paragraph,
    Part,
    Preview,
    Stop,
    Table,
    Tone,
    text,
    verdict_parts,
    window_words,
)
from runbook_lib.domain.models import Answer, Ruling, Verdict, Window
from runbook_lib.domain.plain_text import CELL_LIMIT, PREVIEW_LIMIT, clean, clean_lines, size

WINDOW = Window(date(2026, 11, 6), date(2026, 11, 20), date(2026, 11, 23), date(2026, 11, 22))
TAGS = {"div", "span", "p", "bdi", "table", "thead", "tbody", "tr", "th", "td", "pre", "a", "ol", "li", "wbr"}
ATTRIBUTES = {"style", "title", "scope", "role", "aria-label", "href", "rel", "target"}
LENGTH = r"\d+px"
COLOR = r"(#[0-9a-f]{6}|rgba\(\d+,\d+,\d+,0\.\d+\))"
SIDES = rf"{LENGTH}( {LENGTH}){{0,3}}"
STYLES = {
    "align-items": "center",
    "background-color": COLOR,
    "border": rf"{LENGTH} solid {COLOR}",
    "border-bottom": rf"{LENGTH} solid {COLOR}",
    "border-collapse": "collapse",
    "border-left": rf"{LENGTH} solid {COLOR}",
    "border-radius": LENGTH,
    "display": "flex",
    "flex-wrap": "wrap",
    "font-size": LENGTH,
    "font-weight": "normal|bold",
    "gap": LENGTH,
    "height": LENGTH,
    "line-height": LENGTH,
    "margin": SIDES,
    "margin-bottom": LENGTH,
    "margin-top": LENGTH,
    "max-width": LENGTH,
    "min-width": LENGTH,
    "opacity": r"0\.\d+",
    "overflow-wrap": "normal|break-word",
    "padding": SIDES,
    "text-align": "left|right|center|justify",
    "vertical-align": "top|middle|bottom",
    "white-space": "normal|pre|nowrap|pre-wrap|pre-line",
    "width": rf"auto|{LENGTH}",
    "word-break": "normal|keep-all|break-all",
}
"""The properties that cards may use, and values that JupyterLab keeps in a record that is opened again.

Source: JupyterLab 4.6, `@jupyterlab/apputils`, sanitizer.ts, `allowedStyles`: each declaration used here was put
through its patterns.
"""
HOSTILE = st.text(st.characters(), max_size=60) | st.sampled_from(
    [
        "<script>alert(1)</script>",
        "</pre></bdi></td><img src=x onerror=alert(1)>",
        "\"' onmouseover='alert(1)' style=\"position:fixed",
        "<style>*{display:none}</style>",
        "<iframe src=javascript:alert(1)>",
        "<!-- --><a href=javascript:alert(1)>x</a>",
        "&lt;b&gt; &amp;amp; &#60;",
        "]]><![CDATA[<b>",
        "\u202egnp.exe\u202c\u2066x\u2069",
        "\x1b[31mred\x1b[0m\x07\r\nforged line",
        "a\x00b\x85c\u2028d\u2029e\x0bf\x0cg\x1ch",
        "{{ticket.requester.email}} =cmd() ../../x",
        "\ud800",
        "{% raw %} $x^2$ `code` **bold**",
        "Zürich 東京 😀 שלום",
        "javascript:alert(1)",
        'https://evil.example/"><script>',
    ]
)
DATES = st.dates() | st.sampled_from([date.min, date.max])
WINDOWS = st.builds(Window, DATES, DATES, DATES, DATES)


def tables(words: st.SearchStrategy[str]) -> st.SearchStrategy[Table]:
    """Tables of one to four columns, each row as long as the heads."""
    return st.integers(1, 4).flatmap(
        lambda n: st.builds(
            Table,
            st.lists(words, min_size=n, max_size=n),
            st.lists(st.lists(words, min_size=n, max_size=n), max_size=3),
        )
    )


def cards(words: st.SearchStrategy[str], windows: st.SearchStrategy[Window]) -> st.SearchStrategy[Card]:
    """Cards with any parts, all their strings of one kind."""
    part: st.SearchStrategy[Part] = (
        st.builds(Paragraph, words, st.booleans())
        | tables(words)
        | windows
        | st.builds(Preview, words, words)
        | st.builds(Link, words, words | words.map("https://x.example/".__add__))
        | st.builds(DecisionPath, st.lists(st.builds(Stop, words, st.booleans(), words, words), max_size=4))
    )
    return st.builds(Card, words, words, st.sampled_from(Tone), words, st.lists(part, max_size=4).map(tuple))


def strings_of(card: Card) -> list[str]:
    """Every string that a card was given, as it is to be shown."""
    found = [clean(card.title), clean(card.state), clean(card.badge)]
    for part in card.parts:
        match part:
            case Paragraph(words):
                found.append(clean(words, PREVIEW_LIMIT))
            case Table(heads, rows):
                found += [clean(cell) for row in (heads, *rows) for cell in row]
            case Preview(label, words):
                found += [clean(label), clean_lines(words)]
            case Link(label, url):
                found += [clean(label), clean(url)]
            case DecisionPath(stops):
                found += [clean(stop.words) for stop in stops]
                found += [clean(words) for stop in stops if stop.taken for words in (stop.answer, stop.evidence)]
    return found


@dataclass
class Page(HTMLParser):
    """What a browser makes of a card: its elements, with their attributes, and its text."""

    elements: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    words: str = ""

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._open: list[str] = []
        self.other: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "wbr":  # it has no end
            self._open.append(tag)
        self.elements.append((tag, dict(attrs)))
        if len(dict(attrs)) != len(attrs):
            self.other.append(f"{tag} has an attribute twice")

    def handle_endtag(self, tag: str) -> None:
        if not self._open or tag != self._open.pop():
            self.other.append(f"{tag} closes another element")

    def handle_data(self, data: str) -> None:
        self.words += data

    def handle_comment(self, data: str) -> None:
        self.other.append(f"comment {data}")

    def handle_decl(self, decl: str) -> None:
        self.other.append(f"declaration {decl}")

    def unknown_decl(self, data: str) -> None:
        self.other.append(f"declaration {data}")

    def handle_pi(self, data: str) -> None:
        self.other.append(f"instruction {data}")

    @property
    def words_and_links(self) -> str:
        """What is read, and where its links lead."""
        links = [clean(attributes["href"]) for tag, attributes in self.elements if tag == "a"]
        return "\n".join((self.words, *links))

    def problems(self) -> list[str]:
        """What a card must not have."""
        found = [*self.other, *(f"{tag} is not closed" for tag in self._open)]
        found += [f"element {tag}" for tag, _ in self.elements if tag not in TAGS]
        for tag, attributes in self.elements:
            found += [f"attribute {name} of {tag}" for name in attributes if name not in ATTRIBUTES]
            href = attributes.get("href", "https://")
            found += [] if re.match("https?://", href or "") else [f"link to {href}"]
        return found

    def declarations(self) -> list[dict[str, list[str]]]:
        """Each element's style: property to the values given, first to last."""
        styles = []
        for _, attributes in self.elements:
            values: dict[str, list[str]] = {}
            for declaration in filter(None, (attributes.get("style") or "").split(";")):
                name, _, value = declaration.partition(":")
                values.setdefault(name, []).append(value)
            styles.append(values)
        return styles


def page_of(*parts: Part, tone: Tone = Tone.PLAIN) -> Page:
    """The page of a card with these parts."""
    return parsed(html(Card("title", "state", tone, "badge", parts)))


def parsed(markup: str) -> Page:
    """A piece of HTML, read."""
    page = Page()
    page.feed("".join(markup))  # plain text: what escapes would escape again here
    page.close()
    return page


# -- strings


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("plain", "plain"),
        (250, "250"),
        (None, "None"),
        (date(2026, 11, 6), "2026-11-06"),
        (Answer.YES, "yes"),
        ("Zürich 東京 😀 שלום é", "Zürich 東京 😀 שלום é"),
        ("<b> & \"'", "<b> & \"'"),
        ("a\nb\tc\rd", "a b c d"),
        ("a\u00a0b\u3000c\u2028d\u2029e", "a b c d e"),
        ("\x00\x07\x1b[31m", "‹U+0000›‹U+0007›‹U+001B›[31m"),
        ("\x7f\x85\x9b", "‹U+007F›‹U+0085›‹U+009B›"),
        ("\u202egnp.exe\u202c", "‹U+202E›gnp.exe‹U+202C›"),
        ("\u2066\u2067\u2068\u2069\u200e\u200f\u061c", "‹U+2066›‹U+2067›‹U+2068›‹U+2069›‹U+200E›‹U+200F›‹U+061C›"),
        ("a\u200bb\u200dc\u00add\ufeffe", "a‹U+200B›b‹U+200D›c‹U+00AD›d‹U+FEFF›e"),
        ("\ud800", "‹U+D800›"),
        ("\U000e0041", "‹U+E0041›"),
        ("\ue000\U0010ffff", "‹U+E000›‹U+10FFFF›"),
        ("", ""),
    ],
)
def test_clean_names_what_cannot_be_seen(raw: object, expected: str) -> None:
    """Blanks of any kind become a blank; control, format and direction characters their name; letters stay."""
    assert expected == clean(raw)


@pytest.mark.parametrize(
    ("raw", "limit", "expected"),
    [
        ("x" * 240, CELL_LIMIT, "x" * 240),
        ("x" * 241, CELL_LIMIT, "x" * 240 + "… (241 characters)"),
        ("x" * 1_000_000, CELL_LIMIT, "x" * 240 + "… (1,000,000 characters)"),
        ("12345", 5, "12345"),
        ("123456", 5, "12345… (6 characters)"),
        ("\u202e", 8, "‹U+202E›"),
        ("ab\u202ecd", 5, "ab‹U+… (5 characters)"),
    ],
)
def test_clean_bounds_length(raw: str, limit: int, expected: str) -> None:
    """Longer text is cut, and says how long it was."""
    assert expected == clean(raw, limit)


@given(raw=HOSTILE | st.text(st.characters(categories=["Cc", "Cf", "Co"]), min_size=30), limit=st.integers(1, 50))
@example("\U0010ffff" * 240, 240)
def test_clean_is_printable_and_bounded(raw: str, limit: int) -> None:
    """Whatever the text, one printable line comes out, and names of characters do not make it longer than said."""
    shown = clean(raw, limit)
    assert shown.isprintable()
    assert len(shown) <= limit + len("… (1,000,000 characters)")
    assert ("…" in shown or len(raw) <= limit) and (shown == clean(shown, 10_000) or len(shown) > limit)


@pytest.mark.parametrize(
    ("raw", "limit", "expected"),
    [
        ("a\nb\r\nc\n", 99, "a\nb\nc\n"),
        ("a\rb\x0bc\x0cd\x85e\u2028f", 99, "a b‹U+000B›c‹U+000C›d‹U+0085›e f"),
        ("a\n\u202eb", 99, "a\n‹U+202E›b"),
        ("a\n\nb", 4, "a\n\nb"),
        ("a\n\nbc", 4, "a\n\nb… (5 characters)"),
        ("x" * 4001, PREVIEW_LIMIT, "x" * 4000 + "… (4,001 characters)"),
        ("\n" * 4001, PREVIEW_LIMIT, "\n" * 4000 + "… (4,001 characters)"),
        ("\x00" * 4000, PREVIEW_LIMIT, "‹U+0000›" * 500 + "… (4,000 characters)"),
    ],
)
def test_clean_lines_keeps_line_ends(raw: str, limit: int, expected: str) -> None:
    """Lines stay lines, whatever ended them; the rest is as in one line, the whole of it bounded."""
    assert expected == clean_lines(raw, limit)


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1 kB"),
        (12_345, "12 kB"),
        (999_000, "999 kB"),
        (1_000_000, "1.0 MB"),
        (20_000_000, "20.0 MB"),
    ],
)
def test_size(count: int, expected: str) -> None:
    """Bytes, as people write them."""
    assert expected == size(count)


# -- HTML


@given(card=cards(HOSTILE, WINDOWS))
def test_html_holds_only_what_a_card_is_made_of(card: Card) -> None:
    """No element, attribute, comment or link but the expected ones, all closed; and every string is there as text."""
    page = parsed(html(card))
    assert [] == page.problems()
    assert [] == [words for words in strings_of(card) if words not in page.words_and_links]


@pytest.mark.parametrize(
    ("markup", "problem"),
    [
        ("<script>x</script>", "element script"),
        ("<img src=x>", "element img"),
        ("<p onclick=x></p>", "attribute onclick of p"),
        ("<p style=a style=b></p>", "p has an attribute twice"),
        ("<p><b></p>", "p closes another element"),
        ("<p>", "p is not closed"),
        ("<!-- x -->", "comment  x "),
        ("<a href=javascript:x></a>", "link to javascript:x"),
    ],
)
def test_the_reader_of_html_sees_problems(markup: str, problem: str) -> None:
    """The check above can fail."""
    assert problem in parsed(markup).problems()


WALK = DecisionPath(
    [
        Stop("Has an account?", True, "yes", "ticket: admin@customer.example"),
        Stop("Sees the subscription?", True, "no", "CustomersDot: none"),
        Stop("Ask an expert", True),
        Stop("Confirm", False),
    ]
)
"""Two questions answered, the decision, and what was not taken."""


def every_part(tone: Tone = Tone.PLAIN) -> Page:
    """A card with a part of each kind."""
    return page_of(
        Paragraph("a"),
        Paragraph("b", strong=True),
        Table(("h", "i", "j", "k"), [("1", "2", "3", "4"), ("5", "6", "7", "8")]),
        WINDOW,
        Preview("l", "w"),
        Link("l", "https://x.example"),
        WALK,
        tone=tone,
    )


@pytest.mark.parametrize("tone", Tone)
def test_styles_survive_in_a_record(tone: Tone) -> None:
    """JupyterLab drops what it does not know when a record is opened: every property has a value that it keeps."""
    refused = [
        f"{name}:{values}"
        for style in every_part(tone).declarations()
        for name, values in style.items()
        if not any(re.fullmatch(STYLES.get(name, "(?!)"), value) for value in values)
    ]
    assert [] == refused


def test_only_listed_properties_are_used() -> None:
    """The list above is the list of what is used, no longer and no shorter."""
    assert set(STYLES) == {name for style in every_part().declarations() for name in style}


def test_text_takes_the_themes_color() -> None:
    """No text color and no background behind text: a dark theme stays legible. Swatches and days have no text."""
    page = every_part()
    used = {name for style in page.declarations() for name in style}
    assert "color" not in used
    assert "background" not in used
    assert {"td", "span"} == {
        tag for (tag, _), style in zip(page.elements, page.declarations(), strict=True) if "background-color" in style
    }


@pytest.mark.parametrize("url", ['https://x.example/?a=1&b="<2>', "http://127.0.0.1:8765/t/1"])
def test_a_link_leads_where_it_says(url: str) -> None:
    """Web addresses are links, opened apart and without telling where from."""
    (link,) = [attributes for tag, attributes in page_of(Link("ticket", url)).elements if tag == "a"]
    assert {"href": url, "rel": "noreferrer", "target": "_blank"} == link


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "JavaScript:alert(1)", " https://x", "data:text/html,x", "file /etc/passwd", "//x", ""],
)
def test_other_addresses_are_text(url: str) -> None:
    """What is no web address is shown, and cannot be clicked."""
    page = page_of(Link("evidence", url))
    assert [] == [tag for tag, _ in page.elements if tag == "a"]
    assert f"evidence: {url}" in page.words


def test_a_link_in_a_sentence_has_words() -> None:
    """A page of this run; the text has the address. Another, as a customer may write it, is text."""
    ours, other = "https://gitlab.example/team/-/issues/2", "https://gitlab.example/customer/-/issues/2"
    card = Card("t", "s", Tone.PLAIN, "b", (Paragraph(f"See {ours}, not {other}."),), pages={ours})
    page = parsed(html(card))
    assert [ours] == [attributes["href"] for tag, attributes in page.elements if tag == "a"]
    assert f"See issue 2, not {other}." in page.words
    assert ours in text(card)


def test_an_address_in_a_table_breaks_at_its_slashes() -> None:
    """And nowhere in a name; a short word with a slash stays whole."""
    words = "pipeline 7 · https://gitlab.example/team/-/pipelines/7 and/or later"
    markup = html(Card("t", "s", Tone.PLAIN, "b", (Table((), [("", words)]),)))
    assert "https://gitlab.example/team/<wbr>-/<wbr>pipelines/<wbr>7 and/or later" in markup
    assert words in parsed(markup).words


def test_dates_and_fingerprints_stay_whole() -> None:
    """In a sentence and in a table; in a terminal no word is broken behind its hyphen."""
    kept = ("2026-11-21.", f"SHA256:{'0123456789abcdef' * 2},", "maya.lindqvist@nordlicht-analytics.example")
    words = " ".join(kept)
    parts = (Paragraph(words), Table(("", ""), [("", " ".join(kept[:2]))]))
    card = Card("t", "s", Tone.PLAIN, "b", parts)
    for one, times in zip(kept, (2, 2, 1), strict=True):
        assert times == html(card).count(f'<span style="white-space:nowrap">{one}</span>')
    link = Link("pipeline 7", "https://gitlab.example/-/pipelines/7")
    table = text(Card("t", "s", Tone.PLAIN, "b", (Table((), [("done", link)]),)))
    assert "https://gitlab.example/-/pipelines/7" in [line.strip() for line in table.split("\n")], "on its own line"
    shown = text(Card("t", "s", Tone.PLAIN, "b", (Paragraph("word " * 18 + "behind-its-hyphen"),)))
    assert "  behind-its-hyphen" in shown.split("\n")


def test_strong_words_are_bold() -> None:
    """The decision stands out, other words do not."""
    weights = [
        style["font-weight"][-1]
        for (tag, _), style in zip(every_part().elements, every_part().declarations(), strict=True)
        if tag == "p" and "font-weight" in style
    ]
    assert ["normal", "bold"] == weights


@pytest.mark.parametrize("tone", Tone)
def test_the_tone_is_the_accent(tone: Tone) -> None:
    """A card's border and its state have the tone's color; the state says the same in words."""
    markup = html(Card("title", "stopped", tone, "practice"))
    assert 2 == markup.count(tone.value)
    assert "stopped" in parsed(markup).words


# -- the timeline


def days_of(window: Window) -> list[tuple[str, str, str]]:
    """A timeline's days: date, color, mark."""
    cells = re.findall(r'<td style="[^"]*background-color:([^";]*)" title="([^"]*)">([^<]*)</td>', html_of(window))
    return [(day, color, mark.strip()) for color, day, mark in cells]


def html_of(window: Window) -> str:
    """A card with nothing but a timeline."""
    return html(Card("title", "state", Tone.PLAIN, "badge", (window,)))


@pytest.mark.parametrize(
    ("emergency_on", "days"), [((2026, 11, 22), 18), ((2026, 11, 25), 20), ((2026, 11, 1), 23), ((2026, 11, 6), 18)]
)
def test_the_timeline_shows_each_day(emergency_on: tuple[int, int, int], days: int) -> None:
    """One cell a day: 14 of grace, 4 in scope in another color, and one mark, on the emergency."""
    window = Window(WINDOW.expires_on, WINDOW.grace_ends_on, WINDOW.last_day_on, date(*emergency_on))
    cells = days_of(window)
    colors: dict[str, list[str]] = {}
    for day, color, _ in cells:
        colors.setdefault(color, []).append(day)
    november = [str(date(2026, 11, 1) + timedelta(days=n)) for n in range(30)]
    assert days == len(cells)
    assert sorted(day for day, _, _ in cells) == [day for day, _, _ in cells]
    assert november[5:19] in colors.values()
    assert november[19:23] in colors.values()
    assert [str(window.emergency_on)] == [day for day, _, mark in cells if mark]


@given(window=WINDOWS)
@example(Window(date.min, date.min, date.min, date.max))
@example(Window(date.max, date.max, date.max, date.min))
def test_a_timeline_is_bounded(window: Window) -> None:
    """Dates may be thousands of years apart: the strip stays short, and the dates are shown all the same."""
    assert 1 <= len(days_of(window)) <= 45
    assert len(html_of(window)) < 15_000
    page = parsed(html_of(window))
    (label,) = [attributes["aria-label"] for _, attributes in page.elements if "aria-label" in attributes]
    assert window_words(window) == label
    for day in (window.expires_on, window.grace_ends_on, window.last_day_on, window.emergency_on):
        assert str(day) in page.words


# -- the decision path


def items_of(walk: DecisionPath, tone: Tone = Tone.PLAIN) -> list[str]:
    """The markup of each stop, within one ordered list."""
    (items,) = re.findall(r"<ol [^>]*>(.*)</ol>", html(Card("title", "state", tone, "badge", (walk,))))
    return re.findall(r"<li.*?</li>", items)


def test_a_path_is_a_list_in_order() -> None:
    """Each stop with its answer and evidence, the stops not taken faint and labelled so."""
    expected = [
        "Has an account? → yesticket: admin@customer.example",
        "Sees the subscription? → noCustomersDot: none",
        "Ask an expert",
        "Confirm (not taken)",
    ]
    assert expected == [parsed(item).words for item in items_of(WALK)]
    assert [False, False, False, True] == ["opacity:0.45" in item for item in items_of(WALK)]


@pytest.mark.parametrize("tone", [Tone.GOOD, Tone.STOP])
def test_the_decision_has_the_cards_accent(tone: Tone) -> None:
    """Only the last stop taken is boxed and bold, also where its answer is still open, or equals an earlier one."""
    accent = f"border-left:4px solid {tone.value}"
    open_at = DecisionPath([Stop("a", True, "yes"), Stop("b", True, "unknown"), Stop("c", False)])
    twice = DecisionPath([Stop("a", True), Stop("a", True)])
    nothing = DecisionPath([Stop("a", False)])
    assert [False, False, True, False] == [accent in item for item in items_of(WALK, tone)]
    assert [False, True, False] == [accent in item for item in items_of(open_at, tone)]
    assert [False, True] == [accent in item for item in items_of(twice, tone)]
    assert [False] == [accent in item for item in items_of(nothing, tone)]


@pytest.mark.parametrize(
    ("answer", "tone"),
    [("yes", Tone.GOOD), ("found", Tone.GOOD), (Answer.NO, Tone.STOP), ("no", Tone.STOP), ("unknown", Tone.ASK)],
)
def test_an_answer_stands_in_its_color(answer: str, tone: Tone) -> None:
    """A pill, bold, with the answer's word: what is not known does not look like a yes."""
    (item,) = items_of(DecisionPath([Stop("a", True, answer)]))
    pill = rf'<span style="border:1px solid {tone.value};[^"]*font-weight:bold">{answer}</span>'
    assert re.search(pill, item)


def test_a_path_as_text() -> None:
    """Numbered as in the list; customer text in it is one harmless line; long lines are broken."""
    hostile = DecisionPath([Stop("a\nb", True, "\u202eyes", "<b>\x1b"), Stop("x " * 100, False)])
    _, *lines = text(Card("t", "s", Tone.PLAIN, "b", (WALK,))).split("\n")
    assert [
        "  1. Has an account? -> yes: ticket: admin@customer.example",
        "  2. Sees the subscription? -> no: CustomersDot: none",
        "  3. Ask an expert",
        "  4. (not taken) Confirm",
    ] == lines
    _, first, *rest = text(Card("t", "s", Tone.PLAIN, "b", (hostile,))).split("\n")
    assert "  1. a b -> ‹U+202E›yes: <b>‹U+001B›" == first
    assert max(len(line) for line in rest) <= 102


# -- text


@given(card=cards(HOSTILE, WINDOWS))
def test_text_is_printable(card: Card) -> None:
    """On a terminal, nothing but printable characters and line ends; the first line is the card's own."""
    shown = text(card)
    assert [] == [char for char in shown if char != "\n" and not char.isprintable()]
    head, *rest = shown.split("\n")
    assert f"[{clean(card.state)}] {clean(card.title)} ({clean(card.badge)})" == head
    assert [] == [line for line in rest if line and not line.startswith("  ")]


def test_text_of_every_part() -> None:
    """Exactly this is seen on a terminal; what looks like a number stays as it was written."""
    card = Card(
        "Decide the scope",
        "in scope",
        Tone.GOOD,
        "practice, rehearsal",
        (
            Paragraph("In scope.", strong=True),
            WINDOW,
            Table(("fact", "value"), [("version", "1.10"), ("users", "007")]),
            Preview("public reply", "Hello,\n\nbye"),
            Link("ticket", "https://x.example/1"),
        ),
    )
    expected = """\
[in scope] Decide the scope (practice, rehearsal)
  In scope.
  expired 2026-11-06 · grace period to 2026-11-20 · runbook applies to 2026-11-23 · emergency 2026-11-22
  fact     value
  -------  -------
  version  1.10
  users    007
  public reply:
  | Hello,
  |
  | bye
  ticket: https://x.example/1"""
    assert expected == re.sub(" +$", "", text(card), flags=re.MULTILINE)


@pytest.mark.parametrize("length", [3, 200, 100_000])
def test_text_is_not_wide(length: int) -> None:
    """Long words are broken, long text is cut: a terminal of usual width shows it all."""
    words = " ".join(["word"] * (length // 5)) + "x" * 90
    card = Card("t", "s", Tone.PLAIN, "b", (Paragraph(words), Table(("a", "b"), [("x" * length, words)])))
    assert max(len(line) for line in text(card).split("\n")) <= 102


# -- both


@given(card=cards(st.text("abcdefghij", min_size=2, max_size=8), st.just(WINDOW)))
def test_both_renderings_hold_the_same_facts(card: Card) -> None:
    """Every word and every date of a card is in its HTML and in its text."""
    facts = strings_of(card)
    if any(isinstance(part, Window) for part in card.parts):
        facts += [str(day) for day in (WINDOW.expires_on, WINDOW.grace_ends_on, WINDOW.last_day_on)]
        facts.append(str(WINDOW.emergency_on))
    for rendered in (text(card), parsed(html(card)).words_and_links):
        assert [] == [fact for fact in facts if fact not in rendered]


@pytest.mark.parametrize("render", [html, text])
def test_rendering_is_repeatable(render: Callable[[Card], str]) -> None:
    """The same card looks the same each time: records can be compared."""
    card = Card("t", "s", Tone.PLAIN, "b", (WINDOW, Table(("a",), [("b",)])))
    assert render(card) == render(card)


def ruling(holds: Answer) -> Ruling:
    """A ruling with this answer."""
    return Ruling(f"Is it {holds}?", holds, f"because {holds}", "handbook")


def test_a_verdict_shows_every_ruling() -> None:
    """Timeline first, then one row a rule: mark and word, rule, reason, source; never by color alone."""
    timeline, table = verdict_parts(Verdict(tuple(ruling(answer) for answer in Answer), WINDOW))
    assert WINDOW == timeline
    assert isinstance(table, Table)
    rows = [[unicodedata.normalize("NFKC", cell) for cell in row] for row in table.rows]
    assert [
        ["✓ yes", "Is it yes?", "because yes", "handbook"],
        ["✗ no", "Is it no?", "because no", "handbook"],
        ["? unknown", "Is it unknown?", "because unknown", "handbook"],
    ] == rows


def test_a_verdict_without_dates_has_no_timeline() -> None:
    """Unknown dates are not drawn."""
    parts: Any = verdict_parts(Verdict((ruling(Answer.UNKNOWN),)))
    assert [Table] == [type(part) for part in parts]
