"""The command line: `runbook`. It parses, calls, prints, and turns errors into exit statuses; nothing else.

Everything heavy is imported by the command that needs it, so that `--help` and mistakes answer at once.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from runbook_lib import files
from runbook_lib.cli import batch_commands, journal_commands, records_commands
from runbook_lib.domain import envelopes
from runbook_lib.domain.errors import InputError, PersonNeededError, RunbookError

if TYPE_CHECKING:
    from datetime import date

    from runbook_lib.run.forks import Ahead
    from runbook_lib.run.runner import Report
    from runbook_lib.settings import Settings

DONE, FAILED, USAGE, PERSON = 0, 1, 2, 3
"""Exit statuses: an outcome or a plan; failed; bad usage or parameters; a person is needed."""
PIPE_CLOSED = 141
"""Nobody reads any more what is printed: as a shell tells of a process that SIGPIPE has ended."""

_RUN_HELP = """\
Runs a runbook on a ticket. Without --perform it rehearses: it reads everything, changes nothing and shows what it
would do. Either way it leaves an executed notebook as the record. `auto` runs start_here, then the runbook it names."""
_LAB_HELP = """\
Opens JupyterLab on a fresh copy of start_here, with the practice world running. Options are passed on to JupyterLab,
such as --no-browser, --port 8890, or --allow-root, without which it does not start as root; after `--` also those that
this command has itself, as in runbook lab -- --help."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status. What it makes is for its user alone, whatever the umask."""
    _open_standard_files()
    gc.set_threshold(500_000, 20, 50)  # a command throws little away: a fifth of its start went to looking for garbage
    before = os.umask(files.OTHERS)
    os.umask(before | files.OTHERS)
    try:
        return _run_quietly(sys.argv[1:] if arguments is None else arguments)
    finally:
        os.umask(before)


def _open_standard_files() -> None:
    """Have all three: a process may be started without one, and the next file that is opened would take its place."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode))


def _run_quietly(words: Sequence[str]) -> int:
    """Run a command; whoever reads what it prints may stop at any time, as `head` does."""
    try:
        try:
            return _run_command(words)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in (sys.stdout, sys.stderr):  # what is still in their buffers is flushed at the end
            with suppress(OSError, ValueError):
                os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
        return PIPE_CLOSED


def _run_command(words: Sequence[str]) -> int:
    given = _parsed(words)
    try:
        status: int = given.command(given)
        return status
    except RunbookError as exc:
        print(f"runbook: {envelopes.without(str(exc))}", file=sys.stderr)
        return PERSON if isinstance(exc, PersonNeededError) else USAGE if isinstance(exc, InputError) else FAILED
    except KeyboardInterrupt:
        print("runbook: stopped.", file=sys.stderr)
        return 130


def _without_answers(words: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    """What is left of a command without `-p NAME VALUE`, and those pairs.

    A value may begin with a dash, which argparse would take for an option. A pair that is not whole is left to it.
    """
    kept, pairs, rest = list(words[:1]), [], list(words[1:])
    while rest:
        if words[0] == "run" and rest[0] in ("-p", "--parameter") and len(rest) > 2:
            pairs.append(rest[1:3])
            del rest[:3]
        else:
            kept.append(rest.pop(0))
    return kept, pairs


def _parsed(words: Sequence[str]) -> argparse.Namespace:
    """What a command is given; words that `lab` does not know are JupyterLab's."""
    parser = _parser()
    words, pairs = _without_answers(words)
    given, more = parser.parse_known_args(words)
    given.parameter = [*pairs, *getattr(given, "parameter", ())]
    if more and given.command is not _lab:
        parser.error(f"unrecognized arguments: {' '.join(more)}")
    given.passed_on = more[1:] if more[:1] == ["--"] else more
    return given


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """As argparse does, but that no license is said again."""
        super().error(envelopes.without(message))


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="runbook", description="The on-call runbook for GitLab license emergencies.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="run a runbook on a ticket", description=_RUN_HELP)
    run.add_argument("runbook", metavar="RUNBOOK", help="such as weekend_license; or auto")
    run.add_argument("ticket", metavar="TICKET", help="the Zendesk ticket's number")
    run.add_argument(
        "-p",
        "--parameter",
        nargs=2,
        action="append",
        default=[],
        metavar=("NAME", "VALUE"),
        help="an answer, such as -p expires_on 2026-11-06; the names are in the notebook's parameters cell",
    )
    run.add_argument(
        "-f",
        "--parameters-file",
        metavar="FILE",
        help="a JSON object of answers, or - for standard input; unlike arguments, it is for nobody else to read",
    )
    run.add_argument("--perform", action="store_true", help="change things; without it the run only rehearses")
    run.add_argument("--json", action="store_true", help="print one JSON object")
    run.add_argument("--batch", default="", help=argparse.SUPPRESS)
    run.set_defaults(command=_run)
    batch_commands.add_command(commands, _practice)

    journal_commands.add_commands(commands)
    records_commands.add_commands(commands, _practice)

    _add_practice(commands)

    license_parser = commands.add_parser("license", help="work with license files")
    license_commands = license_parser.add_subparsers(required=True, metavar="COMMAND")
    read = license_commands.add_parser("read", help="check a license file and show what it says, never the license")
    read.add_argument("file", type=Path, metavar="FILE")
    read.add_argument("--public-key", type=Path, metavar="PEM", help="default: the one of the profile")
    read.add_argument("--json", action="store_true", help="print one JSON object")
    read.set_defaults(command=_license_read)

    doctor = commands.add_parser("doctor", help="check the configuration against the services; changes nothing")
    doctor.add_argument("--json", action="store_true", help="print one JSON list")
    doctor.set_defaults(command=_doctor)

    mechanizer = commands.add_parser(
        "mechanizer", help="the pipeline job that issues a license; reads LICENSE_* and RUNBOOK_* variables"
    )
    mechanizer.set_defaults(command=_mechanizer)
    return parser


