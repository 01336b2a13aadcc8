"""Making a world, serving it for real, finding its server, and stopping it."""

from __future__ import annotations

import http.client
import http.server
import json
import os
import shutil
import signal
import smtplib
import socket
import stat
import subprocess
import sys
import threading
from datetime import date
from email.message import EmailMessage

import pytest

from runbook_lib.domain.errors import InputError, UnavailableError
from runbook_lib.sandbox import server, serving
from runbook_lib.sandbox.seeding import make_world
from runbook_lib.sandbox.world import opened, world_date


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def get(descriptor, path):
    connection = http.client.HTTPConnection(descriptor["url"].removeprefix("http://"), timeout=30)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def message(recipient):
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "sender@support.example", recipient, "Ünïcode"
    mail["Message-ID"] = "<op-1@support.example>"
    mail.set_content("line\n.dot\n")
    return mail


@pytest.fixture
def served(world_folder):
    """A world with a real server, and the server's descriptor."""
    with server.shared(world_folder) as descriptor:
        yield world_folder, descriptor


def start(folder, *options):
    command = [sys.executable, "-m", "runbook_lib.sandbox", str(folder), *options]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_a_world_is_made_once(tmp_path):
    folder = tmp_path / "outputs" / "sandbox" / ".world"
    assert world_date(folder) is None
    make_world(folder, date(2027, 1, 3))
    assert world_date(folder) == date(2027, 1, 3)
    with pytest.raises(InputError, match="is not empty"):
        make_world(folder, date(2027, 1, 3))
    assert mode(folder) == 0o700
    assert mode(folder / "license-key.pem") == mode(folder / "world.sqlite") == 0o600
    assert [path.name for path in folder.parent.iterdir()] == [".world"]


def test_an_empty_folder_can_become_a_world(tmp_path):
    make_world(tmp_path, date(2027, 1, 3))
    assert world_date(tmp_path) == date(2027, 1, 3)


def test_two_worlds_share_no_tokens(tmp_path):
    for name in "ab":
        make_world(tmp_path / name, date(2027, 1, 3))
    with opened(tmp_path / "a") as a, opened(tmp_path / "b") as b:
        secret = {name for name in a.settings if name == "world" or name.endswith("token")}
        assert len(secret) == 7
        assert not [name for name in secret if a.settings[name] == b.settings[name]]


def test_file_that_is_not_a_world_is_refused(tmp_path):
    (tmp_path / "world.sqlite").write_bytes(b"nonsense" * 1000)
    with pytest.raises(InputError, match="not a practice world"):
        world_date(tmp_path)


@pytest.mark.parametrize(
    "change",
    ["DELETE FROM settings WHERE name = 'version'", "UPDATE settings SET value = '1' WHERE name = 'version'"],
    ids=["none", "another"],
)
def test_a_world_of_another_version_is_refused(world_folder, change):
    """By name, with what to do; the same for its date, for serving it, and for using its server."""
    with opened(world_folder) as world:
        world.store.write(change)
    refusals = []
    for use in (world_date, serving.serve, lambda folder: server.shared(folder).__enter__()):
        with pytest.raises(InputError) as error:
            use(world_folder)
        refusals.append(str(error.value))
    expected = (
        f"The practice world in {world_folder} was made by another version of this runbook. Begin a new one with "
        "`runbook sandbox --new`; the old one is kept."
    )
    assert [expected] * 3 == refusals


def test_a_world_of_another_version_can_be_set_aside(world_folder):
    """As `runbook sandbox --new` does it: what it asks before the folder has moved does not open the old world."""
    with opened(world_folder) as world:
        world.store.write("DELETE FROM settings WHERE name = 'version'")
        world.store.write("DROP TABLE cdot_customers")
    with server.one_at_a_time(world_folder):
        server.wait_for_stopping(world_folder)
        assert server.running(world_folder) is None
        aside = world_folder.rename(world_folder.with_name("aside"))
        assert world_date(world_folder) is None
        make_world(world_folder, date(2026, 11, 23))
    assert date(2026, 11, 23) == world_date(world_folder)
    assert (aside / "world.sqlite").is_file()


def test_a_running_server_describes_itself(served):
    folder, descriptor = served
    assert set(descriptor) == {"world", "folder", "pid", "url", "date", "settings", "mail"}
    assert descriptor["date"] == "2026-11-22"
    assert mode(folder / "running.json") == 0o600
    assert server.running(folder) == descriptor
    status, body = get(descriptor, "/sandbox")
    assert (status, json.loads(body)) == (200, {"world": descriptor["world"], "date": "2026-11-22"})
    assert descriptor["settings"]["license_public_key_file"] == str(folder / "license-key.pub")


