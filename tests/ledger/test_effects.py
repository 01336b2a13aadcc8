"""Exactly once, whatever goes wrong: effects in a small world that really changes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runbook_lib.clients.budget import Budget
from runbook_lib.domain.errors import (
    InputError,
    NeedsAnswerError,
    NotAsSentError,
    OutcomeUnknownError,
    PersonNeededError,
    RefusedError,
    RunbookError,
    UnavailableError,
)
from runbook_lib.domain.models import EffectState, Evidence
from runbook_lib.ledger import journal as journal_module
from runbook_lib.ledger.effects import EffectResult, Effects
from runbook_lib.ledger.journal import Journal
from runbook_lib.ledger.keyring import KeyRing

FINE, REFUSE, UNREACHABLE, LOSE_BEFORE, LOSE_AFTER, CRASH_BEFORE, CRASH_AFTER, BUG_AFTER, BLIND_AFTER = (
    "fine",
    "refuse",
    "unreachable",
    "lose before commit",
    "lose after commit",
    "crash before commit",
    "crash after commit",
    "an error of ours after commit",
    "lose after commit, and looking fails too",
)
FAULTS = (REFUSE, UNREACHABLE, LOSE_BEFORE, LOSE_AFTER, CRASH_BEFORE, CRASH_AFTER, BUG_AFTER, BLIND_AFTER)


@dataclass
class World:
    """A channel that keeps posts. `faults` says what becomes of the next attempts; then all is fine."""

    posts: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    looks: int = 0
    blind: bool = False

    def find(self, operation_id: str) -> Evidence | None:
        self.looks += 1
        if self.blind:
            self.blind = False
            raise UnavailableError("The channel cannot be reached.")
        return Evidence(f"post {operation_id}") if operation_id in self.posts else None

    def post(self, operation_id: str) -> Evidence:
        fault = self.faults.pop(0) if self.faults else FINE
        if fault == REFUSE:
            raise RefusedError("The channel is archived.", code="is_archived")
        if fault == UNREACHABLE:
            raise UnavailableError("The channel cannot be reached.")
        if fault == LOSE_BEFORE:
            raise OutcomeUnknownError("The answer was lost.")
        if fault == CRASH_BEFORE:
            raise KeyboardInterrupt
        self.posts.append(operation_id)
        if fault == CRASH_AFTER:
            raise KeyboardInterrupt
        if fault == BUG_AFTER:
            raise KeyError("audit")
        if fault in (LOSE_AFTER, BLIND_AFTER):
            self.blind = fault == BLIND_AFTER
            raise OutcomeUnknownError("The answer was lost.")
        return Evidence(f"post {operation_id}", "https://channel.example", "7")


@dataclass(frozen=True)
class Post:
    """The effect: one post; `before` is called right before it is sent."""

    world: World
    operation_id: str = "1001-post"
    name: str = "slack_post"
    summary: str = "post in the channel"
    before: Callable[[], None] = lambda: None
    where: str = "in the channel"
    conditional: bool = False

    def find(self) -> Evidence | None:
        return self.world.find(self.operation_id)

    def check(self) -> None:
        """Nothing has to hold."""

    def perform(self) -> Evidence:
        self.before()
        return self.world.post(self.operation_id)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return at(tmp_path / "1001")


def at(folder: Path) -> Journal:
    return Journal(folder, "sandbox/1001", KeyRing(folder.parent / f".keys-{folder.name}"))


def effects(journal: Journal, *, perform: bool = True, seconds: float = 60, settle_s: float = 0) -> Effects:
    """What one run works with: a new process knows nothing but the journal on disk."""
    return Effects(journal, Budget(seconds, sleep=lambda s: None), settle_s=settle_s, perform=perform)


def apply(journal: Journal, effect: Post) -> EffectResult:
    """One run."""
    return effects(at(journal.folder)).apply(effect)


def kinds(journal: Journal) -> list[str]:
    return [entry["kind"] for entry in journal.entries()]


# -- when all goes well


def test_done(journal: Journal, world: World) -> None:
    """An effect that is not there is performed; the evidence is returned and in the journal."""
    result = apply(journal, Post(world))

    evidence = Evidence("post 1001-post", "https://channel.example", "7")
    assert EffectResult("slack_post", "post in the channel", EffectState.DONE, evidence) == result
    assert evidence == result.proven
    assert ["1001-post"] == world.posts
    assert ["intended", "done"] == kinds(journal)
    assert {("slack_post", "1001-post")} == {(e["effect"], e["operation_id"]) for e in journal.entries()}


def test_the_intention_is_on_disk_before_the_effect(journal: Journal, world: World) -> None:
    """When the effect happens, the journal on disk says that it may have."""
    seen: list[Any] = []

    def look() -> None:
        seen.extend(json.loads(line)["kind"] for line in journal.path.read_bytes().splitlines())

    apply(journal, Post(world, before=look))

    assert ["intended"] == seen
    assert ["intended", "done"] == kinds(journal)


def test_the_ticket_is_locked_meanwhile(journal: Journal, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the look to the note no other run is on the ticket; afterwards it is free."""
    monkeypatch.setattr(journal_module, "LOCK_WAIT_S", 0)
    tried: list[str] = []

    def other_run() -> None:
        with pytest.raises(UnavailableError, match="Another run"), at(journal.folder).lock():
            raise AssertionError("two runs on one ticket")
        tried.append("locked")

    apply(journal, Post(world, before=other_run))

    assert ["locked"] == tried
    with journal.lock():
        pass


