"""Which text belongs to which label, by place alone: no image needed."""

from __future__ import annotations

import pytest

from runbook_lib.domain import parameters
from runbook_lib.domain.policy import FIGURES
from runbook_lib.ocr import labels, values
from runbook_lib.ocr.words import Word


def word(text: str, x: float, y: float, *, height: float = 24, score: float = 1.0) -> Word:
    """Text whose upper left corner is there."""
    right, bottom = x + len(text) * height * 0.35, y + height
    return Word(
        text=text,
        score=score,
        corners=((x, y), (right, y), (right, bottom), (x, bottom)),
        left=x,
        top=y,
        right=right,
        bottom=bottom,
    )


def read(*words: Word) -> dict[str, str]:
    """What is found, with a question mark where the place leaves a doubt."""
    return {found.name: found.value + ("" if is_clear else "?") for found, is_clear in labels.findings(words)}


def card(label: str, value: str, x: float, y: float, *, above: bool = False) -> tuple[Word, Word]:
    """A label and a larger number."""
    if above:
        return word(value, x, y, height=36), word(label, x, y + 38)
    return word(label, x, y), word(value, x, y + 26, height=36)


# -- values


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("plan", "Premium", "premium"),
        ("plan", " ULTIMATE ", "ultimate"),
        ("plan", "Ultimate (trial)", None),
        ("plan", "Premiun", None),
        ("plan", "<b>Premium</b>", None),
        ("expires_on", "Nov 6, 2026", "2026-11-06"),
        ("expires_on", "November 6, 2026", "2026-11-06"),
        ("expires_on", "Nov6,2026", "2026-11-06"),
        ("expires_on", "2026-11-06", "2026-11-06"),
        ("expires_on", "Nov 6, 2026 Expired", "2026-11-06"),
        ("expires_on", "Nov 26, 2025 12:00am", "2025-11-26"),
        ("expires_on", "Nov 26,202512:00am", "2025-11-26"),
        ("expires_on", "Nov 26, 2025 12:00arn", None),
        ("expires_on", "4 months from now", None),
        ("expires_on", "8 months ago", None),
        ("expires_on", "06/11/2026", None),
        ("expires_on", "11/06/2026", None),
        ("expires_on", "06.11.2026", None),
        ("expires_on", "6. November 2026", None),
        ("expires_on", "Nov 62026", None),
        ("expires_on", "Nov 31, 2026", None),
        ("expires_on", "Nov 6, 1026", None),
        ("expires_on", "Nov 6, 2026 03:12 UTC", None),
        ("expires_on", "Novv 6, 2026", None),
        ("expires_on", "Never", None),
        ("starts_on", "Nov 6, 2025", "2025-11-06"),
        ("billable_users", "0", "0"),
        ("billable_users", "250", "250"),
        ("billable_users", "1,250", "1250"),
        ("billable_users", "1,000,000", "1000000"),
        ("billable_users", "1,000,001", None),
        ("billable_users", "1,25", None),
        ("billable_users", ",250", None),
        ("billable_users", "1.250", None),
        ("billable_users", "1 250", None),
        ("billable_users", "0250", None),
        ("billable_users", "25O", None),
        ("billable_users", "-4", None),
        ("billable_users", "٢٥٠", None),
        ("billable_users", "250 / 300", None),
        ("billable_users", "Unlimited", None),
    ],
)
def test_a_value_is_one_that_the_page_can_show_or_none(name: str, text: str, expected: str | None) -> None:
    """Nothing is guessed or repaired, and a date that can be understood in two ways is none."""
    assert expected == values.parsed(name, text)


def test_every_label_stands_for_a_parameter() -> None:
    """Or only ends another's value."""
    assert set(labels.PLACES.values()) - {"", "starts_on"} <= parameters.QUESTIONS.keys()


# -- places


def test_a_row_has_its_value_to_the_right() -> None:
    """Whatever is in the next column, or above and below."""
    rows = [word("ID", 10, 10), word("810042", 200, 10), word("Plan", 10, 44), word("Premium", 200, 44)]
    rows += [
        word("Company", 500, 44),
        word("Ultimate", 700, 44),
        word("End date", 10, 78),
        word("Nov 6, 2026", 200, 78),
    ]
    assert {"plan": "premium", "expires_on": "2026-11-06"} == read(*rows)


def test_values_may_be_on_one_line_with_their_labels() -> None:
    """Each after its own colon."""
    line = word("Plan: Premium  Expires: Nov 6, 2026 Licensed to: Maya", 10, 10)
    expected = {"plan": "premium", "expires_on": "2026-11-06", "users_in_license": "1250"}
    assert expected == read(line, word("Users in License: 1,250", 10, 44))


LINE = "Plan: Premium End date: Nov 6, 2026 12:00am Licensed to: Maya (Nordlicht) Type: Online license View details"


@pytest.mark.parametrize(
    "text", [LINE, f"O {LINE}", f"中{LINE}", f"(=) {LINE}", LINE.replace(" ", ""), LINE.replace(" End", "End")]
)
def test_a_line_after_an_icon_has_its_values(text: str) -> None:
    """The dashboard of 17.x, as readers of text join it."""
    assert {"plan": "premium", "expires_on": "2026-11-06"} == read(word(text, 10, 10))