def test_state_and_tokens_outlive_the_server(world_folder):
    with server.shared(world_folder) as first:
        token = first["settings"]["slack_token"]
        connection = http.client.HTTPConnection(first["url"].removeprefix("http://"))
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        message = '{"channel": "C07PRACTICE", "text": "kept"}'
        connection.request("POST", "/api/chat.postMessage", message, headers)
        assert json.load(connection.getresponse())["ok"]
        connection.close()
    assert server.running(world_folder) is None
    assert not (world_folder / "running.json").exists()
    with server.shared(world_folder) as second:
        assert second["settings"]["slack_token"] == token
        assert b"kept" in get(second, "/control-room")[1]


def test_a_stale_description_counts_as_no_server(world_folder, eventually):
    with server.shared(world_folder) as descriptor:
        os.kill(descriptor["pid"], signal.SIGKILL)
        eventually(lambda: server.running(world_folder) is None)
        assert (world_folder / "running.json").exists()
    with server.shared(world_folder) as again:
        assert server.running(world_folder) == again


def test_description_replaced_meanwhile_is_not_used(tmp_path):
    """A new server may answer on a killed one's port; mail and pid of what was read first are the killed one's."""
    stale = {"world": "w", "folder": str(tmp_path.resolve()), "pid": 1}
    path = tmp_path / "running.json"

    class NewServer(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            path.write_text(json.dumps({**stale, "url": self.server.url, "pid": 2}))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"world": "w"}')

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), NewServer) as new:
        new.url = f"http://127.0.0.1:{new.server_port}"
        path.write_text(json.dumps({**stale, "url": new.url}))
        threading.Thread(target=new.serve_forever, args=(0.02,), daemon=True).start()
        found = server.running(tmp_path), server.running(tmp_path)
        new.shutdown()
    assert (None, 2) == (found[0], found[1]["pid"])


def test_server_of_another_world_is_not_found(served, tmp_path):
    _, descriptor = served
    (tmp_path / "running.json").write_text(json.dumps(descriptor | {"world": "another", "folder": str(tmp_path)}))
    assert server.running(tmp_path) is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"url": 1, "world": 2}', '{"url": "http://127.0.0.1:x"}'])
def test_a_broken_description_counts_as_none(tmp_path, text):
    (tmp_path / "running.json").write_text(text)
    assert server.running(tmp_path) is None


def test_a_world_has_one_server(served):
    folder, _ = served
    with pytest.raises(InputError, match="served already"):
        serving.serve(folder)


def test_a_taken_port_is_named(world_folder):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"Port {port} is taken"):
            serving.serve(world_folder, port=port)


def test_copy_of_a_running_world_is_not_running(world_folder, tmp_path):
    """Using the copy does not change the original."""
    with server.shared(world_folder) as original:
        copy = tmp_path / "copy" / ".world"
        shutil.copytree(world_folder, copy)
        assert server.running(copy) is None
        with server.shared(copy) as own:
            assert (str(copy.resolve()), True) == (own["folder"], own["url"] != original["url"])
        assert original == server.running(world_folder)


def test_last_port_is_used_again_if_free(world_folder):
    """Open pages keep working; a port that another program has by now is left alone."""
    with server.shared(world_folder) as first:
        pass
    with server.shared(world_folder) as again:
        assert first["url"] == again["url"]
    address = ("127.0.0.1", int(first["url"].rpartition(":")[2]))
    with socket.create_server(address), server.shared(world_folder) as other:
        assert first["url"] != other["url"]
    (world_folder / "port").write_text("no number")
    with server.shared(world_folder) as usable:
        assert usable["url"].startswith("http://127.0.0.1:")


def test_serving_without_a_world_is_refused(tmp_path):
    with pytest.raises(InputError, match="no practice world"):
        serving.serve(tmp_path)
    with pytest.raises(InputError, match="no practice world"), server.shared(tmp_path):
        pass


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_it_cleanly_and_silently(world_folder, eventually, number):
    with start(world_folder) as process:
        eventually(lambda: server.running(world_folder) is not None)
        process.send_signal(number)
        assert process.communicate(timeout=30) == (b"", b"")
    assert process.returncode == 0
    assert not (world_folder / "running.json").exists()


