"""The command line: `runbook`. It finds the command, and turns errors into one line and an exit status.

Each group of commands has a module of its own, which is imported when one of its commands is asked for; what a command
needs is imported by the command itself, so that `--help`, mistakes and completion answer at once.
"""

from __future__ import annotations

import errno
import gc
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from io import TextIOWrapper
from typing import TYPE_CHECKING, TextIO

import click

from runbook_lib import files
from runbook_lib.domain import exit_status
from runbook_lib.domain.errors import RunbookError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

TAKES_NOTHING = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""Errors of a disk or a terminal that takes no output."""
COMPLETION = "_RUNBOOK_COMPLETE"
"""How a shell asks for completion, such as `bash_complete`. Source: click's documentation, Shell Completion."""
ADVICE = f"""\
To complete commands, runbooks, parameters and tickets with the Tab key, add the line of your shell to its start-up
file.

\b
bash  ~/.bashrc                      eval "$({COMPLETION}=bash_source runbook)"
zsh   ~/.zshrc                       eval "$({COMPLETION}=zsh_source runbook)"
fish  ~/.config/fish/config.fish     {COMPLETION}=fish_source runbook | source
"""
LINES = {
    "run": ("run_command", "Run a runbook on a ticket."),
    "batch": ("batch_commands", "Run many tickets from a list."),
    "lab": ("practice", "Open JupyterLab on the runbooks."),
    "sandbox": ("practice", "Keep the practice world running, for notebooks and papermill."),
    "demo": ("practice", "Take every practice ticket through its runbook, performed."),
    "records": ("records_commands", "Find, read, verify and export records."),
    "answer": ("journal_commands", "Say whether an effect is there, or that a case has ended."),
    "journal": ("journal_commands", "Read a ticket's journal, or begin a new one."),
    "keys": ("journal_commands", "The keys that sign the journals."),
    "license": ("license_commands", "Read license files."),
    "doctor": ("service_commands", "Check the configuration against the services; changes nothing."),
    "mechanizer": ("service_commands", "Issue a license: the pipeline's job."),
}
"""Each command's module and its line in the help, in their order."""


class _Commands(click.Group):
    """Imports a command's module when the command is asked for; its own help and completion need none."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(LINES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in LINES:
            return None
        command: click.Command = getattr(import_module(f"runbook_lib.cli.{LINES[cmd_name][0]}"), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in LINES.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        own = [CompletionItem(name, help=line) for name, (_, line) in LINES.items() if name.startswith(incomplete)]
        return own + click.Command.shell_complete(self, ctx, incomplete)


COMMANDS = _Commands(
    "runbook",
    help="The on-call runbook for GitLab license emergencies.",
    epilog=ADVICE,
    no_args_is_help=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main(words: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status. What it makes is for its user alone, whatever the umask."""
    _open_standard_files()
    collected = gc.get_threshold()
    gc.set_threshold(500_000, 20, 50)  # a command throws little away: a fifth of its start went to looking for garbage
    before = os.umask(files.OTHERS)
    os.umask(before | files.OTHERS)
    try:
        return _run_quietly(sys.argv[1:] if words is None else words)
    finally:
        os.umask(before)
        gc.set_threshold(*collected)
        if words is None:
            gc.freeze()  # nor does the end of the process look through what was imported


def _open_standard_files() -> None:
    """Open what is missing of the three: a process may be started without one, and the next file would take its place.

    A letter that the terminal's encoding does not have is printed as its code.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode))
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _run_quietly(words: Sequence[str]) -> int:
    """Run a command; a reader of its output may stop at any time, as `head` does, and a disk may be full."""
    try:
        try:
            return _run_command(words)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        _throw_away(sys.stdout, sys.stderr)
        return exit_status.PIPE_CLOSED
    except OSError as exc:
        if exc.errno not in TAKES_NOTHING:
            raise
        _throw_away(sys.stdout)
        problem = (
            f"What it prints or writes has no room ({exc.strerror}). Free the disk, then run the same command again."
        )
        return _stop(problem, exit_status.FAILED)


def _throw_away(*streams: TextIO) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in streams:
        with suppress(OSError, ValueError):
            os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def _run_command(words: Sequence[str]) -> int:
    """Run a command, or answer a shell that asks how words can be completed.

    `click.Group.main` does this too, but ends the process, and takes a closed pipe for a failure.
    """
    try:
        if shell := os.environ.get(COMPLETION):
            from runbook_lib.cli import completion

            if (answered := completion.answer(COMMANDS, COMPLETION, shell)) is not None:
                return answered
        with COMMANDS.make_context("runbook", list(words)) as context:
            return int(COMMANDS.invoke(context) or exit_status.DONE)
    except click.exceptions.Exit as exc:
        return exc.exit_code
    except click.UsageError as exc:
        return _stop(_usage(exc), exit_status.USAGE)
    except RunbookError as exc:
        return _stop(str(exc), exit_status.of_error(exc))
    except (KeyboardInterrupt, click.Abort):
        return _stop("stopped.", exit_status.INTERRUPTED)


def _stop(words: str, status: int) -> int:
    from runbook_lib.domain.plain_text import clean_lines  # no file's name is obeyed
    from runbook_lib.redaction import Redactor  # only where something is wrong: neither secret nor license is repeated

    click.echo(f"runbook: {clean_lines(Redactor.of_environment().text(words))}", err=True)
    return status


def _usage(error: click.UsageError) -> str:
    words = " ".join(error.format_message().split())
    words += "" if words.endswith((".", "?")) else "."
    if error.ctx is None:
        return f"{words} See `runbook --help`."
    group = error.ctx.command if isinstance(error.ctx.command, click.Group) else None
    known = f" Known: {', '.join(group.list_commands(error.ctx))}." if group else ""
    return f"{words}{known} See `{error.ctx.command_path} --help`."