def test_done_is_not_repeated(journal: Journal, world: World) -> None:
    """What the journal holds is not looked for again, let alone sent."""
    first = apply(journal, Post(world))
    looks = world.looks
    again = apply(journal, Post(world))

    assert (EffectState.ALREADY_DONE, first.evidence) == (again.state, again.evidence)
    assert (["1001-post"], looks) == (world.posts, world.looks)
    assert ["intended", "done"] == kinds(journal)


def test_found_is_adopted(journal: Journal, world: World) -> None:
    """What is there already (a colleague's, another machine's) is taken over, and journaled as such."""
    world.posts.append("1001-post")

    assert EffectState.ADOPTED == apply(journal, Post(world)).state
    assert ["adopted"] == kinds(journal)
    assert EffectState.ALREADY_DONE == apply(journal, Post(world)).state
    assert ["1001-post"] == world.posts


def test_each_operation_by_itself(journal: Journal, world: World) -> None:
    """Effects with different ids do not stand in for each other."""
    apply(journal, Post(world, "1001-post"))
    apply(journal, Post(world, "1001-note"))

    assert ["1001-post", "1001-note"] == world.posts


# -- rehearsal


@pytest.mark.parametrize(
    ("posts", "state"), [([], EffectState.PLANNED), (["1001-post"], EffectState.ADOPTED)], ids=["absent", "present"]
)
def test_rehearsal(journal: Journal, posts: list[str], state: EffectState) -> None:
    """A rehearsal only looks: nothing is sent, and no file is written."""
    world = World(posts=list(posts))

    result = effects(journal, perform=False).apply(Post(world))

    assert (state, posts) == (result.state, world.posts)
    assert not journal.folder.exists()
    if state is EffectState.PLANNED:
        with pytest.raises(ValueError, match="slack_post is planned"):
            _ = result.proven


def test_rehearsal_after_a_run(journal: Journal, world: World) -> None:
    """A rehearsal knows from the journal what is done."""
    apply(journal, Post(world))

    assert EffectState.ALREADY_DONE == effects(journal, perform=False).apply(Post(world)).state


# -- when the answer is lost


def test_lost_and_found(journal: Journal, world: World) -> None:
    """A lost answer is no matter if the effect is seen to be there."""
    world.faults = [LOSE_AFTER]

    assert EffectState.ADOPTED == apply(journal, Post(world)).state
    assert ["intended", "adopted"] == kinds(journal)
    assert ["1001-post"] == world.posts


def test_lost_and_surely_absent(journal: Journal, world: World) -> None:
    """What is seen to be absent after the time in which it may still take effect is performed again, once."""
    world.faults = [LOSE_BEFORE]

    assert EffectState.DONE == apply(journal, Post(world)).state
    assert (["intended", "intended", "done"], ["1001-post"]) == (kinds(journal), world.posts)


