"""The second net: known secrets and licenses do not get through, however they are spelled; nothing else is touched."""

from __future__ import annotations

import base64
import gzip
import html
import json
import re
import textwrap
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, unquote

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.domain import parameters
from runbook_lib.domain.base64_pieces import unbase64
from runbook_lib.domain.errors import InputError
from runbook_lib.domain.plain_text import clean
from runbook_lib.job_settings import JobSettings
from runbook_lib.redaction import Redacted, Redactor, original
from runbook_lib.settings import Settings
from tests.configuration import without_configuration
from tests.wrappings import ENCODED, EXAMPLES, LICENSES, WRAPPINGS, body_of, encode64, license_text, runs_of

VECTORS = Path(__file__).parent / "data" / "license-vectors"
SECRET = "hush-&<>'\"\\-4711"
NET = Redactor({"zendesk_oauth_token": SECRET, "slack_token": "xoxb-canary", "short": "abc"})


@pytest.mark.parametrize(
    "spelled",
    [SECRET, html.escape(SECRET), quote(SECRET, safe=""), json.dumps(SECRET), repr(SECRET)],
    ids=["as it is", "HTML", "address", "JSON", "literal"],
)
def test_a_secret(spelled: str) -> None:
    """Its setting's name stands in its place."""
    found = NET.text(f"before {spelled} after")
    assert "4711" not in found
    assert "[zendesk_oauth_token]" in found
    assert found.startswith("before ")
    assert found.endswith(" after")


def test_what_is_too_short_is_no_secret() -> None:
    """It would be found in words that have nothing to do with it."""
    assert "abcdef" == NET.text("abcdef")


@pytest.mark.parametrize(
    "form",
    [
        lambda parts: json.dumps(parts),
        lambda parts: json.dumps(parts, indent=2),
        lambda parts: json.dumps(json.dumps(parts)),
        lambda parts: repr(parts),
        lambda parts: json.dumps(parts).replace(": ", "=>"),
        lambda parts: re.sub('"(data|key|iv)":', r"\1:", json.dumps(parts)),
        lambda parts: "".join(f"{name}: |\n{textwrap.indent(value, '  ')}" for name, value in parts.items()),
    ],
    ids=["JSON", "indented", "JSON in JSON", "Python", "Ruby", "Ruby 3.4", "YAML"],
)
def test_a_decoded_license(form: Callable[[dict[str, str]], str]) -> None:
    """As `base64 -d` prints it: with these three parts any reader has the license again."""
    parts = {"data": encode64(bytes(range(256)) * 3), "key": encode64(bytes(range(256))), "iv": encode64(bytes(16))}
    shown = Redactor({}).text(f"It says: {form(parts)} What now?")
    assert parts["key"][:40] not in shown and parts["data"][:40] not in shown
    assert shown.startswith("It says: ") and shown.endswith("What now?")
    assert parts["data"][:40] not in clean(form(parts), 10_000)


def test_what_looks_a_little_like_one() -> None:
    """Words about licenses, digests, links and images stay."""
    image = base64.b64encode(bytes(range(256)) * 4).decode()
    for text in ("BEGINNING of the LICENSE", "GitLab license", "a" * 64, image, "eyJkYXRhIjoi"):
        assert text == NET.text(text)


@given(st.text())
def test_nothing_else_is_touched(text: str) -> None:
    """Text without secrets and licenses is the same afterwards."""
    if not any(word in text for word in ("BEGIN", "hush", "canary", "eyJ")):
        assert text == NET.text(text)


TOKENS = {
    "zendesk_oauth_token": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "zendesk_api_token": "pT4-v/9Qx+Zr=&<7yB\"w'k\\2uM%41c",
    "slack_token": "xoxb-123456789012-AbCdEfGhIjKlMnOpQrStUvWx",
    "customersdot_cookie": "_customersdot_session=BAh7%2BCEkiD3Nlc3Npb25faWQGOgZFVEk%3D--0a1b2c3d4e5f",
    "customersdot_cookie's value": "BAh7%2BCEkiD3Nlc3Npb25faWQGOgZFVEk%3D--0a1b2c3d4e5f",
}
BASIC = base64.b64encode(f"agent@team.example/token:{TOKENS['zendesk_api_token']}".encode()).decode()
SPELLINGS = {
    "as it is": str,
    "percent": lambda word: quote(word, safe=""),
    "percent, lower case": lambda word: re.sub("%..", lambda found: found[0].lower(), quote(word, safe="")),
    "JSON": lambda word: json.dumps(word)[1:-1],
    "JSON of Rails": lambda word: re.sub("[<>&='/]", lambda found: f"\\u{ord(found[0]):04x}", json.dumps(word)[1:-1]),
    "HTML": html.escape,
    "HTML by number": lambda word: "".join(f"&#x{ord(char):x};" if not char.isalnum() else char for char in word),
    "Base64": lambda word: base64.b64encode(f"kim:{word}".encode()).decode(),
    "Base64 in lines": lambda word: encode64(f"token={word}\n".encode(), 20),
    "Base64 for addresses": lambda word: base64.urlsafe_b64encode(f"?{word}~".encode()).decode(),
    "Base64 of gzip": lambda word: encode64(gzip.compress(json.dumps({"config": [*range(99), word]}).encode())),
    "Base64 of short gzip": lambda word: base64.b64encode(gzip.compress(word.encode())).decode(),
    "Base64 of UTF-16": lambda word: base64.b64encode(f"token='{word}'".encode("utf-16-le")).decode(),
    "hexadecimal": lambda word: f"token={word.encode().hex()}",
    "zero width": "\u200b".join,
    "UTF-16": "\0".join,
    "colors": lambda word: f"{word[:9]}\x1b[0m{word[9:]}",
    "Base64 twice": lambda word: encode64(encode64(f"token: {word}\n".encode()).encode()),
}
GUARD = Redactor({**TOKENS, "zendesk_api_token in a header": BASIC})


