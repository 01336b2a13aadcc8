"""The answers of a case to the weekday decision tree: those of a CustomersDot page, or the engineer's, which overrides.

Where the two differ, both are kept. The tree itself, and the way through it, is in `triage`.
"""

from __future__ import annotations

from collections.abc import Iterable

from runbook_lib.cases.base import Case
from runbook_lib.clients.customersdot import ACCOUNTS, SEAT_LINKS, list_page
from runbook_lib.display import DecisionPath, Link, Paragraph, Part, Stop, Table, Tone
from runbook_lib.domain import parameters, triage
from runbook_lib.domain.errors import NeedsAnswerError
from runbook_lib.domain.models import Answer, Outcome, Source
from runbook_lib.domain.plain_text import clean
from runbook_lib.form_words import TO_PASS
from runbook_lib.results import StepResult

PARAMETERS = {
    "cdot": "has_account",
    "sub": "has_access",
    "license": "subscription",
    "seat_link": "entry_today",
    "sub_status": "entry_today",
}
"""The parameter that answers a node, in the order of the path."""
_NO = {
    "cdot": "the requester has no CustomersDot account",
    "sub": "the requester's CustomersDot account has no access to the subscription",
    "sub_status": "the Seat Link page has no entry with the current date",
}
"""What a *no* means, as a sentence."""
_OPEN = {
    "cdot": "it is not known whether the requester has a CustomersDot account",
    "sub": "it is not known whether the requester's CustomersDot account has access to the subscription",
    "license": "it is not known which subscription the ticket is about",
    "sub_status": "it is not known whether the Seat Link page has an entry with the current date",
}
"""What it means that a question has no answer."""