def test_lost_and_late(journal: Journal, world: World) -> None:
    """A request that takes effect late is waited for, and not sent again."""
    world.faults = [LOSE_BEFORE]
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            world.posts.append("1001-post")

    budget = Budget(60, sleep=sleep)
    late = Effects(journal, budget, settle_s=30, perform=True)

    assert EffectState.ADOPTED == late.apply(Post(world)).state
    assert (["intended", "adopted"], ["1001-post"]) == (kinds(journal), world.posts)
    assert 3 == len(waits)


def test_a_conditional_write_need_not_wait(journal: Journal, world: World) -> None:
    """Where the other side refuses the second of two writes made on the same reading, it is sent again at once."""
    world.faults = [LOSE_BEFORE]

    result = effects(journal, seconds=0, settle_s=3600).apply(Post(world, conditional=True))

    assert (EffectState.DONE, ["1001-post"]) == (result.state, world.posts)


@pytest.mark.parametrize("status", [409, 422])
def test_a_conflict_with_oneself(journal: Journal, world: World, status: int) -> None:
    """If the first write took effect late, the second is refused, and the first is found."""

    def late() -> None:
        world.posts.append("1001-post")
        raise RefusedError("The ticket has changed.", status=status)

    result = apply(journal, Post(world, before=late))

    assert (EffectState.ADOPTED, ["1001-post"]) == (result.state, world.posts)
    assert ["intended", "adopted"] == kinds(journal)


def test_a_conflict_with_another_person(journal: Journal, world: World) -> None:
    """Any other conflict is a refusal."""

    def changed() -> None:
        raise RefusedError("The ticket has changed.", status=409)

    with pytest.raises(RefusedError):
        apply(journal, Post(world, before=changed))
    assert (["intended", "not_done"], []) == (kinds(journal), world.posts)


def test_lost_again_and_again(journal: Journal, world: World) -> None:
    """A write that gets lost each time is not sent for ever."""
    world.faults = [LOSE_BEFORE] * 10

    with pytest.raises(
        OutcomeUnknownError, match=r"sent 3 times, and was never seen\. Look in the channel, not before "
    ):
        apply(journal, Post(world))
    assert ["intended"] * 3 + ["unknown"] == kinds(journal)
    assert [] == world.posts


def test_no_time_to_look(journal: Journal, world: World) -> None:
    """A run that may not wait until it can be sure asks a person, and says which command takes the answer."""
    world.faults = [LOSE_BEFORE]

    with pytest.raises(OutcomeUnknownError) as caught:
        effects(journal, seconds=0.1, settle_s=60).apply(Post(world, "sandbox-1001-slack_post"))
    words = str(caught.value)
    assert words.startswith(
        "The answer was lost. The run's 0 s of waiting are used up. Look in the channel, not before "
    )
    assert words.endswith(
        " UTC, since it may take effect until then. Then run `runbook answer 1001 slack_post yes` if it is there, or "
        "`runbook answer 1001 slack_post no`, and run again."
    )
    assert (["intended", "unknown"], []) == (kinds(journal), world.posts)


@pytest.mark.parametrize("there", [True, False])
def test_a_person_has_looked(journal: Journal, world: World, there: bool) -> None:
    """From the answer the run goes on: there is nothing to do, or it is performed at once."""
    journal.append("intended", effect="slack_post", operation_id="1001-post")
    evidence = {"summary": "grace says that it is there", "url": "", "reference": ""}
    journal.append("answered", operation_id="1001-post", there=there, evidence=evidence if there else None)

    result = effects(journal, seconds=0, settle_s=3600).apply(Post(world))

    assert (EffectState.ALREADY_DONE if there else EffectState.DONE) == result.state
    assert ([] if there else ["1001-post"]) == world.posts


def test_a_run_died_a_moment_ago(journal: Journal, world: World) -> None:
    """What an earlier run intended may still take effect: it is looked for as long as after a lost answer."""
    journal.append("intended", effect="slack_post", operation_id="1001-post")
    budget = Budget(60)

    result = Effects(journal, budget, settle_s=0.3, perform=True).apply(Post(world))
    assert EffectState.DONE == result.state
    assert budget.left_s < 60, "it waited"

    with pytest.raises(OutcomeUnknownError, match="An earlier run did not learn what became of it"):
        journal.append("intended", effect="slack_post", operation_id="1001-other")
        effects(journal, seconds=0, settle_s=60).apply(Post(world, "1001-other"))