def _add_practice(commands: Any) -> None:
    """The commands that are about the practice world."""
    demo = commands.add_parser("demo", help="take every practice ticket through its runbook, performed")
    demo.set_defaults(command=_demo)

    sandbox = commands.add_parser("sandbox", help="keep the practice world running, for notebooks and papermill")
    sandbox.add_argument(
        "--port", type=int, default=0, metavar="N", help="port on this machine (default: its last, or any free)"
    )
    sandbox.add_argument("--date", metavar="YYYY-MM-DD", help="the practice world's date (default: today)")
    sandbox.add_argument("--new", action="store_true", help="begin a new world; the old one and its records are kept")
    sandbox.set_defaults(command=_sandbox)

    lab = commands.add_parser(
        "lab",
        help="open JupyterLab on the runbooks, with the practice world running",
        usage="runbook lab [-h] [OPTION OF JUPYTERLAB ...]",
        description=_LAB_HELP,
    )
    lab.set_defaults(command=_lab)


def _run(given: argparse.Namespace) -> int:
    if sys.stderr.isatty():
        print(f"{'Performing' if given.perform else 'Rehearsing'}: the kernel starts.", file=sys.stderr, flush=True)
    from runbook_lib.run import automatic, forks, runner
    from runbook_lib.settings import Settings

    local = Settings.local()
    answers = _answers([*_from_file(given.parameters_file), *given.parameter])
    first, own = automatic.first(local, given.runbook, answers)
    notebook = runner.template(local, first)
    runner.check(notebook, given.ticket, own, perform=given.perform)
    runs = 2 if given.runbook == automatic.AUTO else 1
    with forks.ahead(runs, [notebook]) as ahead, _practice(local):
        settings = Settings.load()
        report = _report(given, first, own, settings, ahead)
        if given.runbook == automatic.AUTO and report.next_runbook:
            if not given.json:
                print(f"{_line(report.summary)}\nRecord: {report.record}\n")
            first, own = report.next_runbook, automatic.then(local, report.next_runbook, answers)
            report = _report(given, first, own, settings, ahead)
    if given.json:
        print(json.dumps(report.contract(), indent=2))
    else:
        pairs = [word for name, value in own.items() for word in ("-p", name, value)]
        print(_words(report, local.profile, shlex.join(["runbook", "run", first, given.ticket, *pairs])))
    if report.notice:
        print(f"runbook: {_line(report.notice)}", file=sys.stderr)
    return _exit_status(report)


