"""Rewords cards and errors for a page or a form: labels and answers in place of the parameters that a terminal names.

Steps and errors are worded for the command line. Exact texts, links and what customers wrote are left as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from runbook_lib.display import Card, DecisionPath, Fold, Link, Links, Paragraph, Part, Preview, Table
from runbook_lib.domain import parameters
from runbook_lib.domain.models import Window
from runbook_lib.domain.plain_text import count

Rules = Sequence[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]]

TO_PASS = ("parameter to pass", "meaning")
"""The heads of a table that a form takes the place of."""
_NAMES = "|".join(sorted((name for name in parameters.QUESTIONS if "_" in name), key=len, reverse=True))
_ANY_NAME = "|".join(sorted(parameters.QUESTIONS, key=len, reverse=True))
_SENTENCE = re.compile(r"(?<=[.!?]) (?=\S)")
_ANSWER = r"`runbook answer \d+ \S+ (?:yes|no)`"
_THERE, _ABSENT = "“It is there”", "“It is not there”"
"""What the buttons say that take the answer."""
_RULES: Rules = (
    (
        re.compile(
            rf"Then run (?:{_ANSWER} if it is there, or {_ANSWER}, and run again"
            "|it with --perform: that run takes your answer)"
        ),
        lambda m: f"Then press {_THERE} or {_ABSENT}",
    ),
    (
        re.compile(rf"\b([Rr])un again, or do it by hand and say so: {_ANSWER}"),
        lambda m: (
            f"{'Press' if m[1] == 'R' else 'press'} “Perform and record” again, or do it by hand and press {_THERE}"
        ),
    ),
    (re.compile(rf"\bThen run {_ANSWER}"), lambda m: f"Then press {_THERE}"),
    (re.compile(r"`runbook [^`]*`(?! in a terminal)"), lambda m: f"{m[0]} in a terminal"),  # there is no other way
    (
        re.compile(rf"\b([Pp])ass ({_ANY_NAME}) as (?:True|yes)\b"),
        lambda m: f"{_verb(m, 'answer')} {_label(m[2])} with yes",
    ),
    (
        re.compile(rf"\b([Pp])ass ({_ANY_NAME})\b(?! (?:it|that|the))"),
        lambda m: f"{_verb(m, 'fill in')} {_label(m[2])}",
    ),
    (re.compile(r"\b([Pp])ass (?=it\b|them\b|the\b|what\b|which\b|\d)"), lambda m: f"{_verb(m, 'enter')} "),
    (re.compile(rf"`?\b({_NAMES})\b`?"), lambda m: _label(m[1])),
)


_RULES_TO_READ: Rules = (
    (re.compile(rf"Then run {_ANSWER} if it is there, or {_ANSWER}, and run"), "Say whether it is there, and run"),
    (re.compile(rf"(?<=\bsay so): {_ANSWER}"), ""),
    (re.compile(rf"\bThen run {_ANSWER}"), "Then say that it is there"),
    *_RULES,
)
"""For a page that takes no answer, such as a record."""


def words(said: str, rules: Rules = _RULES) -> str:
    """A sentence that names parameters, reworded for a form."""
    for pattern, reworded in rules:
        said = pattern.sub(reworded, said)
    return said


def title(heading: str) -> str:
    """A step's heading without the workflow's own number, which counts other steps than the line beside it."""
    return re.sub(r"\AStep \d+: ", "", heading)


def card(shown: Card) -> Card:
    """A card as it stands above its form, which asks the questions itself."""
    asked = [part for part in shown.parts if isinstance(part, Table) and tuple(part.heads) == TO_PASS]
    number = sum(len(table.rows) for table in asked)
    state = f"answer {count(number, 'question')}" if number else shown.state
    return replace(shown, state=state, parts=tuple(_part(one) for one in shown.parts if one not in asked))


def without(shown: Card, above: Iterable[Card]) -> Card:
    """A card without the sentences that cards above it have already."""
    said = {sentence for card in above for sentence in _sentences(card.parts)}
    parts: list[Part] = []
    for part in shown.parts:
        if not isinstance(part, Paragraph):
            parts.append(part)
        elif words_left := " ".join(one for one in _SENTENCE.split(part.words) if one not in said):
            parts.append(replace(part, words=words_left))
    return replace(shown, parts=tuple(parts))


def _sentences(parts: Iterable[Part]) -> Iterator[str]:
    for part in parts:
        if isinstance(part, Paragraph):
            yield from _SENTENCE.split(part.words)
        elif isinstance(part, Fold):
            yield from _sentences(part.parts)


def labelled(shown: Card) -> Card:
    """A card as a page shows it that has no form, such as a record: the questions stay, by their labels."""
    return replace(shown, parts=tuple(_part(part, _RULES_TO_READ) for part in shown.parts))


def _part(part: Part, rules: Rules = _RULES) -> Part:
    match part:
        case Paragraph(said, strong):
            return Paragraph(words(said, rules), strong)
        case Table(rows=rows):
            cells = [tuple(one if isinstance(one, Link) else _cell(one, rules) for one in row) for row in rows]
            heads = ("to be answered", "meaning") if tuple(part.heads) == TO_PASS else part.heads
            return replace(part, heads=heads, rows=cells)
        case DecisionPath(stops):
            return DecisionPath([replace(one, evidence=words(one.evidence, rules)) for one in stops])
        case Fold(parts, label):
            return Fold([_part(one, rules) for one in parts], label)
        case Window() | Preview() | Link() | Links():
            return part


def _cell(said: str, rules: Rules) -> str:
    """A table's value; one that is a parameter's name and nothing else is the label of a row."""
    return parameters.label_of(said) if said in parameters.QUESTIONS else words(said, rules)


def _label(name: str) -> str:
    return f"“{parameters.label_of(name)}”"


def _verb(found: re.Match[str], verb: str) -> str:
    return verb.capitalize() if found[1] == "P" else verb
