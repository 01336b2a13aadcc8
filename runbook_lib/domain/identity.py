"""Whether our records confirm who the customer is, and that the licenses on the ticket are theirs. Pure: no look-ups.

Only our records confirm an identity: the ticket's organization, and a CustomersDot account of exactly the requester's
address. The names in a license file are compared with these. A license alone confirms no one: the holder of one
genuine file can write any company and address into another.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache, partial

import idna
from publicsuffixlist import PublicSuffixList

from runbook_lib.domain.models import Answer, Ruling
from runbook_lib.domain.policy import STAFF_DOMAIN

RULE = "Is this the customer?"
ORIGIN = "A license file proves neither its contents nor whose it is"

_PROVIDERS = """
    10minutemail.com 126.com 139.com 163.com 188.com 189.cn 1und1.de 21cn.com abv.bg aim.com alice.it aliceadsl.fr
    aliyun.com arcor.de att.net azet.sk bbox.fr bellsouth.net bigpond.com bigpond.net.au bk.ru bluewin.ch
    blueyonder.co.uk bol.com.br btinternet.com btopenworld.com centrum.cz charter.net club-internet.fr comcast.net
    cox.net cs.com daum.net disroot.org docomo.ne.jp dropmail.me duck.com earthlink.net email.com email.cz
    ezweb.ne.jp fastmail.com fastmail.fm foxmail.com free.fr freemail.hu freenet.de gazeta.pl gmail.com
    googlegroups.com groups.io guerrillamail.com hanmail.net hetnet.nl hey.com home.nl hushmail.com i.ua icloud.com
    ig.com.br inbox.com inbox.lv inbox.ru interia.eu interia.pl internet.ru inwind.it juno.com kakao.com keemail.me
    kolabnow.com kpnmail.nl laposte.net libero.it list.ru mac.com mail.bg mail.com mail.de mail.ee mail.ru
    mailbox.org maildrop.cc mailfence.com mailinator.com mailo.com me.com msn.com mynet.com nate.com naver.com
    netzero.net neuf.fr nifty.com noreply.github.com ntlworld.com numericable.fr o2.pl onet.eu onet.pl online.de
    op.pl optonline.net optusnet.com.au orange.es orange.fr ozemail.com.au passport.com planet.nl pm.me pobox.com
    post.cz posteo.de posteo.net privaterelay.appleid.com proton.me qq.com rambler.ru rediff.com rediffmail.com
    riseup.net rocketmail.com rogers.com runbox.com sapo.pt sbcglobal.net seznam.cz sfr.fr shaw.ca simplelogin.com
    simplelogin.io sina.cn sina.com sky.com skynet.be softbank.ne.jp sohu.com startmail.com sympatico.ca t-online.de
    talktalk.net telefonica.net telenet.be telus.net tempmail.com terra.com.br terra.es tin.it tlen.pl tom.com
    trashmail.com tuta.com tuta.io tutamail.com uk.net ukr.net uol.com.br verizon.net videotron.ca virgilio.it
    virgin.net virginmedia.com walla.co.il walla.com wanadoo.fr web.de windowslive.com windstream.net wp.pl
    xtra.co.nz ya.ru yeah.net ymail.com yopmail.com ziggo.nl
"""
FREE_MAIL = frozenset(_PROVIDERS.split())
"""Mail domains where anyone can get an address, so that a shared domain proves nothing.

Source: the consumer providers of HubSpot's published list of free email domains, with the large regional ones, and
the best-known disposable and relay services. The lists on package registries have only disposable domains, or are not
maintained. A missing provider does no harm by itself: our records must confirm the requester in any case.
"""
_suffixes = cache(partial(PublicSuffixList, accept_encoded_idn=False))
"""The list, once a question needs it: to read it takes as long as a step. Its rules are in letters, not in `xn--`."""
_FAMILIES = "aol gmx googlemail hotmail live outlook protonmail tiscali tutanota yahoo yandex zoho zohomail"
_FREE_FAMILIES = frozenset(_FAMILIES.split())
"""Providers with a domain in each country, such as `yahoo.co.uk`."""
_TENANTS = ("atlassian.net", "freshdesk.com", "onmicrosoft.com", "zendesk.com")
"""Domains whose subdomains belong to different customers, and which the public suffix list does not have."""
_PLACEHOLDERS = ("example.com", STAFF_DOMAIN)
"""Registered domains that name no licensee."""
MOST_CHARS = 500
"""Characters of a company's name that are compared; Zendesk takes 255."""
_NO_COMPANY = frozenset(("", "company", "customer", "n a", "na", "none", "null", "private", "self", "test", "unknown"))
"""Placeholders in a company field; emergency licenses say *Customer*."""
_FORMS = """
    ab ag aktiengesellschaft aps as asa bhd bv bvba co company corp corporation dd doo eg eireli ev gbr gmbh inc
    incorporated kft kg kgaa kk limited llc llp lp ltd ltda mbh nv ohg ood oy oyj plc pte pty pvt sa sarl sas sasu
    sdn se sia sl spa srl sro ug uab zrt aş ооо ао пао зао тов 株 有 주
"""
_JOINED_FORMS = ("株式会社", "有限会社", "合同会社", "股份有限公司", "有限责任公司", "有限公司", "주식회사")
"""Legal forms that are written without a space, before the name or after it."""
_LEGAL_PHRASES = ("a s", "sp z oo", "spol s ro", "s a", "sà rl", "de cv", "s de rl", "private")
_FORM = "|".join((*_FORMS.split(), *_JOINED_FORMS, *_LEGAL_PHRASES))
_FORMS_AROUND = (
    rf"(?<=\w)(?:(?: and)* (?:{_FORM}))+(?: and)*$",
    rf"^(?:ооо|ао|пао|зао|тов|uab|pt|株|有|주|{'|'.join(_JOINED_FORMS)}) (?=\w)",
)