BASE64 = re.compile("[A-Za-z0-9+/]{10,}").findall


def pieces(secret: str, shown: str) -> list[str]:
    """The pieces of a secret that can be read in a text, or that some way of spelling hides there."""
    views = {shown, html.unescape(shown), unquote(shown), shown.replace("\\/", "/"), html.unescape(unquote(shown))}
    for _ in range(2):
        runs = [run for view in views for run in BASE64(re.sub(r"\s", "", view).translate(str.maketrans("-_", "+/")))]
        views |= {unbase64(run[at:]).decode("latin-1") for run in runs for at in range(4)}
    found = {secret[at : at + 8] for at in range(len(secret) - 8 + 1)}
    return [piece for piece in found if any(piece in view for view in views)]


@EXAMPLES
@given(
    name=st.sampled_from([*sorted(TOKENS), "Basic"]),
    spelling=st.sampled_from(sorted(SPELLINGS)),
    before=st.text(max_size=40),
    after=st.text(max_size=40),
    cut=st.tuples(st.integers(0, 150), st.integers(0, 150)),
)
def test_no_piece_of_a_secret_is_left(name: str, spelling: str, before: str, after: str, cut: tuple[int, int]) -> None:
    """As a server may spell it, whole or cut anywhere, with anything around it."""
    secret = {**TOKENS, "Basic": BASIC}[name]
    core = TOKENS["customersdot_cookie's value"] if "cookie" in name else secret
    spelled = SPELLINGS[spelling](secret)
    start, end = sorted(cut)
    for said in (spelled, spelled[start:end]):
        assert [] == pieces(core, GUARD.text(f"{before}{said}{after}"))


@pytest.mark.parametrize("name", sorted(TOKENS))
@pytest.mark.parametrize("change", [str.upper, str.lower, lambda word: word.encode().hex()[2:40]])
def test_a_secret_in_one_case_is_taken_out(name: str, change: Callable[[str], str]) -> None:
    """As a service keeps an account's name, which is where it was pasted; also a part in hex digits."""
    core = change(TOKENS["customersdot_cookie's value"] if "cookie" in name else TOKENS[name])
    assert not [core[at : at + 16] for at in range(len(core) - 15) if core[at : at + 16] in GUARD.text(f"no {core}!")]


@pytest.mark.parametrize(
    "words", ["customersdot_session is over", "RUNBOOK_CUSTOMERSDOT_COOKIE", "xoxb-12", "agent@team"]
)
def test_what_is_no_secret_in_a_secret_stays(words: str) -> None:
    """A cookie's name is in its documentation."""
    assert words == GUARD.text(words)


@EXAMPLES
@given(text=LICENSES, name=st.sampled_from(sorted(WRAPPINGS)))
def test_no_license_is_left_in_any_wrapping(text: str, name: str) -> None:
    """Not in a text, a key, a list of lines, or what was read off JSON."""
    wrapped = WRAPPINGS[name](text)
    data = GUARD.data({"words": wrapped, "lines": wrapped.splitlines(), "deep": [{wrapped: 1}]})
    assert [] == runs_of(body_of(text), json.dumps(data))


@EXAMPLES
@given(text=LICENSES, name=st.sampled_from(ENCODED), before=st.text(max_size=20), after=st.text(max_size=20))
def test_no_encoded_license_is_left(text: str, name: str, before: str, after: str) -> None:
    """Whoever decodes what is shown finds none."""
    wrapped = WRAPPINGS[name](text)
    shown = NET.text(f"{before}\n{wrapped}\n{after}")
    letters = re.sub(r"\\n|[^A-Za-z0-9+/=]", "", wrapped)
    assert [] == runs_of(letters[40:], shown, least=60)


WORDS = ["0=", "a= b=", "x", "aa", "QUJD", "LICENSE", "Zm9vYmFyZm9vYmFyZm9vYmFy", f"{'a' * 21}\n{'b' * 30}"]
"""What, joined to the lines beside it, shifts an encoding, hides where a file begins or damages its end."""


