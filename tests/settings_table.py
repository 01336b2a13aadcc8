"""What is made from the settings: `.env.example`, the table in docs/live.md and the names in `variables`.

`python -m tests.settings_table` renews them.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo

from runbook_lib.configuration import about, is_secret
from runbook_lib.job_settings import JobSettings
from runbook_lib.settings import ROOT, Settings
from runbook_lib.variables import SECRETS, variable

EXAMPLE, DOCUMENT = ROOT / ".env.example", ROOT / "docs" / "live.md"
NAMES = ROOT / "runbook_lib" / "variables.py"
BEGIN, END = "<!-- settings -->\n", "<!-- /settings -->\n"
_HEAD = f"""\
# Settings for going live; made by `python -m tests.settings_table`. Copy this file to .env and fill it in, or put each
# secret into a file of the same name in lower case (runbook_zendesk_oauth_token ...) in a folder, and name that folder
# in {SECRETS}.
RUNBOOK_PROFILE=live
"""
_JOB_HEAD = (
    "\n# For the pipeline job (`runbook mechanizer`), as protected and masked variables of its project, not here:\n"
)


def example() -> str:
    """The text of `.env.example`: what is needed to be filled in, everything else as a comment."""
    return "".join([_HEAD, *_example_lines(), _JOB_HEAD, *_job_lines()])


def table() -> str:
    """The document's table, one row for each setting."""
    heads = "| setting | default | for | what |\n| --- | --- | --- | --- |\n"
    rows = [_row(name, field, _profiles(field)) for name, field in Settings.model_fields.items() if name != "today"]
    rows += [_row(name, field, "license job") for name, field in _of_the_job()]
    return f"{heads}{''.join(rows)}"


def with_table(document: str) -> str:
    """The document with the table between its markers."""
    before, _, rest = document.partition(BEGIN)
    return f"{before}{BEGIN}{table()}{END}{rest.partition(END)[2]}"


def with_names(source: str) -> str:
    """The source of `variables` with the names of all settings, in lines as long as they may be."""
    names = (f'"{name}",' for name in dict.fromkeys((*Settings.model_fields, *JobSettings.model_fields)))
    lines = (f"    *({line.removesuffix(',')}),\n" for line in textwrap.wrap(" ".join(names), 112))
    return re.sub(r"(?s)^SETTINGS = \(\n.*?^\)\n", f"SETTINGS = (\n{''.join(lines)})\n", source, flags=re.MULTILINE)


def _example_lines() -> Iterator[str]:
    for name, field in Settings.model_fields.items():
        if name in ("profile", "today"):
            continue
        if about(field)["group"]:
            yield f"\n# {about(field)['group']}\n"
        yield _example_line(name, field, is_active=about(field)["needed"])


def _job_lines() -> Iterator[str]:
    for name, field in _of_the_job():
        yield _example_line(name, field, is_active=False)


def _of_the_job() -> Iterator[tuple[str, FieldInfo]]:
    """What only the license job needs."""
    yield from ((name, field) for name, field in JobSettings.model_fields.items() if name not in Settings.model_fields)


def _example_line(name: str, field: FieldInfo, *, is_active: bool) -> str:
    line = f"{'' if is_active else '# '}{variable(name)}={_shown(field.default)}"
    return f"{line:<46} # {str(field.description).replace('`', '')}\n"


def _row(name: str, field: FieldInfo, used: str) -> str:
    default = _shown(field.default)
    notes = ", a secret" if is_secret(field) else ""
    return f"| `{variable(name)}` | {f'`{default}`' if default else ''} | {used} | {field.description}{notes} |\n"


def _profiles(field: FieldInfo) -> str:
    used = "practice, live" if about(field)["practice"] else "live"
    return f"{used}, needed" if about(field)["needed"] else used


def _shown(value: Any) -> str:
    """A default as a person would write it; "" where there is none."""
    if isinstance(value, Path):
        return value.relative_to(ROOT).as_posix()
    return "" if value in (None, ...) or repr(value) == "PydanticUndefined" else str(value)


if __name__ == "__main__":
    NAMES.write_text(with_names(NAMES.read_text(encoding="utf-8")), encoding="utf-8")
    EXAMPLE.write_text(example(), encoding="utf-8")
    DOCUMENT.write_text(with_table(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
