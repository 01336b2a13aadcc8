"""What the practice tickets' cards say to who has a form: no parameter, no command, no name of an outcome."""

from __future__ import annotations

import re
from html import unescape
from importlib import import_module
from pathlib import Path
from typing import Any

import nbformat
import pytest

from runbook_lib import form_words
from runbook_lib.cases.weekday_triage import WeekdayTriage
from runbook_lib.cases.weekend_license import WeekendLicense
from runbook_lib.display import Card, Paragraph, Preview, Table, Tone
from runbook_lib.domain import parameters
from runbook_lib.domain.errors import RunbookError
from runbook_lib.domain.models import Outcome
from runbook_lib.records.review import Review
from runbook_lib.sandbox.tickets import all_tickets
from tests.cases.walking import Screen, button_of, form_now, plan, run, state
from tests.jupyter.test_answer_buttons import DOWN, lose_the_post, performed
from tests.practice import World
from tests.test_golden import GOLDEN

pytestmark = [pytest.mark.apart, pytest.mark.slow]

NAMES = [outcome for outcome in Outcome if "_" in outcome]
KINDS = ("text/html", "text/plain")
COMMANDS = r"\brunbook (?:run|answer|journal|keys|records|license|doctor)\b"
FOR_PROGRAMS = re.compile(
    "|".join((*(rf"\b{name}\b" for name in parameters.QUESTIONS if "_" in name), *NAMES, COMMANDS, " -p "))
)