@dataclass(frozen=True)
class NamedParty:
    """The company and mail domains that one source names."""

    where: str  # the source, for the reader: "organization", "CustomersDot account 7", a file's name
    company: str = ""  # the company, or ""
    domains: tuple[str, ...] = ()  # mail domains, without the addresses
    is_of_address: bool = False  # whether it is a record of exactly the requester's address


@dataclass(frozen=True)
class IdentitySources:
    """The sources that `ruling` compares."""

    ours: tuple[NamedParty, ...] = ()  # the organization, and CustomersDot accounts of exactly the requester's address
    requester: NamedParty = NamedParty("requester")
    licenses: tuple[NamedParty, ...] = ()  # the license files on the ticket that the case uses
    identity_confirmed: Answer = Answer.UNKNOWN
    not_looked: str = ""  # why CustomersDot could not be read, or ""


def ruling(who: IdentitySources) -> Ruling:
    """Whether this is the customer, by our records or by the engineer's answer."""
    if who.identity_confirmed is Answer.YES:
        return Ruling(RULE, Answer.YES, "The engineer confirms that the requester speaks for this customer.", ORIGIN)
    if who.identity_confirmed is Answer.NO:
        reason = (
            "The engineer says that the requester does not speak for this customer. Nothing is issued: ask the "
            "customer's contact on file to open a ticket."
        )
        return Ruling(RULE, Answer.NO, reason, ORIGIN)
    ours = [license for license in who.licenses if agrees(license, who)]
    strangers = [one for one in who.licenses if one not in ours and not (ours and _names_no_one(one))]
    if not who.ours:
        reason = (
            f"Nothing of ours says who this is: the ticket has no organization, and {who.not_looked or _NO_ACCOUNT}."
        )
    elif strangers:
        reason = f"{_names(strangers[0])}, but {'; '.join(map(_names, (*who.ours, who.requester)))}."
    elif not (confirming := [one for one in who.ours if _has_domain(one, who)]):
        address = ", ".join(map(domain_key, who.requester.domains)) or "no address"
        named = next((one for one in (*who.ours, *who.licenses) if one.domains), who.ours[0])
        reason = f"{_names(named)}, but the requester writes from {address}, which is not of that."
    else:
        words = " and ".join(one.where for one in confirming[:2])
        licenses = "; the license on the ticket agrees" if who.licenses else ""
        return Ruling(RULE, Answer.YES, f"Known to us by {words}{licenses}.", ORIGIN)
    advice = "Make sure by another way than this ticket, such as the contact on file, that this is the customer."
    return Ruling(RULE, Answer.UNKNOWN, f"{reason} {advice}", ORIGIN, ("identity_confirmed",))


_NO_ACCOUNT = "CustomersDot has no account of this address"


def agrees(license: NamedParty, who: IdentitySources) -> bool:
    """Whether a license names a company or mail domain that our records have for the requester.

    The requester's own domain counts if there is such a record, unless it lists domains without theirs.
    """
    if any(same_company(license.company, one.company) for one in who.ours):
        return True
    listed = [domain for one in who.ours for domain in one.domains]
    theirs = [one for one in who.requester.domains if not listed or any(same_domain(one, other) for other in listed)]
    known = (*listed, *(theirs if who.ours else ()))
    return any(same_domain(one, other) for one in license.domains for other in known)


