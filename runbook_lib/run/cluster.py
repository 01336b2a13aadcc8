"""The tickets of a batch on a Dask cluster: each worker runs them by the same command, with its own configuration.

What travels through the scheduler is a ticket's line of the list, and back what its command printed and the files that
it left in the ticket's folder; never a setting, a key or a token. A worker that has another profile, another Zendesk or
other notebooks runs nothing. If one dies, Dask gives its tickets to another, which looks at the journals that it has,
and in the world, as any run does; so nothing is done twice. A cluster in which nothing goes on any more is given up.

Imports dask; here and on the workers.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import signal
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import distributed
from distributed.client import ClosedClientError
from distributed.comm.core import CommClosedError
from distributed.scheduler import KilledWorker
from distributed.versions import VersionMismatchWarning

from runbook_lib import files
from runbook_lib.addresses import is_loopback
from runbook_lib.domain.errors import InputError, RunbookError, UnavailableError
from runbook_lib.domain.exit_status import DONE, FAILED, USAGE
from runbook_lib.ledger.share import within
from runbook_lib.run import intake, pulse, ticket_runs
from runbook_lib.run.batch_list import BatchRow
from runbook_lib.run.ticket_runs import BatchOrder, Exit
from runbook_lib.settings import Settings

CONNECT_S = 10
SETUP_S = 60.0
"""How long workers may take to import what runs need."""
AGAIN = "Then start the same command again: it looks at what was done before it goes on."
_BROUGHT_BACK = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*\.(ipynb|jsonl|pub)")
"""Names of what a run leaves in a ticket's folder: a record, a journal, a public key."""


@dataclass(frozen=True)
class WorkerSetup:
    """What each worker must have as it is where the batch was started, such as Zendesk's address; nothing secret."""

    profile: str
    zendesk: str
    release: str
    notebooks: str

    @classmethod
    def here(cls) -> WorkerSetup:
        """What this process has. Raises InputError if its settings are incomplete."""
        settings = Settings.load()
        digest = hashlib.sha256()
        for name in intake.runbooks(settings):
            digest.update(name.encode() + intake.template(settings, name).read_bytes())
        return cls(settings.profile, settings.zendesk_url, version("license-runbook"), digest.hexdigest()[:16])

    def problem(self) -> str:
        """How this worker differs, in a sentence; "" if it does not."""
        try:
            own = vars(WorkerSetup.here())
        except RunbookError as exc:
            return f"It is not set up: {exc}"
        other = [f"{name} is {own[name]}, not {wanted}" for name, wanted in vars(self).items() if own[name] != wanted]
        return f"It is set up otherwise than where the batch was started: {'; '.join(other)}." if other else ""


Result = tuple[Exit, dict[str, bytes]]
"""Of a ticket on a worker: its command's output, and the files of the ticket's folder by name."""


class Runs(distributed.WorkerPlugin):
    """On each worker: a warm Python, and what it runs for one batch."""

    def __init__(self, order: BatchOrder, expected: WorkerSetup) -> None:
        self.name = f"runbook-{order.token}"
        self._order, self._expected = order, expected

    def setup(self, worker: Any) -> None:
        """Begin; Dask calls it when the worker joins."""
        self._problem = self._expected.problem()
        self._started = ExitStack()
        self.processes = self._started.enter_context(ticket_runs.on_this_machine(self._order, Settings.local()))
        worker.metrics[self.name] = lambda worker: self.processes.running

    def teardown(self, worker: Any) -> None:
        """End; Dask calls it when the batch has ended, or the worker leaves."""
        worker.metrics.pop(self.name, None)
        self._started.close()

    def run(self, row: BatchRow) -> Result:
        """Run a ticket, unless this batch has done that here before."""
        if self._problem:
            return Exit(USAGE, "", self._problem), {}
        settings = Settings.local()
        done = ticket_runs.finished(settings, row, self._order.token)
        output = Exit(DONE, json.dumps(done), "") if done else self.processes.run(row)
        return output, _left(settings, row)


def run_on_worker(name: str, row: BatchRow) -> Result:
    """A task of Dask's: run a ticket by the worker's `Runs`."""
    return cast(Runs, distributed.get_worker().plugins[name]).run(row)


def cancel_on_worker(name: str, dask_worker: Any) -> None:
    """Called on each worker: cancel what it runs."""
    dask_worker.plugins[name].processes.cancel()