def test_a_run_died_long_ago(journal: Journal, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """After that time one look is enough."""
    journal.append("intended", effect="slack_post", operation_id="1001-post")
    monkeypatch.setattr(Journal, "open_since", lambda self, operation_id: datetime.now(UTC) - timedelta(seconds=61))

    assert EffectState.DONE == effects(journal, seconds=0, settle_s=60).apply(Post(world)).state


def test_lost_and_looking_fails_too(journal: Journal, world: World) -> None:
    """With the network gone, the outcome is still unknown, and not *nothing was changed*."""
    world.faults = [BLIND_AFTER]

    with pytest.raises(OutcomeUnknownError, match="The answer was lost"):
        apply(journal, Post(world))
    assert ["intended", "unknown"] == kinds(journal)
    assert EffectState.ADOPTED == apply(journal, Post(world)).state


@pytest.mark.parametrize(("fault", "error"), [(CRASH_AFTER, KeyboardInterrupt), (BUG_AFTER, KeyError)])
def test_crash_after_the_effect(journal: Journal, world: World, fault: str, error: type[BaseException]) -> None:
    """A run that dies between the effect and its note leaves an intention; the next run adopts."""
    world.faults = [fault]

    with pytest.raises(error):
        apply(journal, Post(world))
    assert ["intended"] == kinds(journal)

    assert EffectState.ADOPTED == apply(journal, Post(world)).state
    assert ["1001-post"] == world.posts


# -- when it does not happen


@pytest.mark.parametrize(("fault", "kind"), [(REFUSE, RefusedError), (UNREACHABLE, UnavailableError)])
def test_not_done(journal: Journal, world: World, fault: str, kind: type[RunbookError]) -> None:
    """A refusal is journaled with its reason and reported; the effect may be tried again."""
    world.faults = [fault]

    with pytest.raises(kind) as caught:
        apply(journal, Post(world))
    assert ["intended", "not_done"] == kinds(journal)
    assert str(caught.value) == journal.entries()[-1]["reason"]

    assert EffectState.DONE == apply(journal, Post(world)).state


def test_no_look_no_effect(journal: Journal, world: World) -> None:
    """Who cannot look does not send."""
    world.blind = True

    with pytest.raises(UnavailableError):
        apply(journal, Post(world))
    assert ([], ["not_done"]) == (world.posts, kinds(journal))


def test_no_look_after_a_killed_run(journal: Journal, world: World) -> None:
    """What may be there stays open, and is never called *not done*."""
    journal.append("intended", effect="slack_post", operation_id="1001-post")
    world.blind = True

    with pytest.raises(UnavailableError):
        apply(journal, Post(world))
    assert ["intended", "unknown"] == kinds(journal)
    assert journal.open_since("1001-post")


# -- a journal that fails


class Failing(Journal):
    """A journal whose disk is full for one kind of line."""

    def __init__(self, folder: Path, refused: str) -> None:
        super().__init__(folder, "sandbox/1001", KeyRing(folder.parent / f".keys-{folder.name}"))
        self._refused = refused

    def append(self, kind: str, **fields: Any) -> None:
        """As the real one, or as on a full disk."""
        if kind == self._refused:
            raise UnavailableError("The journal cannot be written.")
        super().append(kind, **fields)


def test_no_journal_no_effect(journal: Journal, world: World) -> None:
    """What cannot be announced does not happen."""
    with pytest.raises(UnavailableError):
        effects(Failing(journal.folder, "intended")).apply(Post(world))
    assert [] == world.posts


def test_no_folder_no_effect(journal: Journal, world: World) -> None:
    """The same if there is not even a place for the journal."""
    journal.folder.write_text("in the way")

    with pytest.raises(UnavailableError):
        apply(journal, Post(world))
    assert [] == world.posts


@pytest.mark.parametrize("faults", [[], [LOSE_AFTER]], ids=["done", "adopted"])
def test_an_effect_that_could_not_be_noted(journal: Journal, world: World, faults: list[str]) -> None:
    """If the disk fails after the effect, the next run finds it and does not repeat it."""
    world.faults = faults
    refused = "adopted" if faults else "done"

    with pytest.raises(UnavailableError):
        effects(Failing(journal.folder, refused)).apply(Post(world))
    assert EffectState.ADOPTED == apply(journal, Post(world)).state
    assert ["1001-post"] == world.posts


def test_a_damaged_journal_stops_everything(journal: Journal, world: World) -> None:
    """Who cannot read what was done does nothing."""
    journal.append("run_started")
    journal.path.write_text("damaged\n")

    for perform in (True, False):
        with pytest.raises(InputError):
            effects(journal, perform=perform).apply(Post(world))
    assert [] == world.posts


# -- all of it


@pytest.fixture(scope="module")
def folders() -> Iterator[Iterator[Path]]:
    """Fresh folders, one after the other."""
    with TemporaryDirectory() as root:
        yield (Path(root) / str(number) for number in range(10**6))


@pytest.mark.slow
@given(
    runs=st.lists(st.sampled_from([*FAULTS, FINE, "rehearse"]), max_size=6),
    there=st.booleans(),
)
@settings(max_examples=100)
def test_exactly_once(folders: Iterator[Path], runs: list[str], there: bool) -> None:
    """For every sequence of faults and runs: never twice; and once, when the faults are over."""
    journal, world = at(next(folders)), World(posts=["1001-post"] if there else [])
    for run in runs:
        world.faults = [run]
        before = list(world.posts)
        try:
            state = effects(at(journal.folder), perform=run != "rehearse").apply(Post(world)).state
        except (RefusedError, UnavailableError):
            assert before == world.posts, "said that nothing was changed"
        except (OutcomeUnknownError, KeyboardInterrupt, KeyError):
            pass
        else:
            assert (state is not EffectState.PLANNED) == (world.posts == ["1001-post"])
        assert len(world.posts) <= 1
        world.blind = False

    world.faults = []
    apply(journal, Post(world))

    assert ["1001-post"] == world.posts
    assert EffectState.ALREADY_DONE == apply(journal, Post(world)).state


@dataclass(frozen=True)
class Guarded(Post):
    """One that may not be sent."""

    reason: RunbookError = field(default_factory=lambda: PersonNeededError("No mail reaches them."))

    def check(self) -> None:
        raise self.reason


@pytest.mark.parametrize("perform", [True, False])
def test_failed_precondition_sends_nothing(world: World, journal: Journal, perform: bool) -> None:
    """A rehearsal tells it too; a performing run leaves the operation for a person to answer."""
    with pytest.raises(PersonNeededError, match="No mail reaches them"):
        effects(journal, perform=perform).apply(Guarded(world))
    assert ([], ["not_done"] if perform else []) == (world.posts, kinds(journal))


def test_missing_answer_in_precondition_leaves_no_line(world: World, journal: Journal) -> None:
    """Nothing was tried: the next run, with the answer, begins anew."""
    with pytest.raises(NeedsAnswerError):
        apply(journal, Guarded(world, reason=NeedsAnswerError("Whose is it?", missing=("take_over",))))
    assert ([], []) == (world.posts, kinds(journal))


def test_precondition_is_not_asked_for_what_is_there(world: World, journal: Journal) -> None:
    """An effect that is there needs nothing any more."""
    world.posts.append("1001-post")
    assert EffectState.ADOPTED == apply(journal, Guarded(world)).state


def test_precondition_fails_after_a_lost_answer(world: World, journal: Journal) -> None:
    """What became of the first attempt stays a question."""
    world.faults = [CRASH_BEFORE]
    with pytest.raises(KeyboardInterrupt):
        apply(journal, Post(world))
    with pytest.raises(PersonNeededError):
        apply(journal, Guarded(world))
    assert (["intended", "unknown"], ["1001-post"]) == (kinds(journal), at(journal.folder).history().open_operations)


def test_looking_in_a_rehearsal_writes_nothing(world: World, journal: Journal) -> None:
    """Whether there is something, or looking fails; a performing run keeps what it found."""
    rehearsal = effects(journal, perform=False)
    world.posts.append("1001-post")
    assert EffectState.ADOPTED == rehearsal.adopt(Post(world)).state
    world.blind = True
    with pytest.raises(UnavailableError):
        rehearsal.adopt(Post(world))
    assert [] == kinds(journal)
    assert EffectState.ADOPTED == effects(journal).adopt(Post(world)).state
    assert ["adopted"] == kinds(journal)


@dataclass(frozen=True)
class Mangled(Post):
    """A post that is kept otherwise than it was sent; `seen` says whether looking shows it."""

    seen: bool = True

    def find(self) -> Evidence | None:
        if self.seen and self.operation_id in self.world.posts:
            raise NotAsSentError("It is kept in another channel.")
        return None

    def perform(self) -> Evidence:
        super().perform()
        raise NotAsSentError("It is kept in another channel.")


@pytest.mark.parametrize(("seen", "lost"), [(True, False), (False, False), (True, True)])
def test_not_as_sent_is_neither_done_nor_repeated(world: World, journal: Journal, seen: bool, lost: bool) -> None:
    """Whether it was reported at once, or is seen only by looking; a person ends it, and what they say counts."""
    world.faults = [LOSE_AFTER] if lost else []
    post = Mangled(world, "sandbox-1001-slack_post", seen=seen)
    for _ in range(2):
        with pytest.raises(OutcomeUnknownError, match=r"another channel.*`runbook answer 1001 slack_post yes`"):
            effects(at(journal.folder)).apply(post)
    with pytest.raises(OutcomeUnknownError, match="another channel"):
        effects(at(journal.folder), perform=False).apply(post)
    assert (1, [post.operation_id]) == (len(world.posts), journal.history().open_operations)

    evidence = {"summary": "robin says that it is there", "url": "", "reference": ""}
    journal.append("answered", operation_id=post.operation_id, there=True, operator="robin", evidence=evidence)
    assert EffectState.ALREADY_DONE == effects(at(journal.folder)).apply(post).state
    assert 1 == len(world.posts)


# -- what another machine's journal says


@pytest.fixture
def colleague(journal: Journal, world: World) -> Journal:
    """Another machine's part of the same journal: it has posted."""
    other = Journal(journal.folder, "sandbox/1001", KeyRing(journal.folder.parent / ".keys-of-a-colleague"))
    effects(other).apply(Post(world))
    return other


def trusted(journal: Journal, other: Journal) -> None:
    """Take the other machine's key into this one's ring."""
    key = (journal.folder / f"journal.{other.writer}.pub").read_bytes()
    KeyRing(journal.folder.parent / f".keys-{journal.folder.name}").trust(key)


def test_what_a_colleague_did_is_looked_for_first(journal: Journal, world: World, colleague: Journal) -> None:
    """The world has it: this machine adopts it, also from a colleague."""
    looks = world.looks
    assert EffectState.ADOPTED is apply(journal, Post(world)).state
    assert (["1001-post"], looks + 1) == (world.posts, world.looks)
    assert EffectState.ALREADY_DONE is apply(journal, Post(world)).state


def test_what_a_trusted_colleague_did_is_not_repeated(journal: Journal, world: World, colleague: Journal) -> None:
    """Also where the world does not show it any more."""
    trusted(journal, colleague)
    world.posts.clear()
    result = apply(journal, Post(world))
    assert (EffectState.ADOPTED, "post 1001-post") == (result.state, result.proven.summary)
    assert [] == world.posts


@pytest.mark.parametrize("there", [True, False])
def test_a_strangers_word_is_for_a_person(journal: Journal, world: World, colleague: Journal, there: bool) -> None:
    """Nothing is sent on it, and nothing is taken for done; the answer ends it."""
    world.posts.clear()
    for perform in (False, True):
        with pytest.raises(OutcomeUnknownError, match=f"writer {colleague.writer}, which is not trusted here"):
            effects(at(journal.folder), perform=perform).apply(Post(world))
    assert ([], ["1001-post"]) == (world.posts, journal.history().answerable)
    evidence = {"summary": "seen", "url": "", "reference": ""}
    journal.append("answered", operation_id="1001-post", there=there, evidence=evidence if there else None)
    assert apply(journal, Post(world)).state is (EffectState.ALREADY_DONE if there else EffectState.DONE)
    assert ([] if there else ["1001-post"]) == world.posts


def test_what_a_colleague_left_open_is_waited_for(journal: Journal, world: World) -> None:
    """It may still take effect: it is looked for once more, after its time, before this machine sends."""
    other = Journal(journal.folder, "sandbox/1001", KeyRing(journal.folder.parent / ".keys-of-a-colleague"))
    other.append("intended", operation_id="1001-post", effect="slack_post")
    looks = world.looks
    assert EffectState.DONE is effects(at(journal.folder), settle_s=0).apply(Post(world)).state
    assert looks + 2 == world.looks
