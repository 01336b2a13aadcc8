"""Runs the job of every pipeline that is started: Mechanizer's real program, in its own process.

One job at a time, in the order of their pipelines; a stalled one is skipped until its fault is cleared.
A pipeline that a stopped server left waiting runs when the world is served again; one that it left running has failed.
"""

from __future__ import annotations

import json
import math
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from functools import partial

from runbook_lib.sandbox.faults import Faults
from runbook_lib.sandbox.store import Row
from runbook_lib.sandbox.world import PRIVATE_KEY_NAME, World, to_the_millisecond

JOB_COMMAND = (sys.executable, "-m", "runbook_lib.cli", "mechanizer")
JOB_LIMIT_S = 120
"""A job that takes longer is ended, and has failed."""

SENDER = "GitLab Support (practice) <no-reply@support.example>"
"""The sender of the practice Mechanizer's mails."""


class Runner:
    """The background worker; a context manager, whose end stops the job that is running."""

    def __init__(
        self, world: World, *, url: str, mail_port: int, faults: Faults, command: Sequence[str] | None = None
    ) -> None:
        """Takes the server's URL without a trailing slash, and what to run in place of Mechanizer."""
        self._world = world
        self._url = url
        self._mail_port = mail_port
        self._faults = faults
        self._command = tuple(command or JOB_COMMAND)
        self._waiting: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="pipelines", daemon=True)
        self._lock = threading.Lock()
        self._job: subprocess.Popen[bytes] | None = None
        self._stopping = False

    def __enter__(self) -> Runner:
        for row in self._world.store.rows("SELECT id, status FROM pipelines WHERE finished_at IS NULL ORDER BY id"):
            if row["status"] == "running":
                self._finish(row["id"], "failed", "ERROR: Job failed: the runner was stopped\n")
            else:
                self.start(row["id"])
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._stopping = True
            if self._job is not None:
                self._job.kill()
        self._waiting.put(None)
        self._thread.join()

    def start(self, pipeline_id: int) -> None:
        """Queues a pipeline; returns at once."""
        self._waiting.put(pipeline_id)

    def _work(self) -> None:
        while (pipeline_id := self._waiting.get()) is not None:
            if self._stopping:
                return
            if fault := self._faults.hit("pipelines", "hold"):
                self._set(pipeline_id, status=fault.state)
                self._faults.when_cleared(fault, partial(self.start, pipeline_id))
                continue
            row = self._world.require("SELECT * FROM pipelines WHERE id = ?", pipeline_id)
            # One that has been stalled keeps the time at which it began.
            started_at = row["started_at"] or to_the_millisecond(self._world.now())
            self._set(pipeline_id, status="running", started_at=started_at)
            if fault := self._faults.hit("pipelines", "stall"):
                self._faults.when_cleared(fault, partial(self.start, pipeline_id))
                continue
            # Like GitLab's, a job starts in an empty folder, which is removed afterwards.
            with tempfile.TemporaryDirectory(prefix="practice-job-") as folder:
                succeeded, trace = self._execute(row, folder)
            self._finish(pipeline_id, "success" if succeeded else "failed", trace)

    def _set(self, pipeline_id: int, **columns: str | None) -> None:
        stamp = to_the_millisecond(self._world.now())
        self._world.store.update("pipelines", pipeline_id, **columns, updated_at=stamp)

    def _execute(self, pipeline: Row, folder: str) -> tuple[bool, str]:
        """Whether the job exited with 0; and what it printed, with a last line by the runner, as GitLab's has one."""
        try:
            with self._lock:
                if self._stopping:
                    return False, "ERROR: Job failed: the runner was stopped\n"
                job = self._job = subprocess.Popen(  # noqa: S603 - our own program, and no shell
                    self._command,
                    cwd=folder,
                    env=self._environment(pipeline, folder),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                )
        except (OSError, ValueError) as exc:
            return False, f"ERROR: Job failed: {exc}\n"
        fault = self._faults.hit("pipelines", "kill")
        trace = _trace(job, fault.seconds if fault else math.inf)
        with self._lock:
            self._job = None
        return job.returncode == 0, trace

    def _environment(self, pipeline: Row, folder: str) -> dict[str, str]:
        """A job's environment: little of ours, the project's configuration, the pipeline's variables over them.

        It is all that the job reads: the job knows no `.env`.

        Source: GitLab, *CI/CD variable precedence*: what a trigger sends wins over what a project has.
        """
        settings = self._world.settings
        project = self._world.require("SELECT * FROM projects WHERE id = ?", pipeline["project_id"])
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": folder,
            "LANG": "C.UTF-8",
            "CI": "true",
            "CI_PROJECT_ID": str(project["id"]),
            "CI_PIPELINE_ID": str(pipeline["id"]),
            "CI_PIPELINE_URL": f"{self._url}/{project['path']}/-/pipelines/{pipeline['id']}",
            "RUNBOOK_PROFILE": "sandbox",
            "RUNBOOK_GITLAB_URL": self._url,
            "RUNBOOK_GITLAB_TOKEN": settings["mechanizer_gitlab_token"],
            "RUNBOOK_TRACKER_PROJECT_ID": settings["tracker_project_id"],
            "RUNBOOK_SIGNING_KEY_FILE": str(self._world.folder / PRIVATE_KEY_NAME),
            "RUNBOOK_SMTP_HOST": "127.0.0.1",
            "RUNBOOK_SMTP_PORT": str(self._mail_port),
            "RUNBOOK_SMTP_SECURITY": "none",
            "RUNBOOK_SMTP_SENDER": SENDER,
            "RUNBOOK_TODAY": settings["date"],
            **json.loads(pipeline["variables"]),
        }

    def _finish(self, pipeline_id: int, status: str, trace: str) -> None:
        self._set(pipeline_id, status=status, trace=trace, finished_at=to_the_millisecond(self._world.now()))


def _trace(job: subprocess.Popen[bytes], kill_after_s: float) -> str:
    """What a job printed until it ended, if need be by SIGKILL, and the runner's last line.

    Source: bash(1), *Exit status*: a job that a signal killed exits with 128 and the signal's number.
    """
    takes_too_long = False
    try:
        output, _ = job.communicate(timeout=min(kill_after_s, JOB_LIMIT_S))
    except subprocess.TimeoutExpired:
        job.kill()
        output, _ = job.communicate()
        takes_too_long = kill_after_s > JOB_LIMIT_S
    status = job.returncode if job.returncode >= 0 else 128 - job.returncode
    how = f"execution took longer than {JOB_LIMIT_S} seconds" if takes_too_long else f"exit code {status}"
    printed = output.decode(errors="replace")
    printed += "" if not printed or printed.endswith("\n") else "\n"
    return f"{printed}{f'ERROR: Job failed: {how}' if status else 'Job succeeded'}\n"