class Cluster:
    """The workers of a scheduler, for one batch, whose `Runs` have this name; files go where the settings say."""

    def __init__(self, client: Any, name: str, watch: pulse.Pulse, settings: Settings) -> None:
        self._client, self._name, self._pulse, self._settings = client, name, watch, settings
        self._executor = client.get_executor(pure=False)
        self.room = sum(client.nthreads().values())

    def run(self, row: BatchRow) -> Exit:
        """Run a ticket on some worker, and wait for its end, or until nothing goes on in the cluster.

        Raises:
            CancelledError: Nothing went on there before, so that this one was not begun.
        """
        if self._pulse.is_given_up:
            raise futures.CancelledError
        self._pulse.note_work()
        try:
            future = self._executor.submit(run_on_worker, self._name, row)
            while not futures.wait([future], pulse.LOOK_S).done:
                if problem := self._pulse.problem():
                    future.cancel()
                    return Exit(-signal.SIGINT, "", f"{problem} {AGAIN}")
            output, found = cast(Result, future.result())
        except KilledWorker:
            return Exit(-signal.SIGKILL, "", f"Each worker that ran it died. See what they print. {AGAIN}")
        except (futures.CancelledError, ClosedClientError, CommClosedError):
            return Exit(-signal.SIGINT, "", f"{self._pulse.give_up('The scheduler is gone. Restart it.')} {AGAIN}")
        except Exception as exc:  # whatever is raised by a worker that joined later and is not as the others
            return Exit(FAILED, "", f"It failed on its worker ({type(exc).__name__}). See what the worker prints.")
        self._pulse.note_work()
        return self._brought_back(row, found, output)

    def cancel(self) -> None:
        """Cancel what runs: each leaves its record, which comes back."""
        self._pulse.shorten_patience()
        call = partial(_suppressed, lambda: self._client.run(cancel_on_worker, self._name, on_error="ignore"))
        threading.Thread(target=call, daemon=True).start()  # a worker that does not answer holds up no other

    def _brought_back(self, row: BatchRow, found: dict[str, bytes], output: Exit) -> Exit:
        """The output, with the record's place here, once the files are here."""
        if not found:
            return output
        folder = self._settings.ticket_folder(row.number)
        try:
            kept_out = [name for name, content in found.items() if not _is_kept(folder, name, content)]
        except OSError as exc:
            return Exit(FAILED, "", f"It has run, but its record cannot be written to {folder} ({exc.strerror}).")
        if kept_out:
            return Exit(FAILED, "", f"It has run, but {', '.join(kept_out)} in {folder} is another file; compare them.")
        with suppress(ValueError, LookupError, TypeError):
            report = json.loads(output.out)
            out = json.dumps({**report, "record": str(folder / Path(report["record"]).name)})
            return output._replace(out=out)
        return output


@contextmanager
def connected(address: str, order: BatchOrder, settings: Settings) -> Iterator[Cluster]:
    """A cluster that is ready: its workers are there, and set up as this machine is.

    Raises:
        InputError: The address is none, or not one for live tickets.
        UnavailableError: There is no scheduler, or it or a worker is not ready.
    """
    place = _checked(address, settings)
    expected = WorkerSetup.here()
    for name in ("distributed", "distributed.client", "tornado.application"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)  # the batch reports what has to be known
    with ExitStack() as stack:
        try:
            stack.enter_context(warnings.catch_warnings(category=VersionMismatchWarning, action="ignore"))
            connect: Any = partial(distributed.Client, place, timeout=CONNECT_S, set_as_default=False)
            client = stack.enter_context(within(CONNECT_S, connect))  # alone it waits for what is no scheduler
        except TypeError as exc:
            raise UnavailableError(
                f"The scheduler at {place} needs certificates, which Dask's configuration here does not name. "
                "Set distributed.comm.tls.ca-file, and client.cert and client.key below it."
            ) from exc
        except (OSError, ValueError) as exc:
            raise UnavailableError(
                f"No Dask scheduler answers at {place} ({type(exc).__name__}). Start one with `dask scheduler`, or "
                "leave --scheduler out to run here."
            ) from exc
        runs = Runs(order, expected)
        watch = pulse.Pulse(client, runs.name)
        stack.callback(_suppressed, lambda: within(pulse.ANSWER_S, lambda: client.unregister_worker_plugin(runs.name)))
        _prepare(client, runs, expected, watch)
        yield Cluster(client, runs.name, watch, settings)


