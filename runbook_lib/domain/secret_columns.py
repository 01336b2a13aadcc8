"""Finds secrets in tables: what stands below a head such as *Password*. Pure; every search is linear.

A table is lines whose cells are separated by bars, as in Markdown and Jira, by commas, semicolons, tabs or several
blanks, or rows of HTML. Where a column of users stands beside it, any word below *Password* is one.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator

MOST_LINE_CHARS = 2000
WORDS = (
    "pwd|kennwort|mot de passe|contraseña|contrasena|senha|wachtwoord|hasło|heslo|parola|lösenord|adgangskode|salasana|"
    "jelszó|şifre|пароль|パスワード|密码|密碼|비밀번호|암호|passcode|psk|secret|token"
)
NAMES = ("pass", "pw", "clave", *WORDS.split("|"))
"""What a column of secrets is called, or how that begins, in lower case."""
PLACEHOLDER = (
    r"(?i:\W{0,3}(?:n/?a|none|null|yes|no|true|false|unknown|hidden|changed|forgotten|expired|required|optional|reset|"
    r"redacted|removed|invalid|incorrect|string|text|varchar\S*|see|same)\W{0,3}|\W{1,200}|x{1,200})"
)
"""What stands in a password's place and is none."""
_BLANKS = "  "
_CELLS = re.compile(r"</t[dh]>\s{0,40}<t[dh][^<>]{0,80}>", re.IGNORECASE)
_ROW = r"<tr[^<>]{0,80}>\s{0,40}<t[dh][^<>]{0,80}>"
_ROWS = re.compile(
    rf"(?:</t[dh]>\s{{0,40}})?</tr>(?:\s{{0,40}}</?t(?:head|body)[^<>]{{0,40}}>){{0,2}}(?:\s{{0,40}}{_ROW})?|{_ROW}",
    re.IGNORECASE,
)
_RULE = re.compile(r"(?=[^\r\n]{0,400}[-=])[-+=|:,; \t]*")
_USER = re.compile(r"(?i:user|login|benutzer|account|name|utilisateur|usuario|utente|gebruiker|mail|konto|host)")
_HEAD = re.compile(rf"(?:pass(?:wor[dt]|wd)?|{'|'.join(NAMES)})[ \"'*`]*(?=[|,;\t\r\n]|  |\Z)", re.IGNORECASE)
_BEFORE_HEAD = re.compile(r"(?:\A|[|,;\t\n]|  )[ \"'*`]*(?:\w{1,20}[ _-])?\Z")
_BEFORE_CHARS = 40
_WORD = re.compile(r"(?:<[^<>]{0,80}>|[ \"'*`]){0,20}([^\s\"'*`<>|]{4,300})(?:<[^<>]{0,80}>|[ \"'*`]){0,20}")
_DENSE = re.compile(r"(?=.{0,300}?[0-9])(?=.{0,300}?[A-Za-z]).{6,300}")


def spans(text: str, lower: str) -> Iterator[tuple[int, int, str]]:
    """From where to where a secret stands in a table, and the word for it.

    `lower` is the text in lower case, with each character in its place.
    """
    starts = sorted(found.start() for name in NAMES if name in lower for found in re.finditer(re.escape(name), lower))
    if starts and "</t" in lower:
        text = _CELLS.sub(lambda found: "|".ljust(len(found[0])), _ROWS.sub(lambda one: "\n".ljust(len(one[0])), text))
    end = 0
    for at in starts:
        if at < end or not _HEAD.match(text, at) or not _BEFORE_HEAD.search(text[max(end, at - _BEFORE_CHARS) : at]):
            continue
        start, end = max(end, text.rfind("\n", end, at) + 1), _end_of_line(text, at)
        if end - start <= MOST_LINE_CHARS:
            end = yield from _below(text, text[start:end].replace("||", " |"), end)


def _below(text: str, line: str, end: int) -> Generator[tuple[int, int, str], None, int]:
    """The secrets below a line with the heads of a table, which ends at `end`; returns where the table ends."""
    mark = next((mark for mark in ("|", "\t", ";", ",", _BLANKS) if mark in line.strip()), "")
    heads = [line[slice(*cell)].strip(" \"'*`\r\n") for cell in _cells(line, mark)] if mark else []
    if sum(map(bool, heads)) < 2:  # it is a list
        return end
    columns = [at for at, name in enumerate(heads) if _is_named(name)]
    has_users = any(_USER.search(name) for at, name in enumerate(heads) if at not in columns)
    while end < len(text):
        after = _end_of_line(text, end)
        row = text[end:after].rstrip("\r\n") if after - end <= MOST_LINE_CHARS else ""
        cells, is_rule = _cells(row, mark), _RULE.fullmatch(row)
        if not is_rule and len(cells) != len(heads):
            break
        for at in () if is_rule else columns:
            found = _WORD.fullmatch(row, *cells[at])
            is_any = has_users and found and not re.fullmatch(PLACEHOLDER, found[1])
            if found and (is_any or _DENSE.fullmatch(found[1])):
                yield end + found.start(1), end + found.end(1), "[secret]"
        end = after
    return end


def _is_named(name: str) -> bool:
    """Whether a cell has such a word in it, and at most one before that."""
    return any(_HEAD.match(name, at) for at in {0, *(found.end() for found in re.finditer(r"^\w{1,20}[ _-]", name))})


def _cells(line: str, mark: str) -> list[tuple[int, int]]:
    """Where the cells of a line are."""
    if mark == _BLANKS:
        return [cell.span() for cell in re.finditer(r"\S+(?: \S+)*", line)]
    quoted = r'"[^"]*"|' if mark in ",;" else ""
    found = re.finditer(rf"((?:{quoted}[^{mark}])*)(?:{re.escape(mark)}|\Z)", line)
    cells = [cell.span(1) for cell in found]
    return cells if line.endswith(mark) or len(cells) < 2 else cells[:-1]


def _end_of_line(text: str, at: int) -> int:
    return text.find("\n", at) + 1 or len(text)