def _report(
    given: argparse.Namespace, runbook: str, answers: dict[str, str], settings: Settings, ahead: Ahead
) -> Report:
    from runbook_lib.run import runner

    return runner.run(
        runbook,
        given.ticket,
        answers,
        perform=given.perform,
        settings=settings,
        progress=sys.stderr.isatty(),
        batch=given.batch,
        ahead=ahead,
    )


def _line(words: str) -> str:
    """One line for the terminal."""
    from runbook_lib.domain.plain_text import clean

    return clean(words, 2000)


def _from_file(name: str | None) -> list[tuple[str, str]]:
    """The answers in a file, or from standard input.

    Raises:
        InputError: It cannot be read, or is no object of texts.
    """
    if name is None:
        return []
    try:
        found = json.loads(sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as exc:
        raise InputError(f"The parameters file {name} cannot be read; expected a JSON object of answers.") from exc
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise InputError(f"The parameters file {name} is no JSON object of texts, as -p takes them.")
    return list(found.items())


def _answers(pairs: Sequence[Sequence[str]]) -> dict[str, str]:
    names = [name for name, _ in pairs]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise InputError(f"{', '.join(sorted(twice))} is given twice; give each parameter once.")
    return {pair[0]: pair[1] for pair in pairs}


def _exit_status(report: Report) -> int:
    from runbook_lib.domain.models import Status

    return {Status.COMPLETED: DONE, Status.NEEDS_ANSWER: PERSON}.get(report.status, FAILED)


def _words(report: Report, profile: str, command: str) -> str:
    """A report for the terminal; `command` is the one that made it, without `--perform`."""
    from tabulate import tabulate

    from runbook_lib.domain.answers import QUESTIONS
    from runbook_lib.domain.models import Status
    from runbook_lib.domain.plain_text import clean

    place = "LIVE" if profile == "live" else "practice"
    mode = f"{place}, performed" if report.performed else f"{place}, rehearsal"
    lines = [f"{report.runbook}, ticket {report.ticket_id} ({mode}): {report.outcome or report.status}"]
    lines.append(clean(report.summary, 2000))
    rows = [(e["state"], clean(e["summary"]), clean((e["evidence"] or {}).get("summary", ""))) for e in report.effects]
    if rows:
        lines += ["", tabulate(rows, headers=("effect", "what", "evidence")), ""]
    if report.missing:
        lines.append("Pass: " + " ".join(f"-p {name} {QUESTIONS[name].example}" for name in report.missing))
    if report.status == Status.COMPLETED and {effect["state"] for effect in report.effects} & {"planned"}:
        lines.append(f"To perform it: {command} --perform")
    lines.append(f"Record: {report.record} ({report.seconds} s)")
    return "\n".join(lines)


@contextmanager
def _practice(local: Settings) -> Iterator[None]:
    """In the sandbox profile a running practice world: the one that runs already, or one for as long as it takes."""
    if local.profile == "live":
        yield
        return
    from runbook_lib.sandbox import server

    folder = local.world_folder
    with ExitStack() as stack:
        with server.one_at_a_time(folder):
            _ensure_world(folder, None)
            stack.enter_context(server.shared(folder))
        yield


def _ensure_world(folder: Path, wanted: date | None) -> None:
    """A practice world, of the date given, or of today.

    Raises:
        InputError: There is one of another date.
    """
    from datetime import UTC, datetime

    from runbook_lib.sandbox import server

    found = server.world_date(folder)
    if found is None:
        server.make_world(folder, wanted or datetime.now(UTC).date())
    elif wanted and wanted != found:
        raise InputError(f"The practice world in {folder.parent} is of {found}. Pass --new to begin one of {wanted}.")


def _sandbox(given: argparse.Namespace) -> int:
    from runbook_lib.domain import answers
    from runbook_lib.sandbox import server
    from runbook_lib.sandbox.world import CONTROL_ROOM_PATH
    from runbook_lib.settings import Settings

    wanted = None if given.date is None else answers.day("--date", given.date)
    local = Settings.local()
    if local.profile == "live":
        raise InputError("RUNBOOK_PROFILE is live; the practice world needs the profile sandbox.")
    folder = local.world_folder
    with ExitStack() as turn:
        turn.enter_context(server.one_at_a_time(folder))
        server.wait_for_stopping(folder)
        if given.new:
            _set_aside(folder)
        _ensure_world(folder, wanted)
        if found := server.running(folder):
            raise InputError(
                f"The practice world is being served already: look around at {found['url']}, and watch runbooks at "
                f"work at {found['url']}{CONTROL_ROOM_PATH}. Use that server, or stop it first."
            )
        print(f"The practice world of {server.world_date(folder)} is starting; stop it with Ctrl-C.", flush=True)

        def ready(url: str) -> None:
            turn.close()
            print(f"Open {url} to look around, {url}{CONTROL_ROOM_PATH} to watch runbooks at work;", flush=True)
            print("notebooks and commands find it by themselves.", flush=True)

        server.serve(folder, port=given.port, ready=ready)
    return DONE


def _set_aside(folder: Path) -> None:
    """Keep an old world with its records under another name.

    Raises:
        InputError: It is running.
    """
    from datetime import UTC, datetime

    from runbook_lib.sandbox import server

    if server.running(folder):
        raise InputError("The practice world is running. Stop it first, then begin a new one.")
    if folder.parent.exists():
        folder.parent.rename(folder.parent.with_name(f"sandbox-until-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"))


def _lab(given: argparse.Namespace) -> int:
    from runbook_lib.cli import lab
    from runbook_lib.run import automatic, runner
    from runbook_lib.settings import Settings

    local = Settings.local()
    with _practice(local):
        if address := _control_room(local):
            print(f"Watch what happens to the practice world at {address}", flush=True)
        return lab.run(local, runner.template(local, automatic.ROUTER), given.passed_on)


def _control_room(local: Settings) -> str:
    """Where the practice world is watched, or "" where there is none."""
    from runbook_lib.sandbox import server
    from runbook_lib.sandbox.world import CONTROL_ROOM_PATH

    found = server.running(local.world_folder) if local.profile != "live" else None
    return f"{found['url']}{CONTROL_ROOM_PATH}" if found else ""


def _license_read(given: argparse.Namespace) -> int:
    from runbook_lib.cli import license_commands

    key_file = given.public_key or _configured_key()
    print(license_commands.report(_content(given.file), _content(key_file), as_json=given.json))
    return DONE


def _configured_key() -> Path:
    from runbook_lib.sandbox.world import PUBLIC_KEY_NAME
    from runbook_lib.settings import Settings

    local = Settings.local()
    if local.profile == "live":
        path, advice = local.license_public_key_file, "or set RUNBOOK_LICENSE_PUBLIC_KEY_FILE"
    else:
        path, advice = local.world_folder / PUBLIC_KEY_NAME, "or make a practice world: `runbook sandbox`"
    if path is None or not path.exists():
        raise InputError(f"There is no public key to check with; pass --public-key PEM, {advice}.")
    return path


def _content(path: Path) -> bytes:
    """A file's bytes.

    Raises:
        InputError: It cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as exc:
        raise InputError(f"The file {path} cannot be read: {exc.strerror}.") from exc


def _doctor(given: argparse.Namespace) -> int:
    from runbook_lib.cli import doctor
    from runbook_lib.settings import Settings

    local = Settings.local()
    with _practice(local):
        findings = doctor.examine(Settings.load())
    if given.json:
        print(json.dumps([vars(finding) for finding in findings], indent=2))
    else:
        from tabulate import tabulate

        rows = [(f.service, f.state, f.seen, f.advice or "–") for f in findings]
        heads = ("service", "state", "what was seen", "what to do")
        print(tabulate(rows, headers=heads, maxcolwidths=[None, None, 50, 50]))
    return DONE if doctor.healthy(findings) else FAILED


def _mechanizer(given: argparse.Namespace) -> int:
    from runbook_lib import mechanizer
    from runbook_lib.settings import JobRequest, JobSettings

    try:
        print(mechanizer.main(JobRequest(), JobSettings.load()))
    except RunbookError as exc:
        print(f"mechanizer: {exc}", file=sys.stderr)
        return FAILED
    return DONE


def _demo(given: argparse.Namespace) -> int:
    from runbook_lib.cli import demo
    from runbook_lib.settings import Settings

    return demo.main(Settings.local(profile="sandbox"))