@pytest.mark.parametrize("name", ENCODED)
def test_a_word_beside_it_hides_no_encoded_license(name: str) -> None:
    """A soft line break joins one to the next line; a long one is Base64 itself; nor does a missing end hide it."""
    data = bytes(range(256)) * 2
    for size in (318, 319, 320):
        wrapped = WRAPPINGS[name](license_text(data[:size], data[:256], data[:16], boundary=False))
        letters = re.sub(r"\\n|[^A-Za-z0-9+/=]", "", wrapped)
        texts = [f"{word}\n{wrapped}" for word in WORDS] + [f"{wrapped}\n{word}" for word in WORDS]
        texts += [wrapped[: len(wrapped) * part // 10] for part in (5, 7, 9)]
        assert [] == [text for text in texts if runs_of(letters[40:], NET.text(text), least=60)]


@pytest.mark.parametrize("boundary", [True, False])
def test_the_words_beside_a_license_stay(boundary: bool) -> None:
    """Those of a job's issue say how far it came, and `orders` reads them; also where its padding is missing."""
    words = (
        "\n\nNo mail was sent.",
        "\n```\n\nThe mail\n",
        "\n\nBye, Kim",
        "\n> > Bye, Kim",
        "\nzz",
        " 2026",
        "\nThanks",
    )
    for size in range(317, 325):
        data = bytes(range(256)) * 2
        license_file = license_text(data[:size], data[:256], data[:16], boundary=boundary).strip()
        for text in (license_file, license_file.rstrip("=")):
            assert [f"Hello,\n[license]{after}" for after in words] == [
                NET.text(f"Hello,\n{text}{after}") for after in words
            ]


def test_what_enters_remembers_its_original() -> None:
    """The finder of licenses gets the text as it came; everybody else gets it without."""
    text = (VECTORS / "with-boundary.gitlab-license").read_text()
    found = GUARD.entering({"body": f"Hi\n{text}", "subject": "Hi", "n": [1, None]})
    assert ("Hi\n[license]", f"Hi\n{text}") == (found["body"], original(found["body"]))
    assert [] == runs_of(body_of(text), repr(found) + json.dumps(found))
    assert isinstance(found["body"], Redacted)
    assert type(found["subject"]) is str
    assert "Hi" == original(found["subject"])


KEY = "-----BEGIN RSA PRIVATE KEY-----\n" + encode64(bytes(range(200)), 64) + "-----END RSA PRIVATE KEY-----"
FORMS = {
    "GitLab": "my token is glpat-Zz9Yy8Xx7Ww6Vv5Uu4Tt, thanks",
    "GitLab, routable": "glrt-t3_Zz9Yy8Xx7Ww6Vv5Uu4TtAbCdEf12345.01.0a1b2c3d4",
    "GitLab runner": "registration: GR1348941Zz9Yy8Xx7Ww6Vv5Uu4Tt",
    "Slack": "xoxp-998877665544-112233445566-Zz9Yy8Xx7Ww6Vv5Uu4Tt",
    "Slack's address": r"https:\/\/hooks.slack.com\/" r"services\/T0AAAAAAA\/B0BBBBBBB\/Zz9Yy8Xx7Ww6Vv5Uu4TtSs3R",
    "Google": "AIzaSyZz9Yy8Xx7Ww6Vv5Uu4TtSs3Rr2Qq1Pp0O",
    "Stripe": "sk_live_Zz9Yy8Xx7Ww6Vv5Uu4Tt",
    "Vault": "hvs.Zz9Yy8Xx7Ww6Vv5Uu4Tt",
    "Hugging Face": "hf_Zz9Yy8Xx7Ww6Vv5Uu4TtAbCdEfGhIjKlMn",
    "a vendor not known here": "acme_prod-Zz9Yy8Xx7Ww6Vv5Uu4Tt",
    "XML": "<smtpPassword>Zz9Yy8Xx7Ww6Vv5Uu4Tt</smtpPassword>",
    "two tokens in one": "PMAK-Zz9Yy8Xx7Ww6Vv5Uu4Tt-Zz9Yy8Xx7Ww6Vv5Uu4Tt",
    "manifest": "- name: SMTP_PASSWORD\n  value: Zz9Yy8Xx7Ww6Vv5Uu4Tt",
    "table of HTML": "<td>Password</td><td>Zz9Yy8Xx7Ww6Vv5Uu4Tt</td>",
    "attributes of XML": '<add key="LdapPassword" value="Zz9Yy8Xx7Ww6Vv5Uu4Tt"/>',
    "a sentence": "the root password is Zz9Yy8Xx7Ww6Vv5Uu4Tt , please use it",
    "Japanese": "パスワード：Zz9Yy8Xx7Ww6Vv5Uu4Tt",
    "connection string": "Server=db;User Id=gitlab;Pwd=Zz9Yy8Xx7Ww6Vv5Uu4Tt;",
    "curl": "curl -u root:Zz9Yy8Xx7Ww6Vv5Uu4Tt https://git.example/api",
    "option": "gitlab-runner register --registration-token Zz9Yy8Xx7Ww6Vv5Uu4Tt --url x",
    "short option": "sshpass -p 'Zz9Yy8Xx&7Ww6 Vv5Uu4Tt' ssh root@git.example",
    "attached option": "mysql -u gitlab -pZz9Yy8Xx7Ww6Vv5Uu4Tt gitlabhq_production",
    "option of a login": "docker login registry.example -u jane -p Zz9Yy8Xx7Ww6Vv5Uu4Tt",
    "HTTPie": "http -a jane:Zz9Yy8Xx7Ww6Vv5Uu4Tt https://git.example/api",
    "webhook": "https://chat.example/api/webhooks/112233445566778899/Zz9Yy8Xx7Ww6Vv5Uu4TtAbCdEfGhIj",
    "webhook by its name": "https://hooks.chat.example/workflows/T0A/Zz9Yy8Xx7Ww6Vv5Uu4Tt and more",
    "token for a user": "git clone https://Zz9Yy8Xx7Ww6Vv5Uu4Tt@git.example/x.git",
    "a name with its user": "initial password (root): Zz9Yy8Xx7Ww6Vv5Uu4Tt",
    "a name and its user": "Password for the admin user (root): Zz9Yy8Xx7",
    "user and pass": "user root / pass Zz9Yy8Xx7",
    "a key that both sides have": "VPN PSK = Zz9Yy8Xx#L",
    "a token without a digit": "https://git.example/dashboard.atom?feed_token=ZzYyXxDeFgHiJkLmNoPq",
    "a token without a digit, stated": "Your feed token is ZzYyXxDeFgHiJkLmNoPq.",
    "an address for new issues": "incoming+acme-app-12-zzyyxxdefghij0123456789kl-issue@incoming.gitlab.com",
    "a passcode": "Meeting ID 839 201, passcode: 83920147, from 9 am. Password: 83920147\n",
    "a wireless network": r"WIFI:S:Nordlicht\;5;T:WPA;P:ZzYyXx\;44;;",
    "openssl": "openssl enc -pass pass:Zz9Yy8Xx7Ww6Vv5Uu4Tt -in a",
    "short name": "user gitlab / pw: Zz9Yy8Xx7Ww6Vv5Uu4Tt",
    "a password for somebody": "The password for root is Zz9Yy8Xx7Ww6Vv5Uu4Tt, sorry",
    "piped to sudo": "echo 'Zz9Yy8Xx&7Ww6 Vv5Uu4Tt' | sudo -S gitlab-ctl restart",
    "piped to Docker": "printf '%s\\n' Zz9Yy8Xx7Ww6Vv5Uu4Tt | docker login registry.example -u jane --password-stdin",
    "piped to a user's password": "echo root:Zz9Yy8Xx7Ww6Vv5Uu4Tt | sudo chpasswd",
    "given to Kerberos": "kinit jane@GIT.EXAMPLE <<< 'Zz9Yy8Xx7Ww6Vv5Uu4Tt'",
    "Samba": "smbclient -U jane%Zz9Yy8Xx7Ww6Vv5Uu4Tt //files.example/backup",
    "remote desktop": "xfreerdp /v:git.example /u:jane /p:Zz9Yy8Xx7Ww6Vv5Uu4Tt",
    "Windows share": "net use Z: \\\\files\\backup /user:EX\\jane Zz9Yy8Xx7Ww6Vv5Uu4Tt",
    "Windows share, password first": "net use Z: \\\\files\\backup Zz9Yy8Xx7Ww6Vv5Uu4Tt /user:jane",
    "SQL": "ALTER USER gitlab IDENTIFIED BY 'Zz9Yy8Xx7Ww6Vv5Uu4Tt';",
    "Redis": "requirepass Zz9Yy8Xx7Ww6Vv5Uu4Tt",
    "name and password": "Credentials: root / Zz9Yy8Xx7Ww6Vv5Uu4Tt",
    "login in one": "login root:Zz9Yy8Xx7Ww6Vv5Uu4Tt",
    "piped to a registry": "echo Zz9Yy8Xx7Ww6Vv5Uu4Tt | docker login registry.gitlab.example -u jane --password-stdin",
    "piped with a sign": "echo '$Zz9Yy8Xx|Vv5Uu4Tt' | sudo -u root -S id",
    "a document of the shell": "sudo -S gitlab-ctl restart <<EOF\nZz9Yy8Xx7Ww6Vv5Uu4Tt\nEOF",
    "joined options": "curl -sSu jane:Zz9Yy8Xx7Ww6Vv5Uu4Tt https://git.example/api",
    "HTTPie, over two lines": "http POST \\\n git.example/api \\\n -a jane:Zz9Yy8Xx7Ww6Vv5Uu4Tt",
    "another client": "wscat --auth jane:Zz9Yy8Xx7Ww6Vv5Uu4Tt -c wss://git.example",
    "quoted for Windows": "xfreerdp /v:git.example '/p:Zz9Yy8Xx7Ww6Vv5Uu4Tt'",
    "Windows user": "net user jane Zz9Yy8Xx7Ww6Vv5Uu4Tt /add",
    "Oracle": "CREATE USER gitlab IDENTIFIED BY Zz9Yy8Xx7Ww6Vv5Uu4Tt;",
    "Redis in Omnibus": "redis['requirepass'] = 'Zz9Yy8Xx7Ww6Vv5Uu4Tt'",
    "marked name and password": "Zugangsdaten (GitLab): `root` / `Zz9Yy8Xx7Ww6Vv5Uu4Tt`",
    "a password for somebody, Spanish": "La contraseña para el usuario root es Zz9Yy8Xx7Ww6Vv5Uu4Tt",
    "recovery codes in a list": "Recovery codes (10):\n\n- 9f86d081884c7d65\n- 9f86d081aa4c7d65\n",
    "recovery codes in JSON": '"recovery_codes": ["9f86d081884c7d65", "9f86d081aa4c7d65"]',
    "recovery codes": "My recovery codes:\n9f86d081884c7d65\n9f86d081aa4c7d65\n\nBye",
    "a column of a table": "| User | Password |\n| --- | --- |\n| root | Zz9Yy8Xx7Ww6Vv5Uu4Tt |",
    "a column of CSV": "host,user,Root password\r\ngit1,root,Zz9Yy8Xx\r\ngit2,root,Vv5Uu4Tt\r\n",
    "a column between tabs": "Benutzer\tKennwort\nroot\tZz9Yy8Xx7Ww6Vv5Uu4Tt",
    "a table of Jira": "||User||Password||\n|root|Zz9Yy8Xx|\n|jane|Vv5Uu4Tt|",
    "columns between blanks": "USER      PASSWORD            ROLE\nroot      Zz9Yy8Xx7Ww6Vv5Uu4Tt  owner",
    "a table of a database": "+---+---+\n| user | password |\n+---+---+\n| root | Zz9Yy8Xx |\n| jane | Vv5Uu4Tt |",
    "a table of HTML": "<tr><th>User</th><th>Password</th></tr>\n<tr><td>root</td><td>Zz9Yy8Xx7Ww6Vv5Uu4Tt</td></tr>",
    "CSV in quotes": '"user","password"\n"jane","Zz9Yy8Xx,7Ww6Vv5Uu4Tt"',
    "a word below Password": "| User | Password |\n|---|---|\n| root | correct-Zz9Yy8Xx |\n| jane | Vv5Uu4Tt |",
    "names in lines of CSV": "\nUsername,jane\nPassword,Zz9Yy8Xx7Ww6Vv5Uu4Tt\nHost,git.example",
    "elements of XML": "<name>Private-Token</name>\n <value>Zz9Yy8Xx7Ww6Vv5Uu4Tt</value>",
    "a sign of HTML": "password: Zz9Yy8Xx&Vv5Uu4Tt\n",
    "reset to": "The root password was reset to Zz9Yy8Xx7Ww6Vv5Uu4Tt",
    "changed to": "the password has been changed to Zz9Yy8Xx7Ww6Vv5Uu4Tt",
    "an arrow": "new root password → Zz9Yy8Xx7Ww6Vv5Uu4Tt",
    "a dash": "Password – Zz9Yy8Xx7Ww6Vv5Uu4Tt",
    "Czech": "heslo: Zz9Yy8Xx7Ww6Vv5Uu4Tt",
    "Spanish": "Clave: Zz9Yy8Xx7Ww6Vv5Uu4Tt",
    "XML with a type": '<password type="string" xml:lang="en">Zz9Yy8Xx7Ww6Vv5Uu4Tt</password>',
    "Helm": "helm upgrade gitlab --set global.smtp.password.value=Zz9Yy8Xx7Ww6Vv5Uu4Tt",
    "netrc": "machine git.example\n  login jane\n  password Zz9Yy8Xx",
    "netrc in one line": "machine git.example login jane password Vv5Uu4Tt",
    "one after the other": "User: root\nPass: Zz9Yy8Xx7Ww6Vv5Uu4Tt",
    "names in one": "user/pass: root/Zz9Yy8Xx7Ww6Vv5Uu4Tt",
    "Zapier": "https://hooks.zapier.example/hooks/catch/1234567/Zz9Yy8Xx/",
    "a password of words": "gitlab_rails['smtp_password'] = \"blue Zz9Yy8Xx stone\"",
    "words in single quotes": "GITLAB_ROOT_PASSWORD='lazy Zz9Yy8Xx jumps Vv5Uu4Tt'",
    "YAML of Ansible": "ansible_become_pass: Zz9Yy8Xx7Ww6Vv5Uu4Tt",
    "pass and a colon": "  pass: Zz9Yy8Xx7Ww6Vv5Uu4Tt\nPass: Zz9Yy8Xx7Ww6",
    "Terraform": 'variable "db_password" {\n  type = string\n  default = "Zz9Yy8Xx Vv5Uu4Tt"\n}',
    "printed by kubectl": "$ kubectl get secret x -ojsonpath='{.data.password}' | base64 -d\nZz9Yy8Xx7Ww6\n$ date",
    "printed before the prompt": "$ vault kv get -field=value secret/x\nZz9Yy8Xx7Wroot@git:~# date",
    "printed by AWS": "aws secretsmanager get-secret-value --secret-id x --query SecretString\n  Zz9Yy8Xx7Ww6",
    "asked and answered": "Jan: what's the root pw again?\nEva: it's Zz9Yy8Xx7Ww6\nJan: thx",
    "answered behind the question": "Q: which token do you use? A: its Zz9Yy8Xx-Vv5Uu4Tt",
    "asked without a mark": "- you have the admin password\n- yes: Zz9Yy8Xx-Vv5Uu4Tt\n- works",
    "a word alone": "Passwort: correct-ZzYyXx",
    "a word in quotes": "the password is 'correct-ZzYyXx', sorry",
    "a word in the environment": "PGPASSWORD=correctZzYyXx psql -h db",
    "a word of another language": "contraseña: corrécta-ZzYyXx.",
    "Slack's address without a digit": "https://hooks.slack.com/services/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",
    "Mattermost": "https://chat.example/hooks/zzyyxxwwvvuuttssrrqqppooab",
    "a verb and a colon": "Das Passwort lautet: Zz9Yy8Xx_5. Bitte ändern. The password was set to: Vv5Uu4Tt_6",
    "a longer verb": "Le mot de passe est le suivant : Zz9Yy8Xx_4",
    "a verb of Japanese": "パスワードは Zz9Yy8Xx_88 です",
    "a value below its name": "global:\n  psql:\n    password:\n      value: Zz9Yy8Xx-6\n    host: pg.example",
    "a block of YAML": "smtp_password: |-\n  Zz9Yy8Xx9\nport: 25",
    "an object of JSON": '{"password": {"value": "Zz9Yy8Xx-19", "type": "plain"}}',
    "a variable of GitLab": '[{"variable_type":"env_var","key":"SMTP_PASSWORD","value":"Zz9Yy8Xx12"}]',
    "an element in an element": "<password>\n  <value>Zz9Yy8Xx-2</value>\n</password>",
    "a document for a variable": "ROOT_PASSWORD=$(cat <<EOF\nZz9Yy8Xx88\nEOF\n)",
    "the other quotation mark": "gitlab_rails['smtp_password'] = \"Moor'Zz9Yy8Xx\"",
    "an escaped mark": '{"password": "Moor\\"Zz9Yy8Xx"}',
    "a blank before a figure": 'password: "Moor ZzYyXx 77x"',
    "a sign at its beginning": "smtp_pass = {Ring}Zz9Yy8Xx\npassword: (Ring)Vv5Uu4Tt",
    "a comma in it": "SMTP_PASSWORD=Moor,Zz9Yy8Xx",
    "an entity in it": "<password>Moor&amp;Zz9Yy8Xx</password>",
    "letters of another script": "DB_PASSWORD='Лягушка77ZzYyXx'",
    "whose it is, in French": "Le mot de passe du compte root est : Zz9Yy8Xx-vert-58",
    "whose it is, in Russian": "Пароль от root: Zz9Yy8Xx_44_les",
    "a temporary one": "Mot de passe temporaire : Zz9Yy8Xx-Tram",
    "given twice": "u.password = 'Zz9Yy8Xx'\nu.password_confirmation = 'Vv5Uu4Tt'",
    "a padded table": "| Key              | Value         |\n| SONAR_TOKEN      | Zz9Yy8Xx7Ww6  |",
    "a mail server's log": "334 UGFzc3dvcmQ6\n-> WnpaeVl5WHhXd1d2VnZVdVRuamFuZTpA\n235 OK",
    "a hash": "encrypted_password: $2a$10$Zz9Yy8Xx7Ww6Vv5Uu4Tt",
    "hex digits": "the token 9f86d081884c7d659a2feaa0c55ad015",
    "Base32": "TOTP secret JBSWY3DPEHPK3PXP",
    "table of AWS": "Access key ID,Secret access key\nAKIAIOSFODNN7EXAMPLE,aB1cD2eF3gH4Zz9Yy8Xx7Ww6Vv5Uu4TtuV1wX2yZ",
    "header of a key": "X-Api-Key: Zz9Yy8Xx7Ww6Vv5Uu4Tt",
    "Docker": '{"auth": "WnpaeVl5WHhXd1d2VnZVdVRuamFuZTpA"}',
    "PuTTY": f"PuTTY-User-Key-File-3: ssh-ed25519\nPrivate-Lines: 3\n{encode64(bytes(range(99)))}Private-MAC: 0a",
    "AWS": "aws_secret_access_key = aB1cD2eF3gH4Zz9Yy8Xx7Ww6Vv5Uu4TtuV1wX2yZ3A",
    "JWT": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryPZz9Yy8Xx7Ww6Vv5Uu4Tt",
    "attachment": "https://desk.example/attachments/token/Zz9Yy8Xx7Ww6Vv5Uu4Tt/?name=x.png",
    "password in an address": "postgres://gitlab:Zz9Yy8Xx7Ww6Vv5Uu4Tt@db.example:5432/gitlab",
    "no user": "redis://:Zz9Yy8Xx7Ww6Vv5Uu4Tt@redis:6379",
    "signs of an address in its password": "postgres://gitlab:Zz9Yy8Xx#7?Ww6@Vv5Uu4Tt@db.example:5432/gitlab",
    "figures and a sign first": "postgres://u:123#Zz9Yy8XxWw6@db.example/gitlab",
    "a line of /etc/shadow": "root:$6$Zz9Yy8XxZz9Yy8Xx$Vv5Uu4TtFH.bQmmtXzyBY0s9v7Oicd2z4XSIecD:19000:0:99999:7:::",
    "a line of .htpasswd": "jane:$2y$05$Zz9Yy8XxSXsafkva.HHa6uXQZWr7oboPiC2bT/Vv5Uu4Tt",
    "a hash of Argon2": "$argon2id$v=19$m=65536,t=3,p=4$Zz9Yy8XxaHQ$Vv5Uu4TtJCsgt3ub+b4dWRWJTmaaJObG",
    "header": "> Authorization: Bearer Zz9Yy8Xx7Ww6Vv5Uu4Tt",
    "header of a program": 'Authorization: Token token="Zz9Yy8Xx7Ww6Vv5Uu4Tt"',
    "header in JSON": '{"Authorization": "Basic Zz9Yy8Xx7Ww6Vv5Uu4Tt=="}',
    "GitLab's header": "curl --header 'PRIVATE-TOKEN: Zz9Yy8Xx7Ww6Vv5Uu4Tt' https://git.example",
    "cookie": "< Set-Cookie: theme=dark; _gitlab_session=Zz9Yy8Xx7Ww6Vv5Uu4Tt; path=/; HttpOnly",
    "query": "https://git.example/x.atom?feed_token=Zz9Yy8Xx7Ww6Vv5Uu4Tt&y=1",
    "presigned": "https://b.s3.example/a.png?X-Amz-Expires=60&X-Amz-Signature=Zz9Yy8Xx7Ww6Vv5Uu4Tt",
    "Azure": "https://a.blob.example/c/b?sv=2022-11-02&sig=Zz9Yy8Xx7Ww6Vv5Uu4Tt%3D",
    "gitlab.rb": "gitlab_rails['smtp_password'] = \"Zz9Yy8Xx7Ww6 Vv5Uu4Tt\"",
    "quoted signs": '{"password": "Zz9Yy8Xx,<&>;Vv5Uu4Tt"}',
    "one slash": "/srv/https:/jane:Zz9Yy8Xx7Ww6Vv5Uu4Tt@git.example/x",
    "environment": "GITLAB_ROOT_PASSWORD=Zz9Yy8Xx7Ww6Vv5Uu4Tt",
    "key": f"see\n{KEY}",
    "key in JSON": json.dumps({"private_key": KEY}),
    "quoted key": KEY.replace("\n", "\n> "),
    "cut key": KEY[:150],
    "key in Base64": f"tls.key: {base64.b64encode(KEY.encode()).decode()}",
}


@pytest.mark.parametrize("form", sorted(FORMS))
def test_a_secret_that_no_setting_knows(form: str) -> None:
    """A customer pastes a log, a configuration or a command with a key of their own."""
    shown = Redactor({}).text(f"It says: {FORMS[form]}")
    assert shown.startswith("It says: ") and "[" in shown
    for part in (
        "Zz9Yy8Xx",
        "Vv5Uu4Tt",
        *("ZzYyXx", "zzyyxx"),
        "83920147",
        *("WnpaeVl5", "9f86d081", "JBSWY3DP"),
        encode64(bytes(range(99)))[:40],
        KEY.split("\n")[1][8:60],
        KEY.split("\n")[2][8:60],
    ):
        assert part not in shown
    assert [] == [run for run in BASE64(shown) if len(run) > 60]


@pytest.mark.parametrize("form", ["GitLab", "one slash", "environment", "query"])
def test_unredacted_text_is_shown_without_secrets(form: str) -> None:
    """A value that was typed is quoted in a message, also where no runner redacts it: under plain papermill."""
    assert "Zz9Yy8Xx" not in clean(FORMS[form])
    with pytest.raises(InputError) as raised:
        parameters.parse("user_count", "glpat-Zz9Yy8Xx7Ww6Vv5Uu4Tt")
    assert "Zz9Yy8Xx" not in str(raised.value)
    assert "delete its output file, and renew the secret" in str(raised.value)


@pytest.mark.parametrize(
    "words",
    [
        "I forgot the password: how can I reset it? Password: (hidden)",
        "The bearer of this letter. Authorization: required. Basic support-plan, Bearer authentication explained.",
        "Cookies must be enabled. Cookie: a small file.",
        "token = secrets.token_urlsafe(18)",
        "https://jane@git.example/x.git, http://host:8080/path@2x.png and ssh://git@git.example:22/x.git",
        "The activation code was sent on 2026-11-21 to Maya, Alfa Team 2026",
        "sha512 " + "9b71d224bd62f378" * 8,
        "Set RUNBOOK_ZENDESK_OAUTH_TOKEN, or RUNBOOK_SECRETS_DIR: see docs/live.md",
        "-----BEGIN PUBLIC KEY-----\n" + encode64(bytes(range(200, 0, -1)), 64),
        "The password is case-sensitive. The password is wrong2. My API key does not work, the token is not accepted.",
        "npm_config_cache=~/.npm, test_InternationalizationOfDates2, curl -u needs a user, sk-learn 1.3",
        "docker run --name gitlab2 -u 1000:1000, <th>Token</th><th>Created2026</th>, --token-file /etc/gitlab2/token",
        "login page password reset page2 of https://x.example/y2, pwd=/var/opt/gitlab2, <b>Password</b> reset2",
        "secret: [slack_token], token=${GITLAB_TOKEN_1}",
        f"integrity sha256-{'aB1cD2eF3' * 4}gH4iJ5k=, --- PASS: TestInternationalization2 (0.00s)",
        "mysql -u root -p gitlabhq2_production, https://git.example/acme/-/hooks/42/hook_logs/4711",
        "https://git.example/acme/hooks/tree/3b18e512dba79e4c8300dd08aeb37f8e728b8dad",
        "https://git.example/acme/hook-app/uploads/7f3e9d1c5b8a40627f3e9d1c5b8a4062/screenshot.png",
        "https://git-hooks.example/docs/7f3e9d1c5b8a40627f3e9d1c5b8a4062, https://s3.example/hooks/uploads/7f3e9d1c5b8a40627f3e9d1c",
        "ssh://deploy-user-1@git.example:22/x.git, docker run -p 8080:80 gitlab2, sshpass -p is unsafe",
        "rsync -a src1:dst2024, tar -a 1:x2026, backup codes are printed, Backup 20261101120000aa of 2026-11-01",
        "login page: https://git.example/Users2, Login error: GitLab17, login Gitlab-Admin/Kim2, sudo -s, passwd -l k",
        "echo gitlab2 | grep 17, echo $PW2 | sudo -S x, kinit <<< $PW2abcd, cat /p:/x2026",
        "date -u +%FT%T.%3NZ, psql -U gitlab%2Fci_prod9, msbuild /p:Configuration=Release2, dotnet /p:Out=bin2/R",
        "a project identified by 'gid://gitlab/Group/12345', record identified by 'INC2026-11-06-001'",
        "Login page / Windows11Edge, login SSO / Okta2Prod fails, login Windows11 / Firefox119",
        "cat /etc/passwd <<< hello2026, echo ok2 done | passwd -S root, grep root /etc/passwd, bindpw ${LDAP_PW_2}",
        "backup codes 12345-67890 98765-43210, https://git.example/hooks/catch/12345/all_events",
        "The token for CI is GitLab17 only",
        'reset_password: "Reset your password"\n"password" = "Mot de passe";',
        'variable "db_password" {\n  description = "of the database"\n  default = "${var.other}"\n}',
        "$ kubectl get secrets\nNAME TYPE DATA AGE\n$ kubectl get secret x -o name\nsecret/gitlab-initial",
        "How do I reset the password?\nVersion: GitLab-EE-16.9.1\npass: test_login_2fa",
        "password: required\nPassword: (hidden)\npassword=password, password: self.password\nPassword: changed.",
        "The private key /tmp/Keys1/outputs/20261121T1-Aa.pem can be read by others",
        "password:\n  secretKeyRef:\n    key: psql-password1\npassword: $PG_PASS1\npassword: {{ .Values.pw1 }}",
        '{"password": {"type": "string1"}}, "passwords": ["Enter your password 1"], password = <%= ENV["PW1"] %>',
        "The passphrase cache\nDocumentation: man:gpg-agent1X",
        "| Token | Prefix |\n|---|---|\n| Personal access token | glpat- |\n| CI job | glcbt-64 |",
        "<tr><th>Feature</th><th>Password</th></tr><tr><td>Rotation</td><td>required</td></tr>",
        "| User | Password |\n| --- | --- |\n| root | (hidden) |\n| jane | see vault2026 |",
        "ecparam,\npasswd,\npkcs12,\npkcs7",
        "user, password\nroot and 2 more, since 2026",
        "machine learning login page password reset2, PASS: TestInternationalization2",
        "The password was changed to something else on 2026-11-06. Password - see vault2026. user/pass: see vault2026",
        "token=PersonalAccessTokenBuilder, the secret InternationalizationTests, user jane, pass GitLab 17, upskill: a",
        "jane+gitlab@acme.example, support+id123456@acme.zendesk.example, WIFI: none, passcode: none, 2024+abc, 1+1@2",
        "net use Z: \\\\files2\\share2 /user:jane",
        "License fingerprint: SHA256:aa01f30a27b6b2378f9be0e17bde1f05, license_md5=506102cbd650d171c3bb4c3af0e7c2dc",
    ],
)
def test_words_about_secrets_stay(words: str) -> None:
    """A name without a value, an expression, digests and public keys."""
    assert words == GUARD.text(words)


@pytest.mark.parametrize(
    "words",
    [
        "Our activation code is aB3dE6gH9jK2mN5pQ8sT1vW4.",
        "activation_code: aB3dE6gH9jK2mN5pQ8sT1vW4",
        "activation code for subscription A-S00012345:\n\n> aB3dE6gH9jK2mN5pQ8sT1vW4",
        "Aktivierungscode lautet aB3dE6gH9jK2mN5pQ8sT1vW4",
        "アクティベーションコード：aB3dE6gH9jK2mN5pQ8sT1vW4",
        "<b>Code</b><br>aB3dE6gH9jK2mN5pQ8sT1vW4</p>",
        "I pasted aB3dE6gH9jK2mN5pQ8sT1vW4, and it says invalid",
        "aB3dE6gH9jK2mN5pQ8sT1vW4",
        "_aB3dE6gH9jK2mN5pQ8sT1vW4_",
        "activation_code_aB3dE6gH9jK2mN5pQ8sT1vW4.png",
        "activationCode%3DaB3dE6gH9jK2mN5pQ8sT1vW4",
        "activation key aB3dE6gH9jK2mN5p=\nQ8sT1vW4",
        "Activation code: aB3d E6gH 9jK2 mN5p Q8sT 1vW4",
        "our code is aB3dE6gH-9jK2mN5p-Q8sT1vW4",
        "> code:\n> aB3dE6gH9jK2\n> mN5pQ8sT1vW4",
        "activationCode: YUIzZEU2Z0g5aksybU41cFE4c1QxdlcyCg==",
    ],
)
def test_an_activation_code_is_taken_out(words: str) -> None:
    """Whoever has it can activate an instance with it."""
    assert not re.search("aB3d|1vW4|YUIz", GUARD.text(words))
    assert "[activation code]" in GUARD.text(words)


@pytest.mark.parametrize(
    "words",
    [
        *(
            "507f1f77bcf86cd799439011",
            "507F1F77BCF86CD799439011",
            "InternationalizationTest",
            "112233445566778899001122",
        ),
        *(
            "SHA256:AB12 CD34 EF56 7890 ABCD EF12 and 3F2A-9c1d-20261121-08004512",
            "1B2M2Y8AsgTpgAmY7PhCfg==",
            "aB3dE6gH9jK2mN5pQ8sT1vW",
        ),
        *("2026-11-21 Customer reported 20261121", "20261121T090400000Z-weekend-aB3dE6gH9jK2mN5pQ8sT1vW4"),
    ],
)
def test_what_is_no_activation_code_stays(words: str) -> None:
    """Ids, addresses, digests and run names have other letters, or stand in something longer."""
    assert words == GUARD.text(words)


def test_a_notebook() -> None:
    """Cells, outputs, tracebacks, parameters and metadata; its type stays."""
    notebook = nbformat.v4.new_notebook(metadata={"papermill": {"parameters": {"plan": SECRET}}, SECRET: 1})
    notebook.cells = [nbformat.v4.new_code_cell(f"token = {SECRET!r}")]
    notebook.cells[0].outputs = [
        nbformat.v4.new_output("stream", text=SECRET),
        nbformat.v4.new_output("error", ename="E", evalue=SECRET, traceback=[SECRET]),
        nbformat.v4.new_output("display_data", {"text/html": html.escape(SECRET), "application/json": [SECRET, 1]}),
    ]

    found = NET.data(notebook)

    assert "4711" not in nbformat.writes(found)
    assert isinstance(found, nbformat.NotebookNode)
    assert isinstance(found.cells[0].outputs[0], nbformat.NotebookNode)
    assert 1 == found.cells[0].outputs[2].data["application/json"][1]


def test_every_secret_of_the_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whatever is typed as a secret is known, also as it goes into a header."""
    without_configuration(monkeypatch, tmp_path)
    monkeypatch.setenv("RUNBOOK_PROFILE", "live")
    names = [name for kind in (Settings, JobSettings) for name, field in kind.model_fields.items() if _is_secret(field)]
    given_values = {name: f"NAME=canary-{name}" if "cookie" in name else f"canary-{name}" for name in names}
    for name, value in given_values.items():
        monkeypatch.setenv(f"RUNBOOK_{name.upper()}", value)
    monkeypatch.setenv("RUNBOOK_ZENDESK_EMAIL", "grace@support.example")

    net = Redactor.of_environment()

    of_runs = [value for name, value in given_values.items() if name in Settings.model_fields]
    assert len(of_runs) >= 6
    for value in of_runs:
        assert "canary" not in net.text(f"x {value} y")
    header = base64.b64encode(f"grace@support.example/token:{given_values['zendesk_api_token']}".encode()).decode()
    assert header not in net.text(f"Basic {header}")
    assert "canary" not in net.text("canary-customersdot_cookie")


def _is_secret(field: object) -> bool:
    return "SecretStr" in str(getattr(field, "annotation", ""))