class TreeAnswers:
    """The answers of one case, as far as its path has come."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self.replies: dict[str, triage.Reply] = {}  # by the tree's node
        self.subscription: str | None = None  # the subscription's name, once it is known

    @property
    def path(self) -> triage.Path:
        return triage.walk(self.replies)

    def not_reached(self, node: str) -> StepResult | None:
        """The result of a step whose question the path has not reached, or None. Drops its earlier answer."""
        places = list(PARAMETERS)
        for later in places[places.index(node) :]:
            self.replies.pop(later, None)
        open_at = self.path.open_at
        if open_at is not None and open_at.id == node:
            return None
        words = "Not asked: an answer above leads to an expert already."
        if open_at is not None:
            words = f"Not asked yet: {_OPEN[open_at.id]}."
        return self._case.card("not reached", Tone.PLAIN, words, strong=False)

    def answer(self, node: str, raw: object, page: tuple[Answer, str] | None, parts: Iterable[Part]) -> StepResult:
        """Settle a yes-or-no question.

        Args:
            node: The question.
            raw: The engineer's answer, as passed.
            page: The page's answer, and what it shows; None if it could not be read.
            parts: What the card shows of the page.
        """
        given = parameters.parse(PARAMETERS[node], raw)
        if waiting := self.not_reached(node):
            return waiting
        if given is not None:
            answer, shown = Answer(str(given)), page[1] if page else ""
            differs = f"CustomersDot shows otherwise: {shown}" if page and page[0] is not answer else ""
            evidence = f"CustomersDot agrees: {shown}" if page and not differs else "answered by hand"
            return self.keep(triage.Reply(node, answer, Source.ENGINEER, evidence, differs), parts)
        if page is not None:
            return self.keep(triage.Reply(node, page[0], Source.CUSTOMERSDOT, page[1]), parts)
        return self.still_open(node, self._case.known.purchases.trouble or "Nobody has looked yet.", parts)

    def keep(self, reply: triage.Reply, parts: Iterable[Part]) -> StepResult:
        self.replies[reply.node] = reply
        state = "found" if reply.node == "license" else str(reply.answer)
        words = f"{state.capitalize()} ({reply.source}): {clean(reply.evidence)}."
        if reply.differs:
            parts = (Paragraph(f"The two differ, and the engineer decides. {clean(reply.differs)}."), *parts)
        tone = Tone.ASK if reply.differs or reply.answer is Answer.NO else Tone.GOOD
        return self._case.card(state, tone, words, *parts, reply=_data(reply))

    def still_open(self, node: str, why: str, parts: Iterable[Part]) -> StepResult:
        """A question without an answer: where to look, what to type there, and which parameter to pass."""
        name, (page, value) = PARAMETERS[node], self._page_of(node)
        where = (Link("Look here", page), Paragraph(f"Type into its search: {value}")) if page else ()
        meaning = Table(TO_PASS, [(name, parameters.QUESTIONS[name].words)], in_view=True)
        return self._case.card("open", Tone.ASK, why, *parts, *where, meaning, asks=(name,), missing=[name])

    def question(self, node: triage.Node) -> NeedsAnswerError:
        """The error for a question without an answer when the case is decided."""
        name, (page, value) = PARAMETERS[node.id], self._page_of(node.id)
        where = f" Look at {page} and search for {value}." if page else ""
        return NeedsAnswerError(
            f"{_sentence(_OPEN[node.id])}{where} Pass {name}; if you cannot look, pass escalate as True, and an "
            "expert goes on from here.",
            missing=(name, "escalate"),
        )

    @property
    def drawn(self) -> DecisionPath:
        return DecisionPath([_stop(visit) for visit in self.path.visits])

    @property
    def data(self) -> list[dict[str, object]]:
        """The path as a program reads it."""
        taken = [visit for visit in self.path.visits if visit.taken]
        return [{"node": v.node.id, "words": v.node.words, **(_data(v.reply) if v.reply else {})} for v in taken]

    def lines(self, decision: Outcome | None) -> list[str]:
        """The path and the decision, without any text from a customer."""
        path = self.path
        replied = [(v.node, v.reply) for v in path.visits if v.taken and v.reply]
        lines = [f"{node.words} {_word(node, reply)} ({reply.source}{_other_page(reply)})" for node, reply in replied]
        if path.open_at is not None:
            lines.append(f"{path.open_at.words} not known")
        elif path.outcome is not decision:
            lines.append("The engineer asks for an expert all the same")
        return lines

    def why(self, decision: Outcome | None) -> str:
        """Why an expert is needed, as a sentence after a colon."""
        path = self.path
        if path.open_at is not None:
            return f"{_OPEN[path.open_at.id]}."
        if path.outcome is not decision:
            return "the engineer asks for one, although the tree says that the issue has resolved itself."
        last = next(reply for reply in self.replies.values() if reply.answer is Answer.NO)
        return f"{_NO[last.node]} (source: {last.source}{_other_page(last)})."

    @property
    def differing(self) -> list[str]:
        """The engineer's answers that differ from what CustomersDot shows."""
        return [_differing(reply) for reply in self.replies.values() if reply.differs]

    def _page_of(self, node: str) -> tuple[str, str]:
        """The page that answers a question, and what to type there; "" if it is not known."""
        url, email = self._case.settings.customersdot_url, self._case.known.email
        if node in ("seat_link", "sub_status") and self.subscription:
            return list_page(url, SEAT_LINKS, self.subscription), self.subscription
        return (list_page(url, ACCOUNTS, email), email) if email else ("", "")


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."


def _word(node: triage.Node, reply: triage.Reply) -> str:
    return "done" if node.kind is triage.NodeKind.LOOKUP else str(reply.answer)


def _other_page(reply: triage.Reply) -> str:
    return "; the page says otherwise" if reply.differs else ""


def _stop(visit: triage.Visit) -> Stop:
    reply = visit.reply
    if reply is None:
        return Stop(visit.node.words, visit.taken)
    differs = f" {reply.differs}." if reply.differs else ""
    return Stop(visit.node.words, visit.taken, _word(visit.node, reply), f"{reply.source}: {reply.evidence}.{differs}")


def _differing(reply: triage.Reply) -> str:
    if reply.node == "license":
        return f"The engineer named {clean(reply.evidence)}, but {clean(reply.differs)}."
    question = next(node.words for node in triage.NODES if node.id == reply.node)
    return f"Asked “{question}” the engineer answered {reply.answer}, but {clean(reply.differs)}."


def _data(reply: triage.Reply) -> dict[str, object]:
    return {name: getattr(reply, name) for name in ("answer", "source", "evidence", "differs")}
