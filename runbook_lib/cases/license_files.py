"""The licenses on a ticket: in its files and in its comments, recognized by content. Only reads.

What a license proves is not decided here. A file without a license gets a note. A file that could not be read is
neither a license nor *no license*: it is `Unread`.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from runbook_lib import files
from runbook_lib.cases.base import Case
from runbook_lib.cases.downloads import MOST_FILES
from runbook_lib.cases.unread import Unread
from runbook_lib.domain import finder, image_types, license, parameters
from runbook_lib.domain.content_kinds import Kind
from runbook_lib.domain.errors import InputError, LicenseError, RunbookError
from runbook_lib.domain.evidence import Attached
from runbook_lib.domain.finder import Content
from runbook_lib.domain.license_contents import License
from runbook_lib.domain.models import Attachment, Comment, Source
from runbook_lib.domain.pasted import plain
from runbook_lib.domain.plain_text import clean
from runbook_lib.settings import Settings

MOST_LICENSES = 10
"""Licenses of one ticket that are used; more are noted."""
_PICTURES = ("image/", "video/", "audio/")
"""Media types of files that are probably no license; once a file is fetched, its bytes decide."""


class LicenseFiles:
    def __init__(self, case: Case) -> None:
        self._case = case
        self.held: list[Attached] = []  # the licenses that the key opens, each once, in the order of the thread
        self.notes: list[str] = []  # files without a license, and unusual things about the others
        self.unread: list[Unread] = []  # files that could not be read

    def look(self, thread: Iterable[Comment]) -> None:
        """Look through a thread, comment by comment.

        Raises:
            InputError: A license was found, and there is no key to check it with.
        """
        files: list[Attachment] = []
        for comment in thread:
            self._comment(comment)
            for file in comment.attachments:
                files.append(file)
                if len(files) <= MOST_FILES:
                    self._file(file)
        words = f"{len(files)} files are on the ticket; only the first {MOST_FILES} were looked at."
        if not all(_is_picture(file) for file in files[MOST_FILES:]):  # the rest may have a license
            self.unread.append(Unread("The rest of the files", words, Source.LICENSE_FILE, may_pass=False))
        elif len(files) > MOST_FILES:
            self.notes.append(words)

    def _comment(self, comment: Comment) -> None:
        name = f"the comment of {comment.created_at:%Y-%m-%d %H:%M} UTC"
        found = finder.look(comment.raw)
        if not any(one.is_whole for one in found.licenses):  # Zendesk's plain text leaves out HTML attributes
            in_html = finder.look(comment.raw_html)
            found = in_html if in_html.licenses else found
        if found.licenses:
            self._read(name, found)
        elif found.kind is Kind.ACTIVATION_CODE:
            self.notes.append(f"{_sentence(name)} holds {found.kind}. {found.advice}")
        else:
            self.notes += [f"{_sentence(name)}: {note}" for note in found.notes]

    def _file(self, file: Attachment) -> None:
        name = clean(file.file_name or "a file without a name", 80)
        try:
            content = self._case.downloads.content(file)
        except RunbookError as exc:
            source = Source.SCREENSHOT if _is_picture(file) else Source.LICENSE_FILE
            self.unread.append(Unread.of(name, exc, source))
            return
        found = finder.look(content)
        if found.licenses:
            self._read(name, found)
        elif not found.is_opened:
            words = " ".join(filter(None, (f"It is {found.words}.", *found.notes, found.advice)))
            self.unread.append(Unread(name, words, Source.LICENSE_FILE, may_pass=False, is_here=True))
        elif found.kind is Kind.IMAGE and name.lower().endswith(image_types.NAMES) and not found.advice:
            return  # the values of a screenshot are reported where they are read
        elif len(content) != file.size and found.kind is not Kind.IMAGE:
            words = (
                f"Of {file.size:,} bytes it came as {len(content):,}, as {found.words} without a license, so something "
                "between may have sent its own words in its place. Open it in Zendesk."
            )
            self.unread.append(Unread(name, words, Source.LICENSE_FILE, may_pass=True))
        else:
            self.notes.append(" ".join(filter(None, [f"{name} holds no license: it is {found.words}.", found.advice])))
            self.notes += [f"{name}: {note}" for note in found.notes]

    def _read(self, name: str, found: Content) -> None:
        if found.kind is Kind.USAGE_EXPORT:
            self.notes.append(f"{name} is {found.words}; the license in its first line was read.")
        elif found.kind is not Kind.LICENSE:
            self.notes.append(f"{_sentence(name)} is {found.words} that holds a license, which was read.")
        self.notes += [f"{_sentence(name)}: {note}" for note in found.notes]
        for one in found.licenses:
            where = f"{name} ({clean(one.where, 120)})" if one.where else name
            try:
                reading = license.examine(one.text, self._public_key)
            except LicenseError as exc:
                self.notes.append(f"{_sentence(where)} was not used: {exc}")
                continue
            odd = dict.fromkeys((*one.notes, *reading.notes))
            if odd:
                self.notes.append(f"{_sentence(where)}: {', and '.join(odd)}. It was read all the same.")
            self._hold(_attached(where, reading.license, license.fingerprint(one.text)))

    def _hold(self, found: Attached) -> None:
        """Keep a license once: quoted replies repeat it."""
        if found.fingerprint in {held.fingerprint for held in self.held}:
            return
        if len(self.held) < MOST_LICENSES:
            self.held.append(found)
        else:
            self.notes.append(f"{_sentence(found.name)} was not used: {MOST_LICENSES} licenses were read before.")

    @cached_property
    def _public_key(self) -> license.PublicKey:
        return load_public_key(self._case.settings)


def load_public_key(settings: Settings) -> license.PublicKey:
    """The key that licenses are checked with; InputError if the file is not configured, missing, or no public key."""
    path = settings.license_public_key_file
    if path is None:
        raise InputError("RUNBOOK_LICENSE_PUBLIC_KEY_FILE is not set, so no license can be checked.")
    with files.explained(f"The public key {path} cannot be read"):
        return license.load_public_key(files.given(path))


def _attached(name: str, found: License, fingerprint: str) -> Attached:
    """What counts of a license; its text stays where it was read."""
    try:
        users: int | None = parameters.count("users_in_license", found.user_count, least=1)
    except InputError:
        users = None
    return Attached(
        name=clean(name, 200),
        fingerprint=fingerprint,
        starts_on=found.starts_on,
        expires_on=found.expires_on,
        blocked_on=found.block_changes_on,
        users=users,
        plan=found.plan,
        is_trial=found.is_trial,
        is_cancellation=found.generated_from_cancellation,
        company=clean(plain(str(found.licensee.get("Company") or "")), 120),
        email=clean(plain(str(found.licensee.get("Email") or "")), 120),
    )


def _is_picture(file: Attachment) -> bool:
    return file.content_type.lower().startswith(_PICTURES)


def _sentence(name: str) -> str:
    """A name at the beginning of a sentence."""
    return f"The{name[3:]}" if name.startswith("the comment") else name