@pytest.mark.parametrize("text", ["My Plan: Premium", "No Plan: Premium", "Our old Plan: Premium"])
def test_a_word_before_a_label_is_no_icon(text: str) -> None:
    """It may say that the plan is another's."""
    assert {} == read(word(text, 10, 10))


def test_only_the_last_label_of_a_line_looks_beyond_it() -> None:
    """What stands behind the piece of text is not the first label's."""
    line = word("Plan: End date:", 10, 10)
    assert {"expires_on": "2026-11-06"} == read(line, word("Nov 6, 2026 12:00am", line.right + 10, 10))


def test_one_seat_is_a_label_too() -> None:
    """The dashboard's singular."""
    words = (*card("User in subscription", "1", 10, 10), *card("Billable users", "1", 300, 10))
    assert {"users_in_license": "1", "billable_users": "1"} == read(*words)


def test_a_label_on_two_lines_has_the_number_beside_it() -> None:
    """Narrow cards of the older License page."""
    words = [word("Users in", 10, 10), word("License:", 10, 36), word("250", 130, 18, height=36)]
    words += [word("Users over", 400, 10), word("License:", 400, 36), word("4", 520, 18, height=36)]
    words += [word("Maximum Users:", 800, 22), word("254", 990, 16, height=36)]
    expected = {"users_in_license": "250", "users_over_license": "4", "maximum_users": "254"}
    assert expected == read(*words)


# -- the sentence


SENTENCE = "It is valid from 2025-11-06 to 2026-11-06."


@pytest.mark.parametrize(
    "lines",
    [
        (SENTENCE,),
        (SENTENCE.replace(" ", ""),),
        ("250 seats, valid from 2025-11-06", "to 2026-11-06."),
        ("The seats, valid from 2025-11-06 to 2026-11-", "06."),
    ],
)
def test_a_sentence_has_the_end_date(lines: tuple[str, ...]) -> None:
    """On one line, or broken anywhere."""
    words = [word(line, 10, 10 + 26 * row) for row, line in enumerate(lines)]
    assert {"starts_on": "2025-11-06", "expires_on": "2026-11-06"} == read(*words)


@pytest.mark.parametrize(
    "text", ["valid from 2025-11-06", "valid from 2025-11-06 to 2026-11-066", "valid from 2025-11-06 to 2026-13-06"]
)
def test_half_a_sentence_has_no_date(text: str) -> None:
    """Nor one whose date is none."""
    assert {} == read(word(text, 10, 10))


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("End date: Nov 6, 2026 12:00am", "2026-11-06"),
        ("Expires: 4 months from now", "2026-11-06"),
        ("Expires: in about 4 months", "2026-11-06"),
        ("End date: Nov G, 2O26", "2026-11-06?"),
        ("End date:", "2026-11-06?"),
        ("End date: Nov 8, 2026 12:00am", None),
    ],
)
def test_label_and_sentence_must_not_differ(label: str, expected: str | None) -> None:
    """A relative date says nothing; a label that cannot be read makes the sentence unsure; two dates are none."""
    found = read(word(label, 10, 10), word(SENTENCE, 10, 80))
    assert expected == found.get("expires_on")


# -- pages on which nothing is sure


PLAIN = (word("Plan: Premium", 300, 10), word("End date: Nov 6, 2026", 300, 44))


@pytest.mark.parametrize(
    "more",
    [
        (word("End date: Jan 4, 2027", 300, 200),),
        (word("End date: Nov 6, 2026", 300, 200),),
        (word("End date:", 300, 200),),
        (word("GitLab Duo Enterprise", 600, 160), word("End date", 600, 200), word("soon", 800, 200)),
        (word("GitLab Duo Pro seats", 600, 160),),
        (word("valid from 2025-01-04 to 2027-01-04", 300, 200),),
    ],
)
def test_nothing_is_sure_beside_a_second_section(more: tuple[Word, ...]) -> None:
    """Which of two dates a label is for is for a person to say; so is the rest of such a page."""
    assert {"?"} == {value[-1] for value in read(*PLAIN, *more).values()}


def test_dates_below_the_add_on_alone_are_not_sure() -> None:
    """A picture that is cut so that only the add-on's date is on it."""
    words = (word("GitLab Duo", 300, 10), word("End date", 300, 50), word("Jan 4, 2027", 500, 50))
    assert {"expires_on": "2027-01-04?"} == read(*words)


def test_the_add_on_in_the_menu_makes_no_doubt() -> None:
    """Every newer admin page has it at its side."""
    assert {"plan": "premium", "expires_on": "2026-11-06"} == read(word("GitLab Duo", 16, 4), *PLAIN)


def test_headings_of_a_table_are_no_unread_labels() -> None:
    """The history below has the same words."""
    words = [*PLAIN, word("Plan", 300, 300), word("Starter", 300, 340), word("Expires", 500, 300)]
    words += [word("Nov 6, 2024", 500, 340)]
    assert {"plan": "premium", "expires_on": "2026-11-06"} == read(*words)


