"""`runbook lab`: JupyterLab where notebooks and records are, with the practice world running beside it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from jupyter_client.manager import KernelManager

from runbook_lib import templates
from runbook_lib.cli.lab import DEFAULTS, Lab, prepared, root, serve_only, without_history
from runbook_lib.cli.main import main
from runbook_lib.domain.errors import InputError
from runbook_lib.settings import ROOT, Settings
from runbook_lib.templates import defaults, fresh
from tests.practice import World, start

OPENED = "/lab/tree/notebooks/open/start_here.ipynb"


@pytest.fixture
def lab_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module of JupyterLab's own process, for a person whose settings are in a folder here.

    Imported only here, since that takes most of a second.
    """
    from runbook_lib.cli import lab_server

    monkeypatch.setenv("JUPYTERLAB_SETTINGS_DIR", str(tmp_path / "own"))
    return lab_server


@pytest.fixture
def notebooks(tmp_path: Path) -> Path:
    """A copy of the runbooks, so that nothing writes into ours."""
    return Path(shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks", ignore=shutil.ignore_patterns("open")))


@pytest.fixture
def lab(tmp_path: Path, notebooks: Path) -> Iterator[subprocess.Popen[str]]:
    """The command, run without a browser and, where that is so, as root."""
    home = {f"JUPYTER_{name}_DIR": str(tmp_path / "home") for name in ("CONFIG", "RUNTIME")}
    own = {**home, "RUNBOOK_NOTEBOOKS": str(notebooks)}
    words = ("lab", "--allow-root", "--no-browser", "--ServerApp.port=0")
    with subprocess.Popen(
        [sys.executable, "-m", "runbook_lib.cli", *words],
        env={**World(tmp_path / "outputs").environment, **own},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        yield process
        with suppress(ProcessLookupError):  # no process is left
            os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.slow
def test_it_runs_beside_the_practice_world(lab: subprocess.Popen[str], tmp_path: Path) -> None:
    """It says where to watch that; its address opens start_here; it ends with the command, and not without it."""
    assert lab.stdout is not None
    said = ""
    while not (
        found := re.search(rf"Or copy and paste .*\n.*\n *(http://127\.0\.0\.1:\d+)({OPENED}\?token=\w+)", said)
    ):
        line = lab.stdout.readline()
        assert line, said
        said += line
    assert "/control-room" in said
    assert said.startswith("The runbooks are prepared, and JupyterLab is starting; Ctrl-C stops it ...\n")
    assert "ServerApp" not in said, "no line of a log"
    (path,) = (tmp_path / "home").glob("jpserver-*.json")
    server = json.loads(path.read_text())
    url, opened = found.groups()
    assert {"notebooks", "outputs"} == served_names(url, server["token"], "")
    assert "start_here.ipynb" in served_names(url, server["token"], "notebooks")
    for beside in ("home", ".env", "outputs/../home", "outputs/.keys"):
        kept = httpx.get(f"{url}/api/contents/{beside}?token={server['token']}", trust_env=False)
        assert 404 == kept.status_code, beside
    home = httpx.get(f"{url}/?token={server['token']}", trust_env=False)
    assert (302, opened) == (home.status_code, home.headers["Location"])
    assert 200 == httpx.get(f"{url}{opened}", trust_env=False).status_code
    lab.terminate()
    lab.communicate(timeout=60)
    with pytest.raises(ProcessLookupError):
        os.kill(server["pid"], 0)


def served_names(url: str, token: str, folder: str) -> set[str]:
    """What the browser of files shows of a folder."""
    found = httpx.get(f"{url}/api/contents/{folder}?token={token}", trust_env=False).json()
    return {item["name"] for item in found["content"]}


def test_templates_are_served_as_copies(notebooks: Path, tmp_path: Path) -> None:
    """Read-only ones, with the folder of copies beside them; no save reaches what is tracked."""
    (notebooks / "other.ipynb").write_text("no notebook")
    outputs = tmp_path / "outputs"
    outputs.mkdir()
    served = serve_only(tmp_path / "served", notebooks, outputs)
    template = served / "notebooks" / "weekend_license.ipynb"
    assert not (served / "notebooks").is_symlink()
    assert 0o400 == template.stat().st_mode & 0o777
    assert notebooks / "open" == (served / "notebooks" / "open").resolve()
    assert not (served / "notebooks" / "other.ipynb").exists()


def test_it_sets_only_what_exists(tmp_path: Path) -> None:
    """Each default is a setting that this JupyterLab's schema knows."""
    for plugin, settings in DEFAULTS.items():
        package, name = plugin.split(":")
        schema = json.loads((Path(sys.prefix) / "share/jupyter/lab/schemas" / package / f"{name}.json").read_text())
        assert settings.keys() <= schema["properties"].keys(), plugin


def test_what_is_chosen_is_kept_beside_the_persons_own_settings(
    lab_server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What they have set counts, and stays as it is; what was chosen here counts the next time, until they set more."""
    own = tmp_path / "own" / "@jupyterlab" / "x.jupyterlab-settings"
    kept = tmp_path / "runbook-settings"
    own.parent.mkdir(parents=True)
    launched: list[list[str]] = []
    monkeypatch.setattr(lab_server.LabApp, "launch_instance", launched.append)
    (tmp_path / "options").write_text('["--no-browser"]')
    for set_by_them, chosen, changed_at, expected in ((1, 0, 100, 1), (1, 2, 100, 2), (3, 2, 3e9, 3)):
        if chosen:
            (kept / "@jupyterlab" / own.name).write_text(str(chosen))
        own.write_text(str(set_by_them))
        os.utime(own, (changed_at, changed_at))
        lab_server.main(os.open(tmp_path / "options", os.O_RDONLY))
        assert str(expected) == (kept / "@jupyterlab" / own.name).read_text()
        assert str(set_by_them) == own.read_text()
    assert [f"--LabApp.user_settings_dir={kept}", "--no-browser"] == launched[-1]


@pytest.mark.parametrize(
    ("user", "is_allowed", "status", "is_told"),
    [(0, False, 1, True), (0, True, 1, False), (1000, False, 1, False), (0, False, 0, False)],
)
def test_root_is_shown_how_to_start_it(
    lab_server: Any,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    user: int,
    is_allowed: bool,
    status: int,
    is_told: bool,
) -> None:
    """Where JupyterLab has refused, and not where it ended for another reason, or only showed its help."""
    server = SimpleNamespace(allow_root=is_allowed)
    monkeypatch.setattr(lab_server.LabApp, "launch_instance", lambda options: sys.exit(status))
    monkeypatch.setattr(lab_server, "ServerApp", SimpleNamespace(instance=lambda: server))
    monkeypatch.setattr(os, "geteuid", lambda: user)
    (tmp_path / "options").write_text('["--no-browser"]')
    with pytest.raises(SystemExit) as ended:
        lab_server.main(os.open(tmp_path / "options", os.O_RDONLY))
    assert is_told == ("runbook lab --allow-root" in str(ended.value.code))
    assert bool(status) == bool(ended.value.code)


def test_without_options_no_jupyterlab_starts(lab_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever started it has given up."""
    monkeypatch.setattr(lab_server.LabApp, "launch_instance", pytest.fail)
    lab_server.main(os.open(os.devnull, os.O_RDONLY))


def test_a_wrong_ticket_starts_no_jupyterlab(tmp_path: Path) -> None:
    """It is reported in a sentence."""
    for world in start(tmp_path / "outputs"):
        ran = world.runbook("lab", "999999", "--no-browser")
        assert 2 == ran.status
        assert "Ticket 999999 does not exist" in ran.stderr
        assert "token=" not in ran.stdout + ran.stderr


def test_a_repository_that_takes_no_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is reported in a sentence, as of a checkout that is mounted read-only."""
    for world in start(tmp_path / "outputs"):
        for name, value in world.environment.items():
            monkeypatch.setenv(name, value)

        def refuse(*words: object, **more: object) -> None:
            raise OSError(30, "Read-only file system")

        monkeypatch.setattr(templates, "copy", refuse)
        with pytest.raises(InputError, match=r"No copy of weekend_license can be made in .*Read-only file system"):
            prepared(Settings.load(), "1001")


def test_a_word_that_is_no_ticket_starts_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even the practice world."""
    monkeypatch.setenv("RUNBOOK_OUTPUTS", str(tmp_path / "outputs"))
    monkeypatch.setattr(Lab, "run", pytest.fail)
    assert 2 == main(["lab", "abc"])
    assert not (tmp_path / "outputs").exists()


def test_the_ticket_chooses_the_copy(notebooks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The runbook that it needs, filled in; start_here where none does, or without one; or a notebook by its name."""
    for world in start(tmp_path / "outputs"):
        for name, value in {**world.environment, "RUNBOOK_NOTEBOOKS": str(notebooks)}.items():
            monkeypatch.setenv(name, value)
        settings = Settings.load()
        chosen = {}
        for first in ("1001", "3001", "1004", "review_records", None):
            path = prepared(settings, first)
            chosen[first] = re.sub(r"^\d+-|-practice.*", "", path.stem), defaults(path).get("ticket_id")
            assert notebooks / "open" == path.parent
        assert {
            "review_records": ("review_records", None),
            "1001": ("weekend_license", 1001),
            "3001": ("license_not_received", 3001),
            "1004": ("start_here", 1004),
            None: ("start_here", 0),
        } == chosen


def test_its_kernels_keep_no_history(tmp_path: Path) -> None:
    """What is typed there is about customers: nothing of it is on disk afterwards."""
    folder = without_history(tmp_path / "ipython")
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(env={**os.environ, "IPYTHONDIR": str(folder)})
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        found = client.execute_interactive("'customer', get_ipython().history_manager.enabled", timeout=60)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    assert "ok" == found["content"]["status"]
    left = [path for path in folder.rglob("*") if path.is_file()]
    assert [] == [path for path in left if b"customer" in path.read_bytes()]


def test_records_elsewhere_on_the_disk_open_by_their_links(tmp_path: Path) -> None:
    """As the page of a copy has them; nothing else of the disk is served."""
    notebooks, outputs = tmp_path / "notebooks", Path(tempfile.mkdtemp(dir="/var/tmp")).resolve()
    notebooks.mkdir()
    served = serve_only(tmp_path / "served", notebooks, outputs)
    record = outputs / "sandbox" / "1001" / "record.ipynb"
    copy = served / notebooks.relative_to("/") / "open"
    link = Path(os.path.normpath(copy / os.path.relpath(record, notebooks / "open")))
    assert record == link.parent.parent.parent.resolve() / record.relative_to(outputs)
    assert {notebooks.parts[1], outputs.parts[1]} == {path.name for path in served.iterdir()}
    outputs.rmdir()


def test_a_folder_of_links_to_what_is_served(tmp_path: Path) -> None:
    """In the places that they have to each other, so that links between them hold."""
    notebooks, outputs = tmp_path / "ada" / "runbook" / "notebooks", tmp_path / "ada" / "records"
    for folder in (notebooks, outputs):
        folder.mkdir(parents=True)
    served = serve_only(tmp_path / "served", notebooks, outputs)
    linked = ("runbook/notebooks/open", "records")
    assert (notebooks / "open", outputs) == tuple((served / name).resolve() for name in linked)
    assert {"runbook", "records"} == {path.name for path in served.iterdir()}


def test_it_opens_a_fresh_copy(notebooks: Path) -> None:
    """What JupyterLab has saved into the last one is gone, and never gets into the runbook."""
    runbook = notebooks / "start_here.ipynb"
    before = runbook.read_bytes()
    copy = fresh(runbook)
    assert notebooks / "open" / "start_here.ipynb" == copy
    made = copy.read_bytes()
    copy.write_text("a customer's name")
    assert made == fresh(runbook).read_bytes()
    assert before == runbook.read_bytes()


def test_it_opens_the_runbook_where_no_copy_can_be_made(notebooks: Path) -> None:
    """Such as in an installation that is read-only."""
    (notebooks / "open").write_text("in the way")
    assert notebooks / "start_here.ipynb" == fresh(notebooks / "start_here.ipynb")


@pytest.mark.parametrize(
    "words",
    [["--allow-root", "--no-browser"], ["--", "--allow-root", "--no-browser"], ["--port", "8890"], ["--port=8890"], []],
)
def test_words_for_jupyterlab_are_passed_on(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, world: World
) -> None:
    """With or without the sign that options end."""
    passed_on: list[str] = []
    monkeypatch.setenv("RUNBOOK_OUTPUTS", str(world.outputs))
    monkeypatch.setattr(Lab, "run", lambda lab, ticket, given: passed_on.extend(given))
    assert 0 == main(["lab", *words])
    assert [word for word in words if word != "--"] == passed_on


@pytest.mark.parametrize(
    ("notebooks_path", "outputs", "expected"),
    [
        ("/home/ada/runbook/notebooks", "/home/ada/runbook/outputs", "/home/ada/runbook"),
        ("/home/ada/runbook/notebooks", "/home/ada/records", "/home/ada"),
        ("/home/ada/runbook/notebooks", "/srv/records", "/"),
    ],
)
def test_what_it_shows(notebooks_path: str, outputs: str, expected: str) -> None:
    """What both folders are in, wherever the records are: links between them hold."""
    assert Path(expected) == root(Path(notebooks_path), Path(outputs))
