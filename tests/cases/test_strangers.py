"""Tickets on which the customer's evidence must not decide: forged files, strangers, renewals, odd records of ours."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from runbook_lib.cases.gathering import gather
from runbook_lib.cases.license_not_received import LicenseNotReceived
from runbook_lib.cases.start_here import StartHere
from runbook_lib.cases.weekday_triage import WeekdayTriage
from runbook_lib.cases.weekend_license import WeekendLicense
from runbook_lib.domain import license
from runbook_lib.domain.errors import InputError, NeedsAnswerError
from runbook_lib.domain.license_contents import License
from runbook_lib.results import StepResult
from tests.cases.walking import Screen, fields, row, run, session, sit_down
from tests.practice import World, start

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world for all of these; each test changes, or performs, tickets of its own."""
    yield from start(tmp_path_factory.mktemp("strangers") / "outputs")


@pytest.fixture
def here(practice: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """The world, which the settings of this process find."""
    monkeypatch.setenv("RUNBOOK_OUTPUTS", str(practice.outputs))
    return practice


def to_identity(ticket_id: int, *, confirmed: str = "unknown", **facts: object) -> WeekendLicense:
    """A case up to whose ticket it is."""
    case = WeekendLicense.open(ticket_id)
    case.take()
    case.collect_facts(**facts)
    case.confirm_identity(identity_confirmed=confirmed)
    return case


def to_users(ticket_id: int, *, confirmed: str = "unknown", **facts: object) -> WeekendLicense:
    """A case up to before the user count."""
    case = to_identity(ticket_id, confirmed=confirmed, **facts)
    case.decide_scope()
    case.confirm_subscription()
    return case


def asks(case: Any, step: str = "decide_scope", **given: object) -> tuple[tuple[str, ...], str]:
    """What a step asks for: the parameters, and the words."""
    with pytest.raises(NeedsAnswerError) as caught:
        getattr(case, step)(**given)
    return caught.value.missing, str(caught.value)


def words(result: StepResult) -> str:
    """What a step shows, as text without its line breaks."""
    return " ".join(repr(result).split())


def record(world: World, ticket_id: int, **fields: object) -> None:
    """Change the fields of a ticket's organization."""
    (row,) = world.rows(
        "SELECT o.id, o.fields FROM organizations o JOIN tickets t ON t.organization_id = o.id WHERE t.id = ?",
        ticket_id,
    )
    changed = json.dumps({**json.loads(row["fields"]), **fields})
    world.change("UPDATE organizations SET fields = ? WHERE id = ?", changed, row["id"])


def replace_file(world: World, ticket_id: int, text: str) -> None:
    """Put other content into the first file of a ticket."""
    world.change(
        "UPDATE attachments SET content = ?, size = ? WHERE id = (SELECT min(a.id) FROM attachments a "
        "JOIN comments c ON c.id = a.comment_id WHERE c.ticket_id = ?)",
        text.encode(),
        len(text.encode()),
        ticket_id,
    )


def content(world: World, ticket_id: int) -> str:
    """The first file of a ticket."""
    rows = world.rows(
        "SELECT content FROM attachments a JOIN comments c ON c.id = a.comment_id WHERE c.ticket_id = ? ORDER BY a.id",
        ticket_id,
    )
    return bytes(rows[0]["content"]).decode()


def attach(world: World, ticket_id: int, *, expires_on: date, company: str, plan: str = "premium") -> None:
    """Add a genuine license to a ticket's first comment."""
    key = license.load_private_key((world.folder / "license-key.pem").read_bytes())
    made = License(
        licensee={"Name": "somebody", "Company": company},
        starts_on=expires_on - timedelta(days=365),
        expires_on=expires_on,
        block_changes_on=expires_on + timedelta(days=14),
        restrictions={"active_user_count": 250, "plan": plan},
    )
    text = license.write(made, key).encode()
    world.change(
        "INSERT INTO attachments (comment_id, token, file_name, content_type, size, source, content) "
        "SELECT min(id), 'more' || ?, 'more.gitlab-license', 'application/octet-stream', ?, 'stored', ? "
        "FROM comments WHERE ticket_id = ?",
        ticket_id,
        len(text),
        text,
        ticket_id,
    )


def forged(genuine: str, public_key: license.PublicKey, **changes: Any) -> str:
    """Another license under the wrapped key of a genuine one, made without the private key.

    Source: the `gitlab-license` gem; nothing in the format authenticates the contents.
    """
    lines = [line for line in genuine.splitlines() if "LICENSE" not in line]
    envelope = json.loads(base64.b64decode("".join(lines)))
    wrapped, iv = (base64.b64decode(envelope[part]) for part in ("key", "iv"))
    key = public_key.recover_data_from_signature(wrapped, PKCS1v15(), None)
    opener = Cipher(AES(key), CBC(iv)).decryptor()
    padded = opener.update(base64.b64decode(envelope["data"])) + opener.finalize()
    unpadder = PKCS7(128).unpadder()
    data = json.loads(unpadder.update(padded) + unpadder.finalize())
    data["restrictions"] |= changes
    padder, closer = PKCS7(128).padder(), Cipher(AES(key), CBC(iv)).encryptor()
    text = padder.update(json.dumps(data, separators=(",", ":")).encode()) + padder.finalize()
    envelope["data"] = base64.encodebytes(closer.update(text) + closer.finalize()).decode()
    return base64.encodebytes(json.dumps(envelope).encode()).decode()


# -- forged files


def test_a_forged_file_for_a_million_users_asks(here: World) -> None:
    """Made from a genuine one and the public key alone, it reads as genuine; no license follows from it."""
    public_key = license.load_public_key((here.folder / "license-key.pub").read_bytes())
    text = forged(content(here, 1005), public_key, active_user_count=1_000_000, plan="ultimate")
    assert 1_000_000 == license.read(text, public_key).user_count
    replace_file(here, 1005, text)
    missing, why = asks(to_identity(1005))
    assert ("plan",) == missing
    assert "the organization (field plan) says plan premium" in why
    assert "(kitsune-robotics.gitlab-license) says plan ultimate" in why
    case = to_users(1005, plan="premium")
    missing, why = asks(case, "choose_users")
    assert ("user_count",) == missing
    assert "says users_in_license 250, but the license file" in why
    assert "1000000" in why


def test_million_users_are_confirmed_and_kept(here: World) -> None:
    """On ticket 1061; what the engineer stands for is issued, and recorded as theirs."""
    case = to_users(1061)
    assert ("user_count",) == asks(case, "choose_users")[0]
    prefill = case.found("user_count")
    assert prefill is not None
    assert "" == prefill.value
    assert "The engineer confirms 40" in words(case.choose_users(user_count="40"))
    assert 40 == case.users


def test_the_workflow_goes_on_where_ours_confirms(here: World) -> None:
    """Ticket 1001: plan and seats are in our records, and the license agrees."""
    case = to_users(1001)
    case.choose_users()
    assert 250 == case.users


@pytest.mark.parametrize(
    ("ticket_id", "parameter", "ours"),
    [(1006, "account_type", "prospect"), (1007, "plan", "free"), (1008, "deployment", "gitlab_com")],
)
def test_a_file_contradicts_our_record(here: World, ticket_id: int, parameter: str, ours: str) -> None:
    """It neither turns it over nor is it passed over: the engineer decides, with both values in view."""
    (row,) = here.rows(
        "SELECT name FROM organizations WHERE id = (SELECT organization_id FROM tickets WHERE id = ?)", ticket_id
    )
    attach(here, ticket_id, expires_on=date(2026, 11, 6), company=row["name"])
    case = to_identity(ticket_id)
    missing, why = asks(case)
    assert (parameter,) == missing
    assert f"says {parameter} {ours}" in why
    assert "more.gitlab-license" in why
    decided = to_identity(ticket_id, **{parameter: ours})
    decided.decide_scope()
    assert "out_of_scope" == decided.outcome
    other = {"account_type": "customer", "plan": "premium", "deployment": "self_managed"}[parameter]
    in_scope = to_identity(ticket_id, **{parameter: other})
    in_scope.decide_scope()
    assert in_scope.outcome is None
    assert "engineer" == str(in_scope.facts.best(parameter).source)  # type: ignore[union-attr]


def test_a_screenshot_contradicts_the_file(here: World) -> None:
    """On ticket 1001: of the customer's own two dates none decides, until the engineer answers."""
    case = WeekendLicense.open(1001)
    case.take()
    case.collect_facts(expires_on="Sep 6, 2026", confirmed=["expires_on"])
    case.confirm_identity()
    missing, why = asks(case)
    assert ("expires_on",) == missing
    assert "read from “Sep 6, 2026”) says expires_on 2026-09-06, but the license file (nordlicht" in why
    assert "as your own answer" in why
    decided = to_identity(1001, expires_on="Sep 6, 2026")
    decided.decide_scope()
    assert "out_of_scope" == decided.outcome


# -- strangers


def test_a_strangers_genuine_license_asks(here: World) -> None:
    """On ticket 1062: the right key, another company. Both sides stand on the card."""
    case = to_identity(1062)
    missing, why = asks(case)
    assert ("identity_confirmed",) == missing
    for piece in ("Hohenfels Versicherung AG at hohenfels.example", "Riverside Apps", "riverside-apps.example"):
        assert piece in why
    assert "differs" in words(case.confirm_identity())
    confirmed = to_users(1062, confirmed="yes")
    confirmed.choose_users()
    assert 250 == confirmed.users
    denied = to_identity(1062, confirmed="no")
    denied.decide_scope()
    assert "out_of_scope" == denied.outcome


def test_a_strangers_old_license_does_not_end_the_case(here: World) -> None:
    """Nor does the router turn the ticket away by it."""
    attach(here, 1002, expires_on=date(2026, 7, 1), company="Totally Other Corp")
    assert ("identity_confirmed",) == asks(to_identity(1002))[0]
    router = StartHere.open(1002)
    router.collect_facts()
    assert "weekend_license" in words(router.choose_runbook())


def test_without_an_organization_a_person_confirms(here: World) -> None:
    """On ticket 1063: who it is, what they pay for, and for how many users."""
    missing, why = asks(to_identity(1063))
    assert ("identity_confirmed", "plan") == missing
    assert "Nothing of ours says who this is: the ticket has no organization" in why
    case = to_users(1063, confirmed="yes", plan="premium")
    missing, why = asks(case, "choose_users")
    assert ("user_count",) == missing
    assert "Only the customer's own file says for how many users" in why
    case.choose_users(user_count="250")
    assert 250 == case.users


def test_without_an_organization_nothing_crashes(here: World) -> None:
    """Performed, with a comment and a post: the sandbox knows tickets without one."""
    here.change("UPDATE tickets SET organization_id = NULL WHERE id = 3004")
    case = WeekendLicense.open(3004, perform=True)
    case.take()
    case.collect_facts(plan="premium")
    case.confirm_identity(identity_confirmed="yes")
    case.decide_scope()
    case.confirm_subscription()
    case.choose_users(user_count=250)
    for name in case.order[6:]:
        getattr(case, name)()
    assert "license_issued" == case.outcome
    assert [1, 0] == [comment["public"] for comment in here.comments(3004)]


def test_a_customersdot_account_confirms_who_it_is(here: World) -> None:
    """Of exactly the requester's address; what was sold is ours as well."""
    here.change("UPDATE tickets SET organization_id = NULL WHERE id = 2006")
    case = to_identity(2006, emergency_on="2026-11-21")
    assert "Known to us by CustomersDot account" in words(case.confirm_identity())
    case.decide_scope()
    assert "CustomersDot" == str(case.facts.best("plan").source)  # type: ignore[union-attr]


def test_a_ticket_of_the_first_day_does_not_crash(here: World) -> None:
    """Nothing can have been issued before it."""
    here.change("UPDATE tickets SET created_at = '0001-01-01T00:00:00Z' WHERE id = 1904")
    router = StartHere.open(1904)
    router.collect_facts()
    assert "weekday_triage" in words(router.choose_runbook())


def test_issued_copy_is_sent_without_a_question(here: World) -> None:
    """On ticket 3001 without its organization: the tracker has the license of exactly this address."""
    here.change("UPDATE tickets SET organization_id = NULL WHERE id = 3001")
    case = LicenseNotReceived.open(3001)
    case.take()
    case.collect_facts()
    case.find_license()
    case.check_copy()
    case.send_copy()
    assert "license_found" == case.outcome


def test_the_weekday_asks_before_it_decides_or_hands_over(here: World) -> None:
    """On ticket 2001 without its organization: `escalate` leaves it to the expert, who learns that it is open."""
    here.change("UPDATE tickets SET organization_id = NULL WHERE id = 2001")
    case = WeekdayTriage.open(2001)
    for name in case.order[: case.order.index("decide")]:
        getattr(case, name)()
    missing, _ = asks(case, "decide")
    assert ("identity_confirmed", "plan", "escalate") == missing
    case.decide(escalate=True)
    case.confirm_with_customer()
    assert "not known: is it the customer?, plan" in words(case.engage_expert())


# -- renewals


def test_a_rejected_renewal_asks_which_one_is_installed(here: World) -> None:
    """On ticket 1064, with the number of users that the instance needs."""
    case = WeekendLicense.open(1064)
    case.take()
    facts = words(case.collect_facts(installed_license="unknown"))
    assert "vltava-media-renewal.gitlab-license is for 200 users" in facts
    assert "fewer than 228" in facts
    case.confirm_identity()
    missing, why = asks(case)
    assert ("installed_license",) == missing
    assert all("Which license does the instance have?" in said for said in (facts, why)), "right above the field"
    prefill = case.found("installed_license")
    assert prefill is not None
    assert ("vltava-media-old.gitlab-license", "vltava-media-renewal.gitlab-license", "none") == prefill.choices


@pytest.mark.parametrize("installed", ["vltava-media-old.gitlab-license", "Vltava-Media-Old.gitlab\u2011license"])
def test_the_old_license_is_installed(here: World, installed: str) -> None:
    """Then its dates decide: the case is in scope, and the answer stands on the card as the engineer's."""
    case = to_users(1064, installed_license=installed)
    assert date(2026, 11, 6) == case.facts.value("expires_on")
    assert "engineer" == str(case.facts.best("installed_license").source)  # type: ignore[union-attr]
    case.choose_users()
    assert 250 == case.users


@pytest.mark.parametrize("days", [0, 1])
def test_words_from_before_the_emergency_do_not_count(here: World, monkeypatch: pytest.MonkeyPatch, days: int) -> None:
    """*It still works* has the engineer asked on the day that it was written; later it says nothing of that day."""
    case = WeekendLicense.open(1001)
    case.take()
    (first, *_) = case.services.zendesk.comments(1001)
    said = replace(first, body="Our license has expired. The instance still works.")
    monkeypatch.setattr(case.services.zendesk, "comments", lambda ticket_id: [said])
    known, _ = gather(case, {"emergency_on": str(case.ticket.created_at.date() + timedelta(days))})
    assert (days == 0) == bool(known.installed.question)


def test_the_renewal_is_installed(here: World) -> None:
    """By the engineer's word the instance works, and the reason says what to do if it does not."""
    case = to_identity(1064, installed_license="vltava-media-renewal.gitlab-license")
    shown = words(case.decide_scope())
    assert "out_of_scope" == case.outcome
    assert "pass the expires_on that it shows" in shown


def test_none_of_the_licenses_is_installed(here: World) -> None:
    """Then the dates are not known, and the customer is asked for the screenshots."""
    case = to_identity(1064, installed_license="none")
    case.decide_scope()
    assert "screenshots" in words(case.confirm_subscription())
    assert "waiting_for_customer" == case.outcome


def test_a_license_that_is_not_there(here: World) -> None:
    """The message lists those that are."""
    case = WeekendLicense.open(1064)
    case.take()
    with pytest.raises(InputError, match=r"vltava-media-old\.gitlab-license \(SHA256:"):
        case.collect_facts(installed_license="vltava")


def test_the_engineers_own_expiry_settles_it(here: World) -> None:
    """Whoever has read the date off the instance need not name a file."""
    case = to_identity(1064, expires_on="Nov 6, 2026")
    assert "in scope" == case.decide_scope().card.state


# -- odd records of ours, and what was pasted


@pytest.mark.parametrize(
    "plan",
    [
        *("Gold", "Premium (annual)", "premium ultimate", "x" * 5000, "\x1b[31m\u202e<b>", 7, True, ["premium"]),
    ],
)
def test_an_unknown_plan_word_is_asked(here: World, plan: object) -> None:
    """It may be a paid plan or none: the file does not settle it, and the customer is not asked for it."""
    record(here, 1009, plan=plan)
    case = WeekendLicense.open(1009)
    case.take()
    shown = words(case.collect_facts())
    assert "The organization field plan says" in shown
    case.confirm_identity()
    missing, why = asks(case)
    assert ("plan",) == missing
    assert "none of starter, premium, ultimate, free" in why
    assert len(why) < 500
    decided = to_identity(1009, plan="premium")
    assert "in scope" == decided.decide_scope().card.state


@pytest.mark.parametrize("name", ["deployment", "account_type"])
@pytest.mark.parametrize("value", ["SaaS", 3, []])
def test_odd_words_in_other_fields(here: World, name: str, value: object) -> None:
    """They are named, and asked for."""
    record(here, 1011, **{name: value})
    assert (name,) == asks(to_identity(1011))[0]
    record(here, 1011, deployment="self_managed", account_type="customer")


@pytest.mark.parametrize(
    ("seats", "users"),
    [
        *[("1,250", 1250), (250.0, 250), ("250", 250), (" 250 ", 250), ("250 users", 250), (-5, None), (0, None)],
        *[(10**9, None), (True, None), ("many", None), ([250], None), (None, None), ("", None), (1e300, None)],
    ],
)
def test_odd_seats_in_our_records(here: World, seats: object, users: int | None) -> None:
    """A number in whatever form Zendesk has it; anything else is noted, and no record."""
    record(here, 3006, seats=seats)
    case = WeekendLicense.open(3006)
    case.take()
    shown = words(case.collect_facts())
    ours = [fact.value for fact in case.facts.known if fact.name == "users_in_license" and "organ" in str(fact.source)]
    assert ([] if users is None else [users]) == ours
    assert ("was not used" in shown) == (users is None and seats not in (None, ""))


def test_what_was_pasted_stands_beside_what_is_read(here: World) -> None:
    """On the facts card, as the engineer's."""
    case = WeekendLicense.open(1002)
    case.take()
    shown = words(case.collect_facts(expires_on="Nov 6, 2026", billable_users="1,250", maximum_users=17))
    assert "2026-11-06" in shown
    assert "read from “Nov 6, 2026”" in shown
    assert "read from “1,250”" in shown
    assert "read from “17”" not in shown


@pytest.mark.parametrize("typed", ["a\u2011s00020071", " A - S00020071 ", "A\u2013S00020071\u200b"])
def test_a_subscription_in_another_spelling(here: World, typed: str) -> None:
    """The name that the account lists is looked up, and what was typed stands beside it."""
    case = to_subscription(2007, typed)
    assert "A-S00020071" == case.tree.subscription
    assert "read from" in case.tree.replies["license"].evidence
    assert "" == case.tree.replies["license"].differs


def test_a_subscription_that_the_account_does_not_list(here: World) -> None:
    """The message says which ones it lists; the engineer's name goes on."""
    case = to_subscription(2007, "A-S00099999")
    assert "A-S00099999" == case.tree.subscription
    assert "CustomersDot lists A-S00020071" in case.tree.replies["license"].differs


def to_subscription(ticket_id: int, subscription: str) -> WeekdayTriage:
    """A case of the week up to the subscription's name."""
    case = WeekdayTriage.open(ticket_id)
    for name in case.order[: case.order.index("find_subscription")]:
        getattr(case, name)()
    case.find_subscription(subscription=subscription)
    return case


# -- at JupyterLab


def test_the_form_asks_who_it_is(here: World, screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is filled in; the answer that was chosen goes on, and is recorded as the engineer's."""
    sit_down(here, monkeypatch)
    case = WeekendLicense.open(1062)
    run(case)
    assert case.outcome is None
    assert ["identity_confirmed"] == fields(case, "confirm_identity")
    assert "" == row(case, "confirm_identity", "identity_confirmed").text
    session(case).enter("identity_confirmed", "yes")
    run(case)
    assert "license_issued" == case.outcome
    assert "The engineer confirms" in screen.card("Confirm who this is")
    assert "-p identity_confirmed yes" in case.command


def test_form_asks_for_the_number_and_leaves_it_empty(
    here: World, screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that the same number, typed, is an answer; grouped as people write it."""
    sit_down(here, monkeypatch)
    record(here, 1061, seats="1,250")
    case = WeekendLicense.open(1061)
    run(case)
    assert case.outcome is None
    field = row(case, "choose_users", "user_count")
    assert ("", "to be answered: 1250 by the customer's evidence") == (field.text, field.message)
    field.input.value = "1,250"
    assert "read as 1250" in field.message
    run(case)
    assert "license_issued" == case.outcome
    assert "The engineer confirms 1250, read from “1,250”." in screen.card("Choose the user count")
    record(here, 1061, seats=40)


def test_the_form_asks_for_a_contradiction(here: World, screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    """With both sources beside an empty field, since choosing our own value is an answer too."""
    sit_down(here, monkeypatch)
    record(here, 3003, plan="free")
    case = WeekendLicense.open(3003)
    run(case)
    assert case.outcome is None
    field = row(case, "collect_facts", "plan")
    assert ("", "to be answered: license file: premium; organization: free") == (field.text, field.message)
    session(case).enter("plan", "free")
    run(case)
    assert "out_of_scope" == case.outcome
    assert "plan" in case.command
    record(here, 3003, plan="premium")


def test_customersdot_down_is_noted_without_waiting(
    here: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Where the organization confirms who it is the case goes on; where nothing does, the reason names both."""
    elsewhere = here.seen_from(tmp_path / "outputs")
    monkeypatch.setenv("RUNBOOK_OUTPUTS", str(elsewhere.outputs))
    path = here.folder / "running.json"
    right = path.read_text()
    descriptor = json.loads(right)
    descriptor["settings"]["customersdot_url"] = "http://127.0.0.1:9"
    path.write_text(json.dumps(descriptor))
    try:
        case = to_users(1001)
        case.choose_users()
        assert "CustomersDot" in words(case.collect_facts())
        here.change("UPDATE tickets SET organization_id = NULL WHERE id = 1010")
        missing, why = asks(to_identity(1010))
    finally:
        path.write_text(right)
    assert ("identity_confirmed", "plan") == missing
    assert "the ticket has no organization, and CustomersDot" in why
    assert "has no account" not in why
