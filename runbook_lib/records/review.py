"""The review of all records: what `review_records.ipynb` calls. Each method is one cell; nothing is changed.

The filters come from the notebook's parameters, and in JupyterLab from the form that they fill in. A journal
that cannot be relied on, or an odd file, is named, and the rest is shown all the same.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any, Self

from IPython.display import display

from runbook_lib.card_html import html
from runbook_lib.display import Card, Fold, Paragraph, Part, Table, Tone, text
from runbook_lib.domain.errors import InputError, RunbookError
from runbook_lib.domain.models import Outcome, Status
from runbook_lib.domain.plain_text import clean, count, listed
from runbook_lib.domain.state_words import ending_words
from runbook_lib.form_words import labelled
from runbook_lib.jupyter.forms import Field, Form
from runbook_lib.ledger.journal import Journal
from runbook_lib.ledger.mirror import freshness
from runbook_lib.records import filters, plots, review_rows
from runbook_lib.records.archive import Archive
from runbook_lib.records.case_facts import CaseFacts, case_facts
from runbook_lib.records.findings import Finding, Verification
from runbook_lib.records.open_ends import OpenEnd, first_sentence, open_ends, tickets_words
from runbook_lib.records.runs import Run, RunFilter, State
from runbook_lib.records.verification import Verifier
from runbook_lib.results import StepResult, is_interactive, show
from runbook_lib.run.intake import REVIEW
from runbook_lib.settings import Settings

MOST_ROWS = 200
"""As many rows as a table shows; the rest is counted."""
_KEPT = (State.SEALED, State.ADOPTED, State.UNSEALED, State.SET_ASIDE)


@dataclass(frozen=True)
class ReviewResult(StepResult):
    """A result that may be a form in JupyterLab, or be said on a page in other words than in a terminal."""

    form: Form | None = None
    page: tuple[Part, ...] = ()

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        found = {**(self.form.view if self.form else {}), **super()._repr_mimebundle_()}
        if self.page:
            found["text/html"] = html(labelled(replace(self.card, parts=self.page)))
        return found


def _step(title: str) -> Callable[[Callable[[Review], StepResult]], Callable[[Review], StepResult]]:
    """Make a method a step: its result gets its title and name, and what stops it is shown as one sentence."""

    def wrap(method: Callable[[Review], StepResult]) -> Callable[[Review], StepResult]:
        @functools.wraps(method)
        def run(review: Review) -> StepResult:
            try:
                found = method(review)
            except RunbookError as exc:
                show(_stopped(title, review.badge, exc))
                raise
            card = replace(found.card, title=title, is_headed=True)
            return replace(found, card=card, data={**found.data, "step": method.__name__})

        return run

    return wrap


class Review:
    """The runs of all tickets. Open it with `open`, then call the steps; the first makes the form of the filters."""

    def __init__(self, settings: Settings, values: Mapping[str, str], *, ticket_notes: bool = False) -> None:
        self.settings = settings
        self.archive = Archive.of(settings)
        self.form: Form | None = None
        self._values = values
        self._ticket_notes = ticket_notes
        ledgers = self.archive.listed()
        self._problems = self.archive.defects(ledgers)
        self._runs = [run for ledger in ledgers for run in ledger.runs]
        self._tickets = len(ledgers)
        self._facts: dict[tuple[int, str | None], CaseFacts] = {}

    @classmethod
    def open(cls, *, ticket_notes: object = False, **given: object) -> Self:
        """Read all journals, and get ready.

        Raises:
            InputError: A parameter or a setting is impossible; shown as one sentence.
        """
        try:
            values = filters.checked(given, datetime.now(UTC).date())
            notes = bool(filters.TICKET_NOTES.parse(ticket_notes))
            return cls(Settings.local(), values, ticket_notes=notes)
        except RunbookError as exc:
            show(_stopped("Open the records", "", exc))
            raise

    @property
    def badge(self) -> str:
        return f"{'LIVE' if self.settings.profile == 'live' else 'PRACTICE'} · only reads"

    @property
    def wanted(self) -> RunFilter:
        """Which runs are selected now. Raises InputError if what is entered in the form is impossible."""
        return filters.wanted(self._entered)

    @property
    def _entered(self) -> Mapping[str, str]:
        return self.form.values if self.form else self._values

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return self._opened()._repr_mimebundle_()

    def __repr__(self) -> str:
        return repr(self._opened())

    def _opened(self) -> StepResult:
        wanted = self.wanted
        counts = _counts(self._runs) | {"tickets": self._tickets}
        those = _counts([run for run in self._runs if wanted.matches(run)])
        rows = [(name, str(counts[name]), str(those[name])) for name in counts]
        table = Table(("", "all", "selected"), rows)
        parts: tuple[Part, ...] = (table, Paragraph(f"Selected: {filters.words(wanted)}."))
        if not self._runs:
            words = f"There is no run in {self.archive.folder} yet. The first run leaves the first record."
            parts = (Paragraph(words, strong=True),)
        if self.settings.share:
            parts += (Paragraph(freshness(self.settings.share, self.archive.folder)),)
        if self._problems:
            parts += (Paragraph("What cannot be relied on is left out, and named here:", strong=True),)
            named = self._problems[:MOST_ROWS]
            parts += tuple(Paragraph(f"{one.ticket}, {one.code}: {first_sentence(one.words)}") for one in named)
            parts += _rest(self._problems)
        state, tone = ("read", Tone.PLAIN) if not self._problems else ("read, but for some", Tone.ASK)
        words = f"{listed([count(counts[f'{noun}s'], noun) for noun in ('ticket', 'run', 'record')])}."
        data = {"counts": counts, "asked_for": those, "problems": [problem.as_problem for problem in self._problems]}
        found = self._result(state, tone, parts, words, step="open", **data)
        return replace(found, card=replace(found.card, title="Records"))

    @_step("Choose what to review")
    def filters(self) -> StepResult:
        if is_interactive() and self.form is None:
            self.form = Form(self._fields(), summarize=self._selected_words)
        rows = [(name, self._entered[name] or "all", question.words) for name, question in filters.FILTERS.items()]
        table = Table(("filter", "value", "meaning"), rows)
        return replace(self._result("chosen", Tone.PLAIN, (table,), "The filters."), form=self.form)

    @_step("Runs")
    def runs(self) -> StepResult:
        found = self._found()
        if not found:
            return self._nothing()
        shown = found[:MOST_ROWS]
        first = [run for run in shown if not review_rows.is_secondary(run)] or shown
        aside = [run for run in shown if review_rows.is_secondary(run)] if first is not shown else []
        table, folded = (review_rows.runs_table(some, self._case_facts, self.archive.folder) for some in (first, aside))
        label = count(len(aside), "rehearsal or hand-over", "rehearsals and hand-overs")
        parts = (self._line(len(found)), table, *((Fold((folded,), label),) if aside else ()), *_rest(found))
        plain = [run.plain for run in shown]
        return self._result("listed", Tone.PLAIN, parts, f"{count(len(found), 'run')}.", total=len(found), runs=plain)

    @_step("Who is on what")
    def people(self) -> StepResult:
        table = review_rows.people_table(self._runs, self._found(), self._open())
        if not table.rows:
            return self._nothing()
        words = f"{count(len(table.rows), 'engineer')}. Open ends are of whatever day."
        rows = [dict(zip(table.heads, row, strict=True)) for row in table.rows]
        return self._result("listed", Tone.PLAIN, (table,), words, people=rows)

    @_step("Outcomes and durations")
    def trends(self) -> StepResult:
        wanted, found = self.wanted, self._found()
        trend = plots.trend(found, wanted.since, wanted.until)
        if not trend.starts:
            return self._nothing()
        parts: tuple[Part, ...] = (self._line(len(found)),)
        if trend.ends:
            parts += (Paragraph("Cases by how they ended", strong=True), plots.ends_table(trend))
        parts += (Paragraph("How long runs took", strong=True), plots.durations_table(trend))
        words = "Only performed runs end a case, and a case counts once for each way that it ended."
        parts += (Paragraph(f"{words} A {trend.step} without any is left out of the tables."),)
        took = [duration and vars(duration) for duration in trend.durations]
        data = {"by": trend.step, "starts": trend.starts, "ends": trend.ends, "durations": took}
        result = self._result("counted", Tone.PLAIN, parts, f"{count(len(found), 'run')} by {trend.step}.", **data)
        said = text(replace(result.card, title="Outcomes and durations, a picture"))
        picture, size = {"image/png": plots.png(trend), "text/plain": said}, {"image/png": {"width": plots.WIDTH_PX}}
        display(picture, raw=True, metadata=size)  # type: ignore[no-untyped-call]
        return result

    @_step("Open ends")
    def open_ends(self) -> StepResult:
        found = self._open()
        if not found:
            words = "Nothing is open: no run waits for an answer, failed, was interrupted or left a file unsealed, and "
            words += "no case waits for a customer, an expert, another runbook or its performing."
            parts: tuple[Part, ...] = (Paragraph(words, strong=True),)
            if self._problems:
                parts += (Paragraph("What was named above as not to be relied on is not counted."),)
            tone = Tone.ASK if self._problems else Tone.GOOD
            return self._result("none", tone, parts, words, open_ends=[])
        words = tickets_words(found)
        table = functools.partial(review_rows.open_ends_table, found[:MOST_ROWS], self._case_facts, datetime.now(UTC))
        above = Paragraph(f"{words} The period does not count here: what is open stays open.")
        page, parts = ((above, table(for_page=for_page), *_rest(found)) for for_page in (True, False))
        names = ("ticket_id", "record", "runbook", "operator")
        plain = [
            {name: getattr(end.run, name) for name in names} | {"kind": end.kind, "command": end.command}
            for end in found
        ]
        return replace(self._result(words.partition(" (")[0], Tone.ASK, parts, words, open_ends=plain), page=page)

    @_step("Timeline of a ticket")
    def timeline(self) -> StepResult:
        ticket_id, why = self._ticket_to_show()
        if ticket_id is None:
            return self._nothing()
        head = f"Ticket {ticket_id}, {why}."
        try:
            entries = Journal.of(self.settings, ticket_id).entries()
        except InputError as exc:
            words = f"{first_sentence(str(exc))} Tell the owner of the machine that it came from."
            return self._result("cannot be relied on", Tone.STOP, (Paragraph(head), Paragraph(words)), words)
        moments = review_rows.timeline(entries)
        if not moments:
            words = f"{head} It has no journal here."
            return self._result("nothing", Tone.PLAIN, (Paragraph(words),), words)
        rows = [(moment.at, moment.who or review_rows.NONE, moment.words, moment.detail) for moment in moments]
        heads = ("when (UTC)", "who", "what happened", "what it rests on")
        table = Table(heads, rows[-MOST_ROWS:], whole=(2,))
        left_out = len(rows) - MOST_ROWS
        above = (Paragraph(head), *((Paragraph(f"{left_out} earlier lines are left out."),) if left_out > 0 else ()))
        ends = [end for end in self._open() if end.run.ticket_id == ticket_id]
        page, parts = (
            (*above, table, *(Paragraph(f"Still open ({end.kind}): {words}", strong=True) for end, words in said))
            for said in ([(end, end.page_words) for end in ends], [(end, end.command) for end in ends])
        )
        story = [vars(moment) for moment in moments]
        return replace(self._result("shown", Tone.PLAIN, parts, head, ticket=ticket_id, story=story), page=page)

    @_step("Verification")
    def verification(self) -> StepResult:
        """Whether the records are what was sealed; with `ticket_notes` also what the tickets keep of them."""
        verifier, wanted = Verifier(self.archive, keeps=True), self.wanted.tickets
        tickets = wanted or self.archive.tickets()
        looked_at = verifier.tickets(wanted) if wanted else verifier.everything()
        noted, not_compared = self._notes(verifier, tickets)
        verified = Verification.of([looked_at], noted)
        runs = [run for one in verifier.ledgers(tickets) for run in one.runs]  # what was verified, not the index
        defects, findings, words = verified.defects, verified.findings, review_rows.verdict(verified, runs)
        state = count(defects, "defect") if defects else "All is well"
        parts: tuple[Part, ...] = (
            Paragraph(words, strong=True),
            Paragraph(verified.words),
            *map(Paragraph, not_compared),
        )
        if findings:
            rows = [(finding.ticket, finding.code, first_sentence(finding.words)) for finding in findings[:MOST_ROWS]]
            parts += (Table(("ticket", "what", "in words"), rows, whole=(0, 1)), *_rest(findings))
        tone = Tone.STOP if defects else Tone.ASK if not_compared else Tone.GOOD
        return self._result(state.lower(), tone, parts, words, not_compared=not_compared, **verified.plain)

    def _notes(self, verifier: Verifier, tickets: Sequence[int]) -> tuple[list[Finding], list[str]]:
        if not self._ticket_notes:
            return [], []
        try:
            return verifier.ticket_notes(tickets), []
        except RunbookError as exc:
            return [], [f"The notes on the tickets were not compared. {exc}"]

    def _found(self) -> list[Run]:
        wanted = self.wanted
        return sorted((run for run in self._runs if wanted.matches(run)), key=Run.start, reverse=True)

    def _case_facts(self, run: Run) -> CaseFacts:
        key = (run.ticket_id, run.record)
        if key not in self._facts:
            self._facts[key] = case_facts(run, self.archive.folder / str(run.ticket_id))
        return self._facts[key]

    def _open(self) -> list[OpenEnd]:
        wanted = replace(self.wanted, since=None, until=None)
        return open_ends(filter(wanted.matches, self._runs), self.archive.folder, self.archive.profile)

    def _ticket_to_show(self) -> tuple[int | None, str]:
        """The ticket whose timeline is shown, and why this one."""
        if tickets := self.wanted.tickets:
            return tickets[0], "as asked for"
        if found := self._open():
            newest_end = max(found, key=lambda end: end.run.start())
            return newest_end.run.ticket_id, "which has the newest open end"
        newest = self._found()[:1]
        return (newest[0].ticket_id, "which has the newest run; nothing is open") if newest else (None, "")

    def _fields(self) -> list[Field]:
        of_runs = {name: {getattr(run, name) for run in self._runs} for name in ("runbook", "operator")}
        choices: dict[str, Sequence[str]] = {name: sorted(found - {""}) for name, found in of_runs.items()}
        choices |= {"outcome": [*map(ending_words, Outcome)], "status": [*map(ending_words, Status)]}
        found = {**self._values, **{one: ending_words(self._values[one]) for one in ("outcome", "status")}}
        return [
            Field(name, name, choices.get(name, ()), found[name], hint="all", check=one.reading)
            for name, one in filters.FILTERS.items()
        ]

    def _selected_words(self, values: Mapping[str, str]) -> str:
        """How many runs the entered filters select, or what is wrong with them."""
        try:
            wanted = filters.wanted(values)
        except InputError as exc:
            return str(exc)
        selected = sum(wanted.matches(run) for run in self._runs)
        return f"{selected} of {len(self._runs)} runs. Run the cells below to see them."

    def _line(self, number: int) -> Paragraph:
        return Paragraph(f"{count(number, 'run')}: {filters.words(self.wanted)}.")

    def _nothing(self) -> StepResult:
        words = f"No run is selected: {filters.words(self.wanted)}. Choose a longer period, or fewer filters."
        if not self._runs:
            words = "There is no run yet, so there is nothing to show."
        return self._result("nothing", Tone.PLAIN, (Paragraph(words),), words)

    def _result(self, state: str, tone: Tone, parts: tuple[Part, ...], summary: str, **data: Any) -> ReviewResult:
        card = Card("", state, tone, self.badge, parts)
        return ReviewResult(card, _data(state, summary, asked=vars(self.wanted), **data))


def _counts(runs: Sequence[Run]) -> dict[str, int]:
    kept = sum(run.record is not None and run.state in _KEPT for run in runs)
    return {"tickets": len({run.ticket_id for run in runs}), "runs": len(runs), "records": kept}


def _data(state: str, summary: str, **more: Any) -> dict[str, Any]:
    """What each result gives to a program, as a case's steps do."""
    about = {"version": 1, "runbook": REVIEW, "ticket_id": None, "performed": False, "outcome": None, "effects": []}
    return {**about, "state": state, "summary": summary, **_harmless(more)}


def _stopped(title: str, badge: str, exc: RunbookError) -> StepResult:
    card = Card(title, "stopped", Tone.STOP, badge, (Paragraph(str(exc), strong=True),), is_headed=True)
    return StepResult(card, _data("failed", str(exc), step=title, error=type(exc).__name__))


def _rest(everything: Sequence[object]) -> tuple[Part, ...]:
    """A word on the rows that a table has no place for."""
    more = len(everything) - MOST_ROWS
    words = "more are left out here. Shorten the period, or choose one ticket."
    return (Paragraph(f"{more} {words}"),) if more > 0 else ()


def _harmless(value: Any) -> Any:
    """Plain data that any JSON takes: texts without half characters, dates as text."""
    if isinstance(value, str):
        return clean(value, 2000)
    if isinstance(value, Mapping):
        return {name: _harmless(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_harmless(item) for item in value]
    return value.isoformat() if isinstance(value, date) else value
