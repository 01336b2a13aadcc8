"""Who a ticket's customer is: which companies and mail domains are the same, and who confirms it."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runbook_lib.domain import identity
from runbook_lib.domain.identity import IdentitySources, NamedParty
from runbook_lib.domain.models import Answer

YES, UNKNOWN = Answer.YES, Answer.UNKNOWN
ORGANIZATION = NamedParty("organization", "Nordlicht Analytics")
LISTED = NamedParty("organization", "Nordlicht Analytics", ("other.example", "nordlicht.example"))
ACCOUNT = NamedParty("CustomersDot account 7", "Nordlicht", ("nordlicht.example",))
REQUESTER = NamedParty("requester", domains=("nordlicht.example",))
OURS = NamedParty("nordlicht.gitlab-license", "Nordlicht Analytics GmbH", ("nordlicht.example",))
STRANGER = NamedParty("license.txt", "Totally Other Corp", ("other.example",))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Nordlicht Analytics", "NORDLICHT  ANALYTICS"),
        ("Nordlicht Analytics", "Nordlicht-Analytics GmbH"),
        ("Nordlicht Analytics", "Nordlicht Analytics G.m.b.H."),
        ("Nordlicht", "Nordlicht GmbH & Co. KG"),
        ("Acme", "Acme, Inc."),
        ("Acme", "ACME Corporation"),
        ("Acme", "Acme Pty Ltd"),
        ("Acme", "Acme Private Limited"),
        ("Acme", "Acme S.A."),
        ("Acme", "Acme A/S"),
        ("Acme", "Acme S. de R.L. de C.V."),
        ("Acme", "Acme A.Ş."),
        ("UAB Acme", "Acme"),
        ("ПАО Ромашка", "Ромашка"),
        ("Acme", "Acme Sp. z o.o."),
        ("Smith & Sons", "Smith and Sons Ltd."),
        ("O'Neil Works", "O’Neil Works"),
        ("Puerto Logística", unicodedata.normalize("NFD", "puerto logística")),
        ("ＡＣＭＥ", "acme"),
        ("Ac\u200bme", "acme"),
        ("Straße AG", "STRASSE"),
        ("SAS", "sas"),
        ("ООО Ромашка", "Ромашка"),
        *(
            ("株式会社ノルド", "ノルド"),
            ("ノルド㈱", "ノルド"),
            ("北光股份有限公司", "北光"),
            ("(주)노르드", "노르드 주식회사"),
        ),
    ],
)
def test_one_company_in_two_spellings(one: str, other: str) -> None:
    """Case, punctuation, legal form and normal form make no difference."""
    assert identity.same_company(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Acme", "Acme Robotics"),
        ("Acme", "Acne"),
        ("Acme North", "North Acme"),
        ("Nordlicht", "N\u043erdlicht"),  # a Cyrillic letter
        ("Puerto Logística", "Puerto Logistica"),
        ("", ""),
        (" - ", "-"),
        ("Customer", "customer"),
        ("Private GmbH", "Private GmbH"),
        ("Private Limited", "private limited"),
        ("n/a", "N/A"),
        ("GmbH", "AG"),
        ("Acme Germany GmbH", "Acme France SAS"),
        ("Acme Holding", "Acme"),
        ("\u200b", ""),
    ],
)
def test_no_company_is_like_another(one: str, other: str) -> None:
    """Nothing is fuzzy, and what names no one is the same as nothing."""
    assert not identity.same_company(one, other)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("example.com", "example.com", True),
        ("Example.COM.", "example.com", True),
        ("mail.example.com", "example.com", True),
        ("example.com", "a.b.example.com", True),
        ("bücher.example", "xn--bcher-kva.example", True),
        ("example.co.uk", "mail.example.co.uk", True),
        ("evil-example.com", "example.com", False),
        ("example.com.evil.net", "example.com", False),
        ("example.com", "example.org", False),
        ("a.co.uk", "b.co.uk", False),
        ("eu.acme.co.uk", "us.acme.co.uk", True),
        ("it.acme.com", "dev.eu.acme.com", True),
        ("eu.acme.com.br", "acme.com.br", True),
        ("a.k12.ca.us", "b.k12.ca.us", False),
        ("a.gov.uk", "b.gov.uk", False),
        ("a.onmicrosoft.com", "b.onmicrosoft.com", False),
        ("mail.a.onmicrosoft.com", "a.onmicrosoft.com", True),
        ("a.azurewebsites.net", "b.azurewebsites.net", False),
        ("live.acme.com", "acme.com", True),
        ("yahoo.acme.com", "acme.com", True),
        ("aol.de", "aol.de", False),
        ("co.uk", "a.co.uk", False),
        ("com", "example.com", False),
        ("com.au", "shop.com.au", False),
        ("a.github.io", "b.github.io", False),
        ("gmail.com", "gmail.com", False),
        ("yahoo.co.uk", "yahoo.co.uk", False),
        ("mail.yahoo.fr", "mail.yahoo.fr", False),
        ("outlook.de", "OUTLOOK.de", False),
        ("web.de", "web.de", False),
        ("mygmail.com", "mygmail.com", True),
        ("", "", False),
        ("localhost", "localhost", False),
        ("a..b", "a..b", False),
        ("-a.com", "-a.com", False),
        ("\ud800.com", "\ud800.com", False),
        ("exаmple.com", "example.com", False),  # a Cyrillic letter
        ("faß.example", "fass.example", False),  # two domains since IDNA 2008
        ("faß.example", "xn--fa-hia.example", True),
        ("σίγμας.example", "σίγμασ.example", False),
        ("BÜCHER.example", "bücher.example", True),
        ("ａｃｍｅ。example", "acme.example", True),
        ("acme\u200b.example", "acme.example", True),
        ("googlegroups.com", "googlegroups.com", False),
        ("users.noreply.github.com", "users.noreply.github.com", False),
        ("zoho.eu", "zoho.eu", False),
    ],
)
def test_domains_of_one_owner(one: str, other: str, same: bool) -> None:
    """The same, or one below the other; a suffix that only looks like it, a registry's, or free mail never is."""
    assert same == identity.same_domain(one, other)
    assert same == identity.same_domain(other, one)


