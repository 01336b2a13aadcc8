"""The weekend emergency: confirm the subscription, issue the 10-day trial license, tell customer and team.

Source: weekend seed. The steps are those of the document, in its order. The rules are in `policy`, the texts in
`messages`, sending exactly once in `effects`.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import ClassVar, cast

from runbook_lib import files
from runbook_lib.cases import changes, first_steps, scope
from runbook_lib.cases.base import Case, Prefill
from runbook_lib.cases.cards import effect_data, effect_parts, effect_state
from runbook_lib.cases.changes import apply, look
from runbook_lib.cases.closing import closing_card
from runbook_lib.cases.issuing import OrderFollower, OrderReader, check_card
from runbook_lib.cases.knowledge import Issuance
from runbook_lib.cases.license_files import load_public_key
from runbook_lib.cases.pictures import Images, sorted_images
from runbook_lib.cases.steps import step
from runbook_lib.cases.thread import by_customer
from runbook_lib.cases.tracker import Tracker, recipient
from runbook_lib.cases.unread import check_before_asking
from runbook_lib.changes.guards import check_reply_arrives
from runbook_lib.display import Link, Paragraph, Part, Preview, Table, Tone
from runbook_lib.domain import evidence, finder, messages, orders, parameters, policy
from runbook_lib.domain.errors import InputError, NeedsAnswerError, OutcomeUnknownError
from runbook_lib.domain.models import EffectState, Outcome, SeatAdvice, Source, Ticket, Verdict
from runbook_lib.domain.plain_text import clean, count, listed
from runbook_lib.domain.plan import LATER_FINGERPRINT, LATER_LINK, ToCome
from runbook_lib.results import StepResult


class WeekendLicense(Case):
    """An emergency of a self-managed customer on a weekend.

    Attributes:
        hint: What else the tracker says of this customer's licenses, or "".
        chosen: The engineer's own user count, if there is one: no figure has to be known then.
        written: That the customer writes of more users, or "".
    """

    runbook: ClassVar[str] = "weekend_license"
    issuance: Issuance | None = None
    hint = ""
    chosen: int | None = None
    written = ""

    take = first_steps.take
    collect_facts = first_steps.collect_facts
    confirm_identity = first_steps.confirm_identity
    decide_scope = first_steps.decide_scope

    @step("Step 1: Confirm customer subscription")
    def confirm_subscription(
        self,
        *,
        screenshots: object = parameters.UNKNOWN,
        ask_customer: object = False,
        user_count: object = parameters.UNKNOWN,
    ) -> StepResult:
        """Add the given screenshots to the ticket, or ask the customer for both if something is not known.

        Raises:
            NeedsAnswerError: There are images on the ticket, and a person has to read the values off them; or the
                customer may have written that nothing is needed.
        """
        parts: tuple[Part, ...] = ()
        paths = parameters.parse("screenshots", screenshots)
        if paths is not None:
            done = apply(self, changes.screenshots(self, cast(tuple[str, ...], paths)))
            parts = effect_parts(done)
        self.chosen = cast(int | None, parameters.parse("user_count", user_count))
        missing = self._missing()
        if self.known.existing_license or not missing:
            words = "The subscription is confirmed by the facts above; nothing has to be asked."
            return self.card("confirmed", Tone.GOOD, words, *parts, *self._unbacked(paths), strong=False)
        ask = parameters.parse("ask_customer", ask_customer)
        images = self._images()
        if (images.names or paths is not None) and not ask:
            seen = ", ".join(images.names) or "the added screenshots"
            aside = "".join(f" {note}" for note in images.notes)
            raise NeedsAnswerError(
                f"Read {listed(missing)} off the images on the ticket ({seen}) and pass them. "
                f"If they do not show it, pass ask_customer as True.{aside}",
                missing=(*missing, "ask_customer"),
            )
        if not ask:
            if is_over := scope.question(self.known, ("installed_license",)):
                raise is_over
            check_before_asking(self.known.unread, self.facts, missing)
        request, summary = messages.screenshots_request(), "public reply that asks the customer for both screenshots"
        asked = apply(self, changes.reply(self, "screenshots_request", request, summary=summary))
        self.steps.end(Outcome.WAITING_FOR_CUSTOMER, ToCome(asked.name, "The customer will be asked for screenshots"))
        verb = "would be" if asked.state is EffectState.PLANNED else "were"
        words = f"Waiting for the customer: both screenshots {verb} asked for, to learn {listed(missing)}."
        parts = (*effect_parts(asked), *map(Paragraph, images.notes))
        parts += (Preview("public reply", request),)
        return self.card(effect_state(asked), Tone.ASK, words, *parts, missing=missing)

    @step("Choose the user count")
    def choose_users(self, *, user_count: object = parameters.UNKNOWN) -> StepResult:
        """Suggest the user count, with the reason; the engineer's number overrides it if the instance accepts it.

        Raises:
            NeedsAnswerError: No figure is known, or only the customer's evidence has one, or it is above our records.
            InputError: The given count would be refused by the customer's instance.
        """
        chosen = cast(int | None, parameters.parse("user_count", user_count))
        if self.known.existing_license and self.known.existing_license.users:
            return self._users_of(self.known.existing_license, chosen)
        advice = self._advice()
        highest, figure = max((cast(int, self.facts.value(name) or 0), name) for name in policy.COUNTED)
        if chosen and policy.accepted_users(chosen) < highest:
            raise InputError(
                f"user_count is {chosen}, but {figure} is {highest}: the instance would refuse a license for fewer "
                f"than {policy.least_seats(highest)} users. Pass {advice.users or highest}, or correct {figure}."
            )
        if chosen is None and advice.users and (why := evidence.users_question(self.facts, advice.users)):
            raise NeedsAnswerError(
                f"{why} The figures make it {advice.users} users; pass the number that you stand for as user_count.",
                missing=("user_count",),
            )
        self.users = chosen or advice.users
        if self.users is None:
            raise NeedsAnswerError(advice.reason, missing=("billable_users", "maximum_users"))
        reason = advice.reason + (f" {_chosen_words(chosen, advice.users, user_count)}" if chosen else "")
        words = f"The license is for {count(self.users, 'user')}."
        theirs = [comment.body for comment in by_customer(self.known.thread, self.ticket)]
        more = [str(one) for one in evidence.counts_above(self.users, theirs)]
        self.written = f" The customer writes of {listed(more)} users: find out whether {self.users} are enough."
        self.written *= bool(more)
        tone, words = Tone.ASK if more else Tone.GOOD, words + self.written
        return self.card(count(self.users, "user"), tone, words, Paragraph(reason), users=self.users, reason=reason)

    @step("Step 2: Generate the trial license")
    def issue_license(self, *, issued_evidence: object = parameters.UNKNOWN) -> StepResult:
        """Have Mechanizer make and mail the license, or list the values of the form for a person.

        Raises:
            NeedsAnswerError: There is no usable address, or (issuer manual) no evidence yet.
            PersonNeededError: The job failed, or its result is not known.
        """
        load_public_key(self.settings)  # fails early: without it the license could not be checked
        email, users = recipient(self), cast(int, self.users)
        if made := look(self, changes.sent_by_hand_note(self)):
            self.issuance = Issuance.made_by_hand(made.proven.url, users)
            words = "A license was made by hand for this ticket; no second one is issued."
            return self.effect_card([made], words=words)
        if self.settings.issuer == "manual":
            return self._issue_by_hand(email, users, issued_evidence)
        follower = OrderFollower(self, email, users)
        started, self.issuance = follower.to_its_end()
        self.hint = follower.hint
        form = (("your username", self.settings.operator), ("user count", str(users)), ("email", email))
        parts: tuple[Part, ...] = (Table(("Mechanizer", "value"), form), *effect_parts(started))
        if self.issuance is None:
            what = f"{policy.TRIAL_DAYS}-day Ultimate trial for {count(users, 'user')}"
            words = f"Mechanizer would make a {what} and mail it. {self.hint}".rstrip()
            is_strong = bool(self.hint)
            return self.card("planned", Tone.PLAN, words, *parts, strong=is_strong, effect=effect_data(started))
        parts += (Link("tracker issue", self.issuance.url),)
        words = f"A license for {count(self.issuance.users, 'user')} was issued. {self.hint}".rstrip()
        return self.card(effect_state(started), Tone.GOOD, words, *parts, effect=effect_data(started))

    @step("Check the license")
    def check_license(self) -> StepResult:
        """Read the issued license and compare it with what was ordered.

        Raises:
            PersonNeededError: It is not the license that was ordered.
        """
        if self.issuance is None:
            words = "Nothing to check yet: in a rehearsal no license is issued."
            return self.card("planned", Tone.PLAN, words, strong=False)
        if self.issuance.text is None:
            words = "The license itself was not given, so only the engineer's evidence stands for it."
            return self.card("not checked", Tone.ASK, words)
        self.issuance, checked = check_card(
            self,
            self.issuance,
            cast(int, self.users),
            state="as ordered",
            words="The license is as ordered.",
            wrong="The license is not the one that was ordered",
            advice=f"Look at {self.issuance.url}: if its title was changed, put that right, then run again; else "
            "talk to License & Renewals before the customer uses it.",
        )
        return checked

    @step("Answer the customer")
    def answer_customer(self) -> StepResult:
        """A public reply that the license was mailed, and an internal note for the next colleague."""
        users, found = cast(int, self.users), self.issuance or Issuance(0, LATER_LINK, identity=LATER_FINGERPRINT)
        expires_on = found.expires_on or self.settings.now().date() + timedelta(days=policy.TRIAL_DAYS)
        reply, words = messages.license_sent(users, expires_on), messages.license_note(users, found.identity, found.url)
        done = apply(self, changes.reply(self, "reply", reply, summary="public reply to the customer"))
        noted = apply(self, changes.note(self, "note", words, summary="internal note with the result"))
        return self.effect_card([done, noted], Preview("public reply", reply), Preview("internal note", words))

    @step("Tell the team", needed=False)
    def tell_team(self) -> StepResult:
        """Post to the Slack channel, with the ticket's link."""
        post = messages.slack_post(self.ticket.url, cast(int, self.users))
        done = apply(self, changes.slack_post(self, post))
        return self.effect_card([done], Preview(f"post in {self.settings.slack_channel}", post))

    @step("Close the case", always=True)
    def close(self) -> StepResult:
        """The outcome with the evidence; in a rehearsal the planned one, and how to perform it."""
        if self.outcome is None:
            self.steps.end(Outcome.LICENSE_ISSUED, ToCome("license", "A license will be issued"))
        return closing_card(self, self._ending())

    def found(self, name: str) -> Prefill | None:
        """The fact that counts; for the user count the suggestion."""
        if name == "user_count" and self.known.existing_license and self.known.existing_license.users:
            return Prefill(str(self.known.existing_license.users), "suggested")
        if name == "user_count" and (users := self._advice().users):
            asks = not self.known.existing_license and evidence.users_question(self.facts, users)
            return Prefill("", f"{users} by the customer's evidence") if asks else Prefill(str(users), "suggested")
        return super().found(name)

    @property
    def gist(self) -> str:
        """For how many users the license is, who gets it, how long it lasts."""
        if self.outcome is not Outcome.LICENSE_ISSUED:
            return ""
        words = (count(cast(int, self.users), "user"), clean(self.known.email or "", 80), f"{policy.TRIAL_DAYS} days")
        return ", ".join(filter(None, words))

    def _missing(self) -> tuple[str, ...]:
        missing = cast(Verdict, self.verdict).missing
        return missing if self.chosen or self._advice().users else (*missing, "billable_users", "maximum_users")

    def _advice(self) -> SeatAdvice:
        figures = {name: cast(int | None, self.facts.value(name)) for name in policy.FIGURES}
        return policy.suggest_users(**figures)

    def _users_of(self, already: Issuance, chosen: int | None) -> StepResult:
        if chosen and chosen != already.users:
            raise InputError(
                f"user_count is {chosen}, but this ticket has a license for {count(already.users, 'user')}: "
                f"{already.url}. No other one is issued; to change it, talk to License & Renewals."
            )
        self.users = already.users
        words = f"The license that was issued is for {count(already.users, 'user')}."
        return self.card(count(self.users, "user"), Tone.GOOD, words, users=self.users)

    def _unbacked(self, paths: object) -> tuple[Part, ...]:
        """A warning if the dates are only the engineer's answer, with no screenshot."""
        expiry = self.facts.best("expires_on")
        typed = expiry is not None and expiry.source in (Source.ENGINEER, Source.SCREENSHOT)
        if paths is not None or self.known.existing_license or not typed:
            return ()
        images, words = self._images(), ""
        if not images.names:
            words = "No screenshot on the ticket backs these figures; add the files with `screenshots`."
        elif images.files:
            words = f"Compare them with the images on the ticket: {', '.join(name for name, _ in images.files)}."
        return tuple(map(Paragraph, filter(None, (words, *images.notes))))

    def _images(self) -> Images:
        return sorted_images(self.known.thread, self.downloads.content)

    def _issue_by_hand(self, email: str, users: int, issued_evidence: object) -> StepResult:
        tracker = Tracker(self, email)
        if issue := tracker.license_issue(tracker.job_issues()):
            self.issuance = tracker.issuance(issue)
            words = "Mechanizer has issued a license for this ticket already; no second one is made."
            return self.card("found", Tone.GOOD, words, Link("tracker issue", issue.url), strong=False)
        _check_nothing_under_way(self, email)
        rows = _manual_form(self.ticket, email, users, self.settings.now().date())
        given = cast(str | None, parameters.parse("issued_evidence", issued_evidence))
        if given is None:  # a license that was made is noted in any case
            check_reply_arrives(self.services.zendesk, self.me, self.ticket)
        if given is None and self.perform:
            values = "; ".join(f"{field}: {value}" for field, value in rows)
            raise NeedsAnswerError(
                f"Make the license by hand in Trials for SM ({values}), then pass the link or the file of it.",
                missing=("issued_evidence",),
            )
        how = "Make the license by hand, in the form Trials for SM of CustomersDot, with exactly these values:"
        parts: tuple[Part, ...] = (Paragraph(how), Table(("field", "value"), rows, in_view=True))
        if given is None:
            words = "A person would make the license by hand, then pass issued_evidence."
            return self.card("planned", Tone.PLAN, words, *parts, form=dict(rows))
        self.issuance = _manual_issuance(given, users)
        noted = apply(self, changes.by_hand_note(self, self.issuance.url, users))
        words = "The engineer made the license by hand."
        parts += effect_parts(noted)
        return self.card("made by hand", Tone.GOOD, words, *parts, form=dict(rows), effect=effect_data(noted))

    def _ending(self) -> str:
        if self.outcome is Outcome.WAITING_FOR_CUSTOMER:
            verb = "would be" if self.applied[-1].state is EffectState.PLANNED else "were"
            missing = self._missing()
            rest = f" Pass {listed(missing)} if they do not show it or cannot be sent." if missing else ""
            rest += " Your own user_count is enough in place of the figures." if "maximum_users" in missing else ""
            return f": the screenshots {verb} asked for. When they are on the ticket, run again: they are read.{rest}"
        seen = f" {self.issuance.evidence}" if self.issuance else ""
        issued = f"{policy.TRIAL_DAYS}-day Ultimate trial for {count(cast(int, self.users), 'user')}"
        return f": {issued}.{seen} {self.hint}{self.written}{self._answer_since()}".rstrip()

    def _answer_since(self) -> str:
        """That the customer has written since the license was issued, or ""."""
        issued_at = self.issuance.issued_at if self.issuance else None
        since = by_customer(self.known.thread, self.ticket, after=issued_at) if issued_at else []
        if not since:
            return ""
        return f" The customer has written since ({since[-1].created_at:%Y-%m-%d %H:%M} UTC): read it before you go on."