@pytest.mark.parametrize("above", [True, False])
def test_cards_have_their_numbers_on_one_side(above: bool) -> None:
    """Stacked without a gap too: the side is that of all cards."""
    names = ("Users in subscription", "Billable users", "Maximum users", "Users over subscription")
    stack = [one for row, name in enumerate(names) for one in card(name, str(row + 10), 10, 64 * row, above=above)]
    found = read(*stack)
    assert ["10", "11", "12", "13"] == [found[name] for name in FIGURES]


def test_a_number_between_two_labels_is_not_sure() -> None:
    """Between two labels, with nothing that tells which."""
    words = (word("Billable users", 10, 10), word("17", 10, 36, height=36), word("Maximum users", 10, 74))
    assert {"?"} >= {value[-1] for value in read(*words).values()}


def test_one_card_alone_is_not_sure() -> None:
    """Its number may be missing from the image, and the one beside it another's."""
    assert {"billable_users": "17?"} == read(*card("Billable users", "17", 10, 10))


def test_a_number_is_not_taken_across_other_text() -> None:
    """A card whose number was not seen has none, even if its help text is followed by another number."""
    words = [*card("Billable users", "17", 10, 10), *card("Maximum users", "22", 300, 10)]
    words += [word("Users over License", 600, 10), word("You pay for these", 600, 36), word("99", 600, 62)]
    assert {"billable_users": "17", "maximum_users": "22"} == read(*words)


def test_a_number_that_is_not_under_the_label_does_not_count() -> None:
    """Neither that of a neighbor nor one far below."""
    words = [*card("Billable users", "17", 10, 10), word("Maximum users", 300, 10), word("22", 395, 36, height=36)]
    words += [word("Users over License", 600, 10), word("4", 600, 90, height=36)]
    assert {"billable_users": "17?"} == read(*words)


def test_a_label_with_two_values_has_none() -> None:
    """Such as a present plan and an earlier one, both by a label of that name."""
    words = (word("Plan: Premium", 10, 10), word("Plan: Starter", 10, 44), word("Expires: Nov 6, 2026", 10, 78))
    assert {"expires_on": "2026-11-06"} == read(*words)


def test_the_same_value_twice_is_one() -> None:
    """A page may repeat itself."""
    assert {"plan": "premium"} == read(word("Plan: Premium", 10, 10), word("Plan: Premium", 10, 44))


def test_the_columns_of_a_table_are_no_rows() -> None:
    """A heading's neighbor is another heading."""
    heads = [word(text, 10 + 200 * at, 10) for at, text in enumerate(("Plan", "Started", "Expires", "Users"))]
    cells = [word(text, 10 + 200 * at, 44) for at, text in enumerate(("Starter", "Nov 6, 2024", "Nov 6, 2025", "180"))]
    assert {} == read(*heads, *cells)


@pytest.mark.parametrize(
    ("behind", "expected"),
    [("(trial)", {"plan": "ultimate?"}), ("", {"plan": "ultimate"})],
)
def test_a_plan_with_something_behind_it_is_not_sure(behind: str, expected: dict[str, str]) -> None:
    """A trial is not a paid plan."""
    words = [word("Plan: Ultimate", 10, 10)]
    words += [word(behind, words[0].right + 10, 10)] if behind else []
    assert expected == read(*words)


def test_a_badge_behind_a_date_is_a_badge() -> None:
    """GitLab marks a license that ran out."""
    line = word("Expires: Nov 6, 2026", 10, 10)
    assert {"expires_on": "2026-11-06"} == read(line, word("Expired", line.right + 10, 10))


@pytest.mark.parametrize(
    "text", ["Plan your work", "Planning: Premium", "Users", "Active users", "Seats in subscription"]
)
def test_a_label_is_the_whole_label(text: str) -> None:
    """And a sentence that begins like one is none."""
    assert {} == read(word(text, 10, 10), word("Premium", 300, 10), word("12", 10, 36, height=36))


# -- pages


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (("License overview", "Plan: Premium", "End date: Nov 6, 2026", "Billable users"), "dashboard"),
        (("Plan", "Last sync", "Start date", "End date"), "subscription"),
        (("Users in subscription", "Users over subscription"), "subscription"),
        (("Users in License: 250", "Started: Nov 6, 2025", "Expires: Nov 6, 2026"), "license"),
        (("Plan: Premium", "Expires: Nov 6, 2026"), None),
        (("Billable users",), None),
        (("Seats in subscription", "Max seats used", "Seats owed", "Plan"), None),
        (("Nutzer in der Lizenz", "Abrechenbare Nutzer", "Enddatum", "Tarif"), None),
        ((), None),
    ],
)
def test_a_page_is_known_by_its_labels(texts: tuple[str, ...], expected: str | None) -> None:
    """Two of the values' labels, one of them a number of users or among the page's own words."""
    assert expected == labels.style([word(text, 10, 40 * row) for row, text in enumerate(texts)])