@pytest.mark.parametrize(
    ("address", "domains"),
    [
        ("a@example.com", ("example.com",)),
        (None, ()),
        ("", ()),
        ("not an address", ()),
        ("@example.com", ()),
        ("a@", ()),
        ("a@b@example.com", ("example.com",)),
    ],
)
def test_the_domain_of_an_address(address: str | None, domains: tuple[str, ...]) -> None:
    """Nothing where there is none."""
    assert domains == identity.domain_of(address)


@pytest.mark.parametrize(
    ("who", "holds", "words"),
    [
        (IdentitySources((ORGANIZATION,), REQUESTER), Answer.YES, "Known to us by organization"),
        (IdentitySources((ACCOUNT,), REQUESTER), Answer.YES, "CustomersDot account 7"),
        (IdentitySources((ORGANIZATION,), REQUESTER, (OURS,)), Answer.YES, "the license on the ticket agrees"),
        (IdentitySources((ACCOUNT,), REQUESTER, (OURS,)), Answer.YES, "agrees"),
        (IdentitySources((), REQUESTER, (OURS,)), Answer.UNKNOWN, "Nothing of ours says who this is"),
        (
            IdentitySources((), REQUESTER, (OURS,), not_looked="CustomersDot is down"),
            Answer.UNKNOWN,
            "CustomersDot is down",
        ),
        (IdentitySources(()), Answer.UNKNOWN, "no organization"),
        (
            IdentitySources((ORGANIZATION,), REQUESTER, (STRANGER,)),
            Answer.UNKNOWN,
            "Totally Other Corp at other.example",
        ),
        (IdentitySources((ORGANIZATION,), REQUESTER, (OURS, STRANGER)), Answer.UNKNOWN, "license.txt names"),
        (IdentitySources((ORGANIZATION,), REQUESTER, (NamedParty("x"),)), Answer.UNKNOWN, "x names no one"),
        (IdentitySources((ORGANIZATION,), REQUESTER, (STRANGER,), Answer.YES), Answer.YES, "The engineer confirms"),
        (IdentitySources((), REQUESTER, (), Answer.NO), Answer.NO, "Nothing is issued"),
        (IdentitySources((LISTED,), NamedParty("r", domains=("eu.nordlicht.example",))), Answer.YES, "organization"),
        (IdentitySources((LISTED,), NamedParty("r", domains=("n\u043erdlicht.example",))), Answer.UNKNOWN, "from xn--"),
        (IdentitySources((LISTED,), NamedParty("r", domains=("reseller.example",))), Answer.UNKNOWN, "from reseller."),
        (IdentitySources((LISTED,), NamedParty("r", domains=("gmail.com",))), Answer.UNKNOWN, "from gmail.com"),
        (IdentitySources((LISTED,), NamedParty("r")), Answer.UNKNOWN, "from no address"),
        *(
            (IdentitySources((ORGANIZATION,), NamedParty("r", domains=(domain,)), (OURS,)), holds, words)
            for domain, holds, words in (
                ("reseller.example", Answer.UNKNOWN, "nordlicht.example, but the requester writes from reseller."),
                ("gmail.com", Answer.UNKNOWN, "from gmail.com"),
                ("nordlicht.example.evil.example", Answer.UNKNOWN, "from nordlicht.example.evil.example"),
                ("eu.nordlicht.example", Answer.YES, "Known to us by organization"),
            )
        ),
        (
            IdentitySources((ORGANIZATION,), NamedParty("r", domains=("gmail.com",)), (NamedParty("x", "Nordlicht"),)),
            *(Answer.UNKNOWN, "x names Nordlicht"),
        ),
        (
            IdentitySources(
                (LISTED, NamedParty("account 8", "", ("gmail.com",), True)), NamedParty("r", "", ("gmail.com",))
            ),
            *(Answer.YES, "Known to us by account 8."),
        ),
        (
            IdentitySources((NamedParty("organization", "Acme", ("gmail.com",)),), NamedParty("r", "", ("gmail.com",))),
            *(Answer.UNKNOWN, "from gmail.com"),
        ),
        (IdentitySources((LISTED,), REQUESTER, (OURS, NamedParty("x", "Customer", ("example.com",)))), YES, "Known"),
        (IdentitySources((LISTED,), REQUESTER, (OURS, NamedParty("x", "", ("gmail.com",)))), YES, "Known to us"),
        *(  # a license that GitLab's staff made out names no other customer
            (
                IdentitySources((ORGANIZATION,), REQUESTER, (NamedParty("x", "Nordlicht Analytics", (one,)),)),
                YES,
                "Known",
            )
            for one in ("eu.gitlab.com", "example.com")
        ),
        (IdentitySources((LISTED,), REQUESTER, (OURS, NamedParty("x", "Acme", ("gmail.com",)))), UNKNOWN, "x names"),
    ],
)
def test_who_confirms_it(who: IdentitySources, holds: Answer, words: str) -> None:
    """Something of ours, or a person; a license alone never does, and a stranger's asks."""
    found = identity.ruling(who)
    assert holds is found.holds
    assert words in found.reason
    assert (("identity_confirmed",) if holds is Answer.UNKNOWN else ()) == found.missing