def test_cards_have_no_program_words(here: World, screen: Screen) -> None:
    """Walked through as far as each practice ticket goes without an answer."""
    found, case_of = {}, case_classes()
    for ticket in all_tickets():
        shown = walked(case_of[ticket.id // 1000], ticket.id, screen)
        for place, words in enumerate(shown):
            if words.startswith("[answer above]") and (again := sentences(words) & sentences(*shown[:place])):
                found[ticket.id, words.partition("\n")[0]] = sorted(again)
            said = "\n".join(line for line in words.splitlines() if not line.lstrip().startswith("|"))
            if names := FOR_PROGRAMS.findall(said):
                found[ticket.id, said.partition("\n")[0]] = sorted(set(names))
    assert not found, "\n".join(f"{place}: {names}" for place, names in found.items())


def case_classes() -> dict[int, Any]:
    """The class of the runbook that practice tickets come to first, by the first digit of their numbers."""
    expected = {(ticket.id // 1000, one.through or one.runbook) for ticket in all_tickets() if (one := ticket.expected)}
    modules = {digit: import_module(f"runbook_lib.cases.{name}") for digit, name in expected}
    assert len(modules) == len(expected), "one runbook for each digit"
    return {
        digit: next(
            one for one in vars(module).values() if getattr(one, "runbook", "") == module.__name__.split(".")[-1]
        )
        for digit, module in modules.items()
    }


IN_A_TERMINAL = r"in a terminal: runbook [a-z]+ \S+ \S+ yes"
"""What a page may say where there is no other way."""


def test_no_page_has_words_for_programs_after_a_press(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor has the review of those runs: one whose post is not done, one whose post is unknown, one that waits."""
    monkeypatch.setenv("RUNBOOK_SETTLE_S", "1")
    here.inject("slack", **DOWN)
    failed = performed(WeekdayTriage, 2001)
    waits = performed(WeekendLicense, 1002)
    here.clear_faults()
    lose_the_post(here)
    cases = (failed, waits, performed(WeekendLicense, 1001))
    pages = [in_page(one.outputs[0]["data"]["text/html"]) for case in cases for one in outputs_of(case)]
    pages += [in_page(row.children[0].value) for case in cases for row in button_of(case).answers.box.children]
    monkeypatch.setattr("IPython.get_ipython", lambda: None)
    review = Review.open(since="2020-01-01")
    steps = (review.filters, review.runs, review.people, review.trends, review.open_ends, review.timeline)
    pages += [in_page(shown._repr_mimebundle_()["text/html"]) for shown in (review, *(step() for step in steps))]
    for words in (
        "Expert post: not done.",
        "Slack post: is it there?",
        "Nobody knows whether the slack post is there.",
    ):
        assert [page for page in pages if words in page], words
    assert [] == [(found, page) for page in pages if (found := FOR_PROGRAMS.findall(page))]
    assert "runbook answer 1001 slack_post yes" in " ".join(repr(review.open_ends()).split())


def outputs_of(case: Any) -> list[Any]:
    """What stands above and below the button."""
    widget = button_of(case).widget
    return [widget.description, widget.output]


def in_page(html: str) -> str:
    """What a page says, but for the exact texts and what only a terminal can do."""
    said = unescape(re.sub("<[^>]*>", " ", re.sub("<pre.*?</pre>", "", html, flags=re.DOTALL)))
    return re.sub(IN_A_TERMINAL, "", " ".join(said.split()))


def test_records_have_outcomes_as_words() -> None:
    """In what people read of them; what programs read keeps the names. No sentence is about the cells below."""
    outputs = [out for path in GOLDEN.glob("*.ipynb") for cell in cells(path) for out in cell.get("outputs", [])]
    said = [words for out in outputs for kind, words in out.get("data", {}).items() if kind.startswith("text/")]
    assert len(said) > 100
    assert [] == [words[:200] for words in said if re.search("|".join((*NAMES, "steps below")), words)]


def test_pages_of_records_have_questions_as_labels() -> None:
    """But for the exact texts and the command; a terminal names the parameter."""
    outputs = [out for path in GOLDEN.glob("*.ipynb") for cell in cells(path) for out in cell.get("outputs", [])]
    pages, texts = ([out["data"][kind] for out in outputs if kind in out.get("data", {})] for kind in KINDS)
    names = re.compile("|".join(rf"\b{name}\b" for name in parameters.QUESTIONS if "_" in name))
    assert [] == [
        found for page in pages if (found := names.findall(re.sub("<pre.*?</pre>", "", page, flags=re.DOTALL)))
    ]
    assert [words for words in texts if names.search(words)]


def cells(path: Path) -> Any:
    """The cells of a notebook."""
    return nbformat.read(path, as_version=4).cells


def walked(runbook: Any, ticket_id: int, screen: Screen) -> list[str]:
    """The cards of a ticket, its plan and its state."""
    screen.clear()
    try:
        case = runbook.open(ticket_id)
    except RunbookError:
        return []
    shown = [state(case)]
    try:
        run(case)
        shown += [plan(case), state(case)]
    except RunbookError:
        shown.append(state(case))
    return [*screen.cards.values(), *shown, *(text for text in notes(case))]


def sentences(*cards: str) -> set[str]:
    """The sentences of cards below their heads."""
    said = [" ".join(card.partition("\n")[2].split()) for card in cards]
    return {sentence for words in said for sentence in re.findall(r"[^.]{20,}\. ", f"{words} ")}


def notes(case: Any) -> list[str]:
    """What stands beside the fields of the forms."""
    forms = [form_now(case, name) for name in case.order]
    return [row.message for form in forms if form for row in form.rows.values()]


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("Talk to them; to take it over, pass take_over as True.", "answer “Take it over” with yes"),
        (
            "Run again, or do it by hand and say so: `runbook answer 1 reply yes`.",
            "do it by hand and press “It is there”.",
        ),
        ("Look. Then run it with --perform: that run takes your answer.", "Look. Then press “It is there” or"),
        ("Run `runbook keys rotate`; what is pushed stays.", "Run `runbook keys rotate` in a terminal; what is pushed"),
        ("Pass expires_on.", "Fill in “Expired on”."),
        ("Read them off the images and pass them.", "and enter them."),
        ("The plan is paid, and a pass is no ticket.", "The plan is paid, and a pass is no ticket."),
    ],
)
def test_sentence_names_what_the_form_has(said: str, heard: str) -> None:
    """Ordinary words that are parameters elsewhere stay."""
    assert heard in form_words.words(said)


def test_record_names_no_button() -> None:
    """It takes no answer."""
    said = "Run again, or do it by hand and say so: `runbook answer 1 reply yes`."
    (part,) = form_words.labelled(Card("Step", "done", Tone.ASK, "", (Paragraph(said),))).parts
    assert Paragraph("Run again, or do it by hand and say so.") == part


def test_card_counts_its_questions() -> None:
    """The form asks them itself; what a customer wrote is left as it is."""
    written = Preview("first message", "pass take_over as True")
    one, two = (Table(form_words.TO_PASS, [("plan", "the plan")] * number) for number in (1, 2))
    for table, words in ((one, "answer 1 question"), (two, "answer 2 questions")):
        heard = form_words.card(Card("Step", "needs you", Tone.ASK, "", (Paragraph("Pass plan."), table, written)))
        assert (words, (Paragraph("Fill in “Plan”."), written)) == (heard.state, heard.parts)