def _prepare(client: Any, runs: Runs, expected: WorkerSetup, watch: pulse.Pulse) -> None:
    """Check the scheduler and the workers, and have each worker import what runs need."""
    try:
        watch.look()
        _check_versions(within(pulse.ANSWER_S, client.get_versions))
        _check_workers(within(pulse.ANSWER_S, lambda: client.run(expected.problem, on_error="return")))
        within(SETUP_S, lambda: client.register_plugin(runs))
    except TimeoutError as exc:
        raise UnavailableError(watch.look() or "The workers take too long to get ready. See what they print.") from exc
    except RunbookError:
        raise
    except (Exception, futures.CancelledError) as exc:  # of a worker, or of a connection that is lost
        name = type(exc).__name__
        raise UnavailableError(f"The cluster is not ready ({name}). See what the scheduler and workers print.") from exc


def _suppressed(call: Callable[[], Any]) -> None:
    with suppress(Exception, futures.CancelledError):  # the cluster is gone already
        call()


def _checked(address: str, settings: Settings) -> str:
    if {"@", "?", "#"} & set(address):  # it may hold a password, and is not repeated
        raise InputError("--scheduler takes an address without a name, a password or a query.")
    place = address if "://" in address else f"tcp://{address}"
    try:
        parts = urlsplit(place)
        is_complete = (
            parts.scheme in ("tcp", "tls") and bool(parts.hostname) and parts.port is not None and place.isprintable()
        )
    except ValueError:
        is_complete = False
    if not is_complete:
        raise InputError(f"--scheduler {address!r} is no address; expected one such as tls://scheduler.example:8786.")
    if settings.profile == "live" and parts.scheme == "tcp" and not is_loopback(parts.hostname or ""):
        raise InputError(f"The scheduler's address {place} is not encrypted; live needs tls://.")
    return place


def _check_versions(found: dict[str, Any]) -> None:
    """Refuse a cluster of another Dask or Python: what is sent might not be understood."""
    own = found["client"]["packages"]
    others = {
        "The scheduler": found["scheduler"],
        **{f"The worker {name}": at for name, at in found["workers"].items()},
    }
    for who, at in others.items():
        for name in ("python", "distributed"):
            theirs = at["packages"][name]
            if str(theirs).split(".")[:2] != str(own[name]).split(".")[:2]:
                raise UnavailableError(f"{who} runs {name} {theirs}, and this command {own[name]}. Install the same.")


def _check_workers(found: dict[str, Any]) -> None:
    """Refuse a cluster without workers, or with one that is not set up."""
    if not found:
        raise UnavailableError("The scheduler has no workers. Start some with `dask worker ADDRESS`.")
    for name, problem in found.items():
        if isinstance(problem, ImportError):
            raise UnavailableError(f"The worker {name} does not have this project installed ({problem}).")
        if isinstance(problem, BaseException):
            raise UnavailableError(f"The worker {name} is not ready: {type(problem).__name__}.")
        if problem:
            raise UnavailableError(f"The worker {name} is not ready. {problem}")


def _left(settings: Settings, row: BatchRow) -> dict[str, bytes]:
    folder = settings.ticket_folder(row.number)
    if not folder.is_dir():
        return {}
    found = {path.name: path for path in folder.iterdir() if _BROUGHT_BACK.fullmatch(path.name) and path.is_file()}
    return {name: path.read_bytes() for name, path in found.items()}


def _is_kept(folder: Path, name: str, content: bytes) -> bool:
    """Write a file that has come back, unless it is here already; returns False if another one is in its place.

    A journal only grows: the longer one of two is kept if it begins with the other. Raises OSError.
    """
    if not _BROUGHT_BACK.fullmatch(name):
        return False
    path = folder / name
    here = path.read_bytes() if path.exists() else None
    if here is not None and (here == content or not name.endswith(".jsonl")):
        return here == content
    if here is not None and not content.startswith(here):
        return here.startswith(content)
    files.make_folder(folder)
    files.write(path, content, mode=files.SEALED if name.endswith(".ipynb") else files.FILE)
    return True
