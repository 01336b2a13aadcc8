"""Which text belongs to which label, by place alone: no image needed."""

from __future__ import annotations

import pytest

from runbook_lib import answers
from runbook_lib.screenshots import labels
from runbook_lib.screenshots.words import Word


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
    assert expected == labels.parsed(name, text)


def test_every_label_stands_for_a_parameter() -> None:
    """Or only ends another's value."""
    assert set(labels.PLACES.values()) - {"", "starts_on"} <= answers.QUESTIONS.keys()


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


@pytest.mark.parametrize("above", [True, False])
def test_cards_have_their_numbers_on_one_side(above: bool) -> None:
    """Stacked without a gap too: the side is that of all cards."""
    names = ("Users in subscription", "Billable users", "Maximum users", "Users over subscription")
    stack = [one for row, name in enumerate(names) for one in card(name, str(row + 10), 10, 64 * row, above=above)]
    found = read(*stack)
    assert ["10", "11", "12", "13"] == [found[name] for name in labels.COUNTS]


def test_a_number_that_could_belong_to_two_labels_is_not_sure() -> None:
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
    """A trial is no plan that anybody pays for."""
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