@pytest.mark.parametrize("change", ["removed", "moved", "replaced"])
def test_a_server_stops_when_its_folder_has_gone(world_folder, tmp_path, eventually, change):
    """No server is left behind where the folder is deleted, or where another world takes its place."""
    with start(world_folder) as process:
        eventually(lambda: server.running(world_folder) is not None)
        moved = world_folder.rename(tmp_path / "moved")
        if change == "removed":
            shutil.rmtree(moved)
        if change == "replaced":
            shutil.copytree(moved, world_folder)
        assert process.communicate(timeout=10) == (b"", b"")
    assert process.returncode == 0
    assert (change == "replaced") == (world_folder / "running.json").exists()


def test_an_unused_server_stops(world_folder):
    """Started to serve while it is used; its starter ends before it is up."""
    with start(world_folder, "--while-used") as process:
        assert process.communicate(timeout=20) == (b"", b"")
    assert process.returncode == 0
    assert not (world_folder / "running.json").exists()


USE = """
import sys
from pathlib import Path
from runbook_lib.sandbox import server
with server.shared(Path(sys.argv[1])) as descriptor:
    print(descriptor["pid"], flush=True)
    sys.stdin.read()
"""


def use(folder):
    """Another process that uses a world, and the process id of the server that it uses; begun, not waited for."""
    return subprocess.Popen([sys.executable, "-c", USE, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def test_shared_server_stops_with_its_last_user(world_folder):
    with server.shared(world_folder) as descriptor, server.shared(world_folder) as again:
        assert again == descriptor == server.running(world_folder)
    assert server.running(world_folder) is None


def test_users_share_a_server_that_runs_anyway(served):
    folder, descriptor = served
    with server.shared(folder) as shared:
        assert shared == descriptor
    assert server.running(folder) == descriptor


def test_concurrent_users_start_one_server(world_folder):
    with use(world_folder) as first, use(world_folder) as second:
        pids = {int(process.stdout.readline()) for process in (first, second)}
        assert pids == {server.running(world_folder)["pid"]}


@pytest.mark.slow
@pytest.mark.parametrize("how", ["ends", "is killed"])
def test_server_outlives_its_starter_while_others_use_it(world_folder, eventually, how):
    with use(world_folder) as first:
        pid = int(first.stdout.readline())
        with use(world_folder) as second:
            assert int(second.stdout.readline()) == pid
            if how == "ends":
                first.communicate(timeout=30)
            else:
                first.kill()
                first.wait()
            assert server.running(world_folder)["pid"] == pid
            second.kill()
    eventually(lambda: server.running(world_folder) is None)
    server.wait_for_stopping(world_folder)
    with server.shared(world_folder) as descriptor:
        assert descriptor["pid"] != pid


def test_a_killed_users_server_stops(world_folder, eventually):
    with use(world_folder) as user:
        user.stdout.readline()
        user.kill()
    eventually(lambda: server.running(world_folder) is None)


def test_sharing_without_a_world_is_refused(tmp_path):
    with pytest.raises(InputError, match="no practice world"), server.shared(tmp_path / "world"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_unwritable_folder_is_reported(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UnavailableError, match="cannot be made"):
        make_world(tmp_path / "file" / "world", date(2027, 1, 3))
    with pytest.raises(UnavailableError, match="RUNBOOK_OUTPUTS"), server.one_at_a_time(tmp_path / "file" / "world"):
        pass


def test_mail_is_kept_as_it_came(served):
    folder, descriptor = served
    with smtplib.SMTP(descriptor["mail"]["host"], descriptor["mail"]["port"], timeout=30) as client:
        client.send_message(message("maya.lindqvist@nordlicht-analytics.example"))
    with opened(folder) as world:
        (row,) = world.store.rows("SELECT * FROM mails")
    assert row["envelope_from"] == "sender@support.example"
    assert json.loads(row["envelope_to"]) == ["maya.lindqvist@nordlicht-analytics.example"]
    assert b"Message-ID: <op-1@support.example>\r\n" in row["raw"]
    assert row["raw"].endswith(b"\r\nline\r\n.dot\r\n")
    assert row["received_at"].startswith("2026-11-22T")


def test_a_full_mailbox_refuses_mail(served):
    folder, descriptor = served
    with (
        smtplib.SMTP(descriptor["mail"]["host"], descriptor["mail"]["port"], timeout=30) as client,
        pytest.raises(smtplib.SMTPRecipientsRefused) as caught,
    ):
        client.send_message(message("grzegorz.nowak@mailbox-full.example"))
    assert caught.value.recipients == {"grzegorz.nowak@mailbox-full.example": (552, b"5.2.2 Mailbox full")}
    with opened(folder) as world:
        assert world.store.rows("SELECT * FROM mails") == []