def _chosen_words(chosen: int, suggested: int | None, raw: object) -> str:
    """A sentence on the engineer's user count, with the text that it was read from."""
    text = parameters.QUESTIONS["user_count"].pasted(raw)
    read = f", read from “{clean(text)}”" if text else ""
    if chosen == suggested:
        return f"The engineer confirms {chosen}{read}."
    return f"The engineer chose {chosen}{read}{f' instead of the suggested {suggested}' if suggested else ''}."


def _check_nothing_under_way(case: Case, email: str) -> None:
    """Make sure that Mechanizer is not at work for this ticket, before a person makes a license by hand.

    Raises:
        OutcomeUnknownError: It is, or may be.
    """
    if not case.settings.mechanizer_project_id:
        return
    step = orders.decide(OrderReader(case, email).read()[-1])
    is_open = case.effects.is_open(step.order.operation_id)
    if step.do not in (orders.NextAction.PERFORM, orders.NextAction.GIVE_UP) or is_open:
        seen = "it was started a moment ago" if is_open else step.why.rstrip(".")
        raise OutcomeUnknownError(
            f"Mechanizer is at work for this ticket ({seen}), so no license is made by hand. Wait for it, then run "
            "again with RUNBOOK_ISSUER=mechanizer."
        )


def _manual_form(ticket: Ticket, email: str, users: int, starts_on: date) -> list[tuple[str, str]]:
    """What to type into the form *Trials for SM*, field by field. Source: GitLab handbook."""
    return [
        ("Email", email),
        ("Users", str(users)),
        ("Plan code", policy.TRIAL_PLAN),
        ("Starts at", str(starts_on)),
        ("Expires at", str(starts_on + timedelta(days=policy.TRIAL_DAYS))),
        ("Note", f"Weekend emergency, ticket {ticket.id}"),
        ("Ticket link", ticket.url),
    ]


def _manual_issuance(given: str, users: int) -> Issuance:
    """The license that the engineer made, from its link or its file.

    Raises:
        InputError: It is neither a web address nor a readable file with one license.
    """
    if given.startswith("https://"):
        return Issuance.made_by_hand(given, users)
    try:
        found = finder.look(files.given(given))
    except (OSError, ValueError) as exc:
        raise InputError(
            f"issued_evidence is {clean(given)!r}; expected the license's https link, or the path of its file."
        ) from exc
    name = clean(Path(given).name, 80)
    if len(found.licenses) != 1:
        raise InputError(
            f"issued_evidence names {name}, which is {found.words} with {len(found.licenses) or 'no'} licenses in it. "
            "Give a file that holds the license that was issued, and no other."
        )
    return Issuance(users, f"file {name}", found.licenses[0].text)