def test_the_requesters_domain_counts_once_a_record_is_ours() -> None:
    """A license of another company name, at the requester's own domain, is theirs; without a record it says nothing."""
    license = NamedParty("x", "Nordlicht Holding", ("nordlicht.example",))
    assert identity.agrees(license, IdentitySources((ORGANIZATION,), REQUESTER))
    assert not identity.agrees(license, IdentitySources((), REQUESTER))
    listed = NamedParty("organization", "Nordlicht Analytics", ("elsewhere.example",))
    assert not identity.agrees(license, IdentitySources((listed,), REQUESTER))


def test_free_mail_confirms_nothing() -> None:
    """Two addresses at one provider have nothing in common."""
    requester, license = NamedParty("requester", domains=("gmail.com",)), NamedParty("x", "Mallory Ltd", ("gmail.com",))
    who = IdentitySources((ORGANIZATION,), requester, (license,))
    assert Answer.UNKNOWN is identity.ruling(who).holds
    assert "differs" == identity.standing(license, who)
    assert "names no one: anyone can have an address there" == identity.standing(
        NamedParty("x", "", ("gmail.com",)), who
    )
    assert "agrees" == identity.standing(NamedParty("x", "nordlicht analytics"), who)
    assert "nothing of ours to compare it with" == identity.standing(license, IdentitySources())


def test_the_list_of_free_mail_is_well_formed() -> None:
    """Each entry is a domain as it is compared."""
    assert [] == [domain for domain in identity.FREE_MAIL if identity.domain_key(domain) != domain]
    assert all(identity.is_free_mail(domain) for domain in identity.FREE_MAIL)


@given(name=st.text(), other=st.text())
@settings(max_examples=80)
def test_any_name_can_be_compared(name: str, other: str) -> None:
    """The key is stable, and comparing is symmetric."""
    key = identity.company_key(name)
    assert key == identity.company_key(key) or not identity.company_key(key)
    assert identity.same_company(name, other) == identity.same_company(other, name)
    assert identity.same_domain(name, other) == identity.same_domain(other, name)


@given(
    label=st.text("abcxyz019", min_size=4, max_size=10).map("n".__add__),
    prefix=st.text("abcxyz019-", min_size=1, max_size=8),
)
@settings(max_examples=50)
def test_a_longer_name_is_no_subdomain(label: str, prefix: str) -> None:
    """Only a dot makes one."""
    assert not identity.same_domain(f"a{prefix}{label}.com", f"{label}.com")
    assert not identity.same_domain(f"{label}.com.{label}.net", f"{label}.com")