def _has_domain(ours: NamedParty, who: IdentitySources) -> bool:
    """Whether a record has the requester's mail domain; where it lists none, whether the licenses name no other.

    A reseller, a former employee or a look-alike of the domain may be in an organization, too.
    """
    if ours.is_of_address:
        return True
    theirs = who.requester.domains
    of_licenses = [domain for one in who.licenses for domain in _own_domains(one) if theirs]
    listed = ours.domains or of_licenses
    return not listed or any(same_domain(one, other) for one in listed for other in theirs)


def standing(license: NamedParty, who: IdentitySources) -> str:
    """How a license's names compare with our records, in words."""
    if not who.ours:
        return "nothing of ours to compare it with"
    if agrees(license, who):
        return "agrees"
    if _names_no_one(license):
        return "names no one" + (": anyone can have an address there" if license.domains else "")
    return "differs"


def _names_no_one(license: NamedParty) -> bool:
    """Whether a license has neither a company nor a mail domain of its own, as an emergency license has neither."""
    return not (_own_domains(license) or company_key(license.company))


def _own_domains(license: NamedParty) -> list[str]:
    """The domains that may be its licensee's: no free mail, no placeholder, and not GitLab's, whose staff made it."""
    placeholders = tuple(f".{one}" for one in _PLACEHOLDERS)
    return [one for one in license.domains if not (is_free_mail(one) or f".{domain_key(one)}".endswith(placeholders))]


def same_company(one: str, other: str) -> bool:
    """Whether two names are of one company: all words agree, ignoring case, punctuation and the legal form."""
    return bool(company_key(one)) and company_key(one) == company_key(other)


def company_key(name: str) -> str:
    """A company's name without case, punctuation and legal form; "" where it names none."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name[:MOST_CHARS]).casefold())
    folded = re.sub(r"[.'’]", "", folded).replace("&", " and ").replace("+", " and ")
    folded = re.sub(f"({'|'.join(_JOINED_FORMS)})", r" \1 ", folded)
    kinds = ((char, unicodedata.category(char)) for char in folded)
    visible = (" " if kind[0] in "PSZC" else char for char, kind in kinds if kind != "Cf")
    name = " ".join(unicodedata.normalize("NFKC", "".join(visible)).split())  # again: removed characters may join marks
    key = name
    for form in _FORMS_AROUND:
        key = re.sub(form, "", key)
    if key in _NO_COMPANY:
        return ""
    return name if re.fullmatch(_FORM, key) else key


def same_domain(one: str, other: str) -> bool:
    """Whether two mail domains have one owner: both have the same registered domain, and neither is free mail."""
    first, second = domain_key(one), domain_key(other)
    if not first or not second or is_free_mail(first) or is_free_mail(second):
        return False
    return first == second or registered_domain(first) == registered_domain(second) != ""


def registered_domain(domain: str) -> str:
    """The registered part of a domain, such as `acme.co.uk` of `eu.acme.co.uk`; "" if there is none.

    Source: the public suffix list of Mozilla, in the package `publicsuffixlist`.
    """
    key = domain_key(domain)
    labels = key.split(".")
    for tenants in _TENANTS:
        if key.endswith(f".{tenants}"):
            return ".".join(labels[-1 - len(tenants.split(".")) :])
    found = "" if key in _TENANTS else _suffixes().privatesuffix(idna.decode(key) if "xn--" in key else key)
    return ".".join(labels[-1 - found.count(".") :]) if found else ""


def domain_key(domain: str) -> str:
    """A domain in ASCII and lower case, for comparison; "" if it is no domain.

    By IDNA 2008, as registries and `parameters.address` have it: `faß.de` and `fass.de` have two owners. Python's own
    codec is of 2003, and takes one for the other.
    """
    try:
        found = idna.encode(domain.strip().strip("."), uts46=True).decode("ascii")
    except UnicodeError:
        return ""
    return found if re.fullmatch(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}", found) else ""


def is_free_mail(domain: str) -> bool:
    labels = domain_key(domain).split(".")
    above = {".".join(labels[at:]) for at in range(len(labels))}
    named = labels[-3:-1] if len(labels) > 2 and len(labels[-2]) <= 3 else labels[-2:-1]  # of `co.uk` and the like
    return bool(above & FREE_MAIL or set(named) & _FREE_FAMILIES)


def domain_of(address: str | None) -> tuple[str, ...]:
    """The mail domain of an address, for `NamedParty.domains`; empty if it is no address."""
    local, at, domain = (address or "").strip().rpartition("@")
    return (domain,) if local and at and domain_key(domain) else ()


def _names(one: NamedParty) -> str:
    known = " at ".join(filter(None, (one.company, ", ".join(one.domains))))
    return f"{one.where} names {known or 'no one'}"
