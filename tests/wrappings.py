"""Licenses and the wrappings that they come in, for every test that looks for them."""

from __future__ import annotations

import base64
import binascii
import gzip
import html
import json
import os
import quopri
import re
import zlib
from collections.abc import Callable
from urllib.parse import quote

from hypothesis import settings
from hypothesis import strategies as st

from runbook_lib.domain.envelopes import boundary_line

Wrapping = Callable[[str], str]
EXAMPLES = settings(max_examples=int(os.environ.get("PROPERTY_EXAMPLES", "60")))
"""How often a property of redaction is tried; `PROPERTY_EXAMPLES=5000` for a long look at others each time."""
FEW_EXAMPLES = settings(EXAMPLES, max_examples=EXAMPLES.max_examples // 4)
"""For properties of whole cards and records, which take longer."""


def encode64(data: bytes, width: int = 60) -> str:
    """Base64 in lines, as Ruby writes it."""
    text = base64.b64encode(data).decode()
    return "".join(f"{text[at : at + width]}\n" for at in range(0, len(text), width))


def license_text(data: bytes, key: bytes, iv: bytes, *, boundary: bool) -> str:
    """A license file with any contents; nothing in it can be decrypted."""
    parts = {"data": encode64(data), "key": encode64(key), "iv": encode64(iv)}
    text = encode64(json.dumps(parts, separators=(",", ":")).encode())
    return f"{boundary_line('BEGIN')}\n{text}{boundary_line('END')}" if boundary else text


def body_of(text: str) -> str:
    """A license file's Base64 in one line."""
    return "".join(line for line in text.splitlines() if "LICENSE" not in line)


LICENSES = st.builds(
    license_text,
    data=st.integers(20, 50).flatmap(lambda n: st.binary(min_size=16 * n, max_size=16 * n)),
    key=st.binary(min_size=256, max_size=256),
    iv=st.binary(min_size=16, max_size=16),
    boundary=st.booleans(),
)
"""Any license file, as far as its wrapping goes."""


def each_line(mark: str, end: str = "\n") -> Wrapping:
    """Every line between a mark and an end."""
    return lambda text: "".join(f"{mark}{line}{end}" for line in text.splitlines())


def _numbered(text: str, form: str) -> str:
    return "".join(form.format(n=n, line=line) for n, line in enumerate(text.splitlines(), 1))


def _lower_hex(text: str) -> str:
    return re.sub("%..", lambda found: found[0].lower(), quote(text, safe=""))


def _rows(text: str, width: int = 16) -> list[tuple[int, bytes, str]]:
    """The rows of a dump: where each begins, its bytes, and what can be printed of them."""
    data = text.encode()
    rows = [(at, data[at : at + width]) for at in range(0, len(data), width)]
    return [(at, row, "".join(chr(one) if 32 <= one < 127 else "." for one in row)) for at, row in rows]


def _hexdump(text: str) -> str:
    return "".join(
        f"{at:08x}  {row[:8].hex(' '):<23}  {row[8:].hex(' '):<23}  |{shown}|\n" for at, row, shown in _rows(text)
    )


def _xxd(text: str) -> str:
    return "".join(f"{at:08x}: {row.hex(' ', -2):<39}  {shown}\n" for at, row, shown in _rows(text))


def _words(text: str) -> str:
    """A dump by words, as `hexdump` and `od -x` write it: the bytes of each are swapped."""
    padded = text + "\n" * (len(text) % 2)
    pairs = ((at, (row[one : one + 2][::-1].hex() for one in range(0, len(row), 2))) for at, row, _ in _rows(padded))
    return "".join(f"{at:07x} {' '.join(words)}\n" for at, words in pairs)


def _characters(text: str) -> str:
    """A dump by characters, as `od -c` writes it."""
    rows = ((at, "".join("  \\n" if one == 10 else f"{chr(one):>4}" for one in row)) for at, row, _ in _rows(text))
    return "".join(f"{at:07o}{row}\n" for at, row in rows)


def _uuencoded(text: str) -> str:
    lines = (binascii.b2a_uu(row).decode() for _, row, _ in _rows(text, 45))
    return f"begin 644 GitLab.gitlab-license\n{''.join(lines)}`\nend\n"


def _numbered_rows(text: str) -> str:
    return "".join(f"{n}: {text[at : at + 20]}\n" for n, at in enumerate(range(0, len(text), 20), 1))


WRAPPINGS: dict[str, Wrapping] = {
    "bytes in JSON": lambda text: json.dumps(list(text.encode())),
    "bytes in indented JSON": lambda text: json.dumps({"type": "Buffer", "data": list(text.encode())}, indent=4),
    "bytes in C": lambda text: ", ".join(f"0x{one:02x}" for one in text.encode()),
    "bytes in rows of C": lambda text: ",\\\n".join(
        ", ".join(f"0x{one:02X}" for one in row) for _, row, _ in _rows(text, 12)
    ),
    "decimal numbers": lambda text: "\n".join(map(str, text.encode())),
    "as written": lambda text: text,
    "CRLF": lambda text: text.replace("\n", "\r\n"),
    "CR": lambda text: text.replace("\n", "\r"),
    "one line": lambda text: text.replace("\n", ""),
    "one line with blanks": lambda text: text.replace("\n", " "),
    "blank lines": lambda text: text.replace("\n", "\n\n"),
    "quoted": each_line("> "),
    "quoted twice": each_line("> > "),
    "quoted without blanks": each_line(">>"),
    "indented": each_line("    "),
    "code block": lambda text: f"```plaintext\n{text}\n```",
    "text layout": each_line("  | "),
    "NBSP": lambda text: text.replace("\n", "\u00a0\n"),
    "zero width": lambda text: re.sub("(.)(.)", "\\1\u200b\\2", text),
    "soft hyphens": lambda text: "\u00ad".join(text),
    "quoted-printable": lambda text: quopri.encodestring(text.encode()).decode(),
    "quoted and quoted-printable": lambda text: quopri.encodestring(each_line("> ")(text).encode()).decode(),
    "br": lambda text: text.replace("\n", "<br>"),
    "div": each_line('<div class="zd-comment" style="margin: 0 0 1px">', "</div>"),
    "HTML of a quote": lambda text: html.escape(each_line("> ")(text)),
    "escaped tags": lambda text: html.escape(html.escape(text.replace("\n", "<br/>"))),
    "entities without semicolons": lambda text: text.replace("=", "&#61").replace("\n", "&#10"),
    "tags with ids": lambda text: _numbered(text, '<p id="{n:032x}">{line}</p>').replace("\n", ""),
    "entities": lambda text: "".join(f"&#{ord(char)};" for char in text),
    "JSON": json.dumps,
    "JSON in JSON": lambda text: json.dumps(json.dumps(text)),
    "JSON of Rails": lambda text: json.dumps(text).replace("/", "\\/").replace("=", "\\u003d"),
    "literal": repr,
    "percent": lambda text: quote(text, safe=""),
    "percent, lower case": _lower_hex,
    "visible marks": lambda text: text.replace("\n", "‹U+200B›\n"),
    "line numbers": lambda text: _numbered(text, "{n:4d}  {line}\n"),
    "line numbers with a colon": lambda text: _numbered(text, "{n}: {line}\n"),
    "stamps of a log": lambda text: _numbered(text, "2026-11-21 09:04:{n:02d} INFO [pid 3] {line}\n"),
    "diff": each_line("+"),
    "rows of psql": lambda text: "".join(f" {line:<62} +\n" for line in text.splitlines()),
    "narrow rows of psql": lambda text: "".join(f" {line:<60}+\n" for line in text.splitlines()),
    "JavaScript": lambda text: " +\n  ".join(json.dumps(f"{line}\n") for line in text.splitlines()),
    "RTF": lambda text: "{\\rtf1\\ansi\\f0 " + text.replace("\n", "\\par\r\n\\f0 ") + "}",
    "table": lambda text: f"<table>{_numbered(text, '<tr><td>{n}</td><td>{line}</td></tr>')}</table>",
    "colors": each_line("\x1b[32m", "\x1b[0m\n"),
    "colors in an editor": each_line("ESC[1;32m", "ESC[m^M\n"),
    "PDF": each_line("(", ") Tj T*\n"),
    "blanks between letters": " ".join,
    "octal": lambda text: text.replace("\n", "\\015\\012"),
    "syslog": lambda text: text.replace("\n", "#012"),
    "Ruby's braces": lambda text: text.replace("\n", "\\u{a}"),
    "cells of Excel": lambda text: text.replace("\n", "_x000D_\n"),
    "cat -A": lambda text: text.replace("\n", "^M$\n"),
    "hexdump": _hexdump,
    "xxd": _xxd,
    "od by words": _words,
    "od by characters": _characters,
    "hex": lambda text: re.sub("(.{60})", "\\1\n", text.encode().hex()),
    "hex of a registry": lambda text: ",\\\n  ".join(row.hex(",") for _, row, _ in _rows(text, 25)),
    "Format-Hex": lambda text: "".join(
        f"{at:016X} {row.hex(' ').upper():<47} {shown}\n" for at, row, shown in _rows(text)
    ),
    "hex with colons": lambda text: text.encode().hex(":"),
    "bytea of psql": lambda text: f"\\x{text.encode().hex()}",
    "hex with dashes": lambda text: text.encode().hex("-").upper(),
    "uuencode": _uuencoded,
    "short numbered rows": _numbered_rows,
    "stamps and ids of a log": lambda text: _numbered(
        text, f"09:04:{{n:02d}} correlation_id={'01HF8ZQ3YV7X' * 4} {{line}}\n"
    ),
    "log of Docker": lambda text: "".join(
        json.dumps({"log": line, "time": "2026-11-21T09:04:05.1Z"}) + "\n" for line in text.splitlines(keepends=True)
    ),
    "MIME Base64": lambda text: encode64(text.encode(), 76),
    "Base64 in one line": lambda text: f"LICENSE_B64={base64.b64encode(text.encode()).decode()}",
    "Base64 in JSON": lambda text: json.dumps({"encoding": "base64", "content": encode64(text.encode())}),
    "quoted Base64": lambda text: each_line("> ")(encode64(text.encode(), 76)),
    "Base64 twice": lambda text: encode64(encode64(text.encode()).encode(), 76),
    "Base64 of UTF-16": lambda text: encode64(text.encode("utf-16-le"), 64),
    "Base64 of gzip": lambda text: encode64(gzip.compress(text.encode()), 64),
    "Base64 of zlib": lambda text: encode64(zlib.compress(text.encode()), 64),
    "Base64 of fast zlib": lambda text: encode64(zlib.compress(text.encode(), 1), 64),
    "Base64 for addresses": lambda text: base64.urlsafe_b64encode(
        gzip.compress(f"{text}\n{'~?' * 99}".encode())
    ).decode(),
    "hex of Base64": lambda text: encode64(text.encode(), 76).encode().hex(),
}
"""How a license may stand in a text, by name."""

ENCODED = [name for name in WRAPPINGS if "Base64" in name]
"""Those that are decoded first, by the finder."""
SEEN_THROUGH = [name for name in WRAPPINGS if name not in ENCODED]


def runs_of(body: str, shown: str, least: int = 40) -> list[str]:
    """The runs of a license's Base64 that can be read in a text, after every way to undo its wrapping was tried."""
    views = [
        shown,
        html.unescape(shown),
        re.sub(r"[^A-Za-z0-9+/=]|\\n", "", shown),
        re.sub(r"<[^>]*>|&\w+;", "", shown),
    ]
    views.append(re.sub(r"[^A-Za-z0-9+/=]", "", re.sub(r"‹U\+\w+›|(?m:^[>| ]+)", "", html.unescape(shown))))
    pieces = {body[at : at + least] for at in range(len(body) - least + 1)}
    return [
        view[at : at + least]
        for view in views
        for at in range(len(view) - least + 1)
        if view[at : at + least] in pieces
    ]
