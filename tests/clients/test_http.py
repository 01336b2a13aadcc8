"""What happened on the wire, and what the caller reads: not sent, refused, or unknown."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from runbook_lib.clients import http, retrying
from runbook_lib.clients.answers import listed
from runbook_lib.clients.http import Service
from runbook_lib.domain.errors import InputError, OutcomeUnknownError, RefusedError, RunbookError, UnavailableError
from tests.clients.wire import Answer, Wire, reply

OWN = "https://desk.example"
SECRET = "tok-3f9a7c-SECRET"
FINE = reply(json={"fine": True})

NOT_SENT = {
    "connect error": httpx.ConnectError("refused"),
    "connect time-out": httpx.ConnectTimeout("slow"),
    "pool time-out": httpx.PoolTimeout("full"),
    "a proxy refuses": httpx.ProxyError("403 Forbidden"),
}
LOST = {
    "read time-out": httpx.ReadTimeout("slow"),
    "write time-out": httpx.WriteTimeout("slow"),
    "reset while reading": httpx.ReadError("reset"),
    "reset while writing": httpx.WriteError("reset"),
    "closed without an answer": httpx.RemoteProtocolError("Server disconnected without sending a response."),
    "broken compression": httpx.DecodingError("incorrect header check"),
    "500": reply(500, json={"error": "oops"}),
    "502": reply(502, text="<html>Bad Gateway</html>"),
    "503": reply(503),
    "504": reply(504),
    "408": reply(408),
    "499": reply(499, text="<html>client closed request</html>"),
}
REFUSED = [400, 401, 403, 404, 409, 410, 413, 422]
UNREADABLE = {
    "truncated JSON": reply(content=b'{"ticket": {"id": 1', headers={"Content-Type": "application/json"}),
    "a proxy's page": reply(text="<html>Please log in</html>", headers={"Content-Type": "text/html"}),
    "nothing": reply(204),
    "bytes that are no text": reply(content=b"\xff\xfe\x00", headers={"Content-Type": "application/json"}),
}


OTHER_FORMS = {
    "no object": reply(json=[SECRET]),
    "no key": reply(json={"other": SECRET}),
    "null": reply(text="null"),
    "text": reply(json=SECRET),
    "null for a number": reply(json={"fine": {"id": None}}),
    "no number": reply(json={"fine": {"id": SECRET}}),
    "an empty list": reply(json={"fine": []}),
}
"""JSON from which `number` cannot be taken; none of it may be shown."""


def number(body: Any) -> int:
    """What a client does with an answer."""
    return int(body["fine"]["id"] if body["fine"] else body["fine"][0])


def service(wire: Wire, base_url: str = OWN) -> Service:
    """A service whose credentials go by two headers, one of them a vendor's own."""
    headers = {"Authorization": f"Bearer {SECRET}", "PRIVATE-TOKEN": SECRET}
    return Service("Desk", base_url, headers, wire.session, lambda body: str(body["error"]))


def each(kinds: dict[str, Any]) -> Any:
    """A parameter that takes each of the values, named in the test's id."""
    return pytest.mark.parametrize("answer", kinds.values(), ids=kinds)


# -- reads


class TestRead:
    """A read may be tried again whatever happened, but not for ever."""

    @each(NOT_SENT | LOST | {"429": reply(429), "429 with Retry-After": reply(429, headers={"Retry-After": "7"})})
    def test_survives_one_failure(self, answer: Answer | Exception) -> None:
        """One failure that may pass is not reported."""
        wire = Wire(answer, FINE)

        assert {"fine": True} == service(wire).read_json("api/x", dict)
        assert 2 == len(wire.requests)

    @each(NOT_SENT | LOST | {"429": reply(429)})
    def test_gives_up(self, answer: Answer | Exception) -> None:
        """A service that keeps failing is unavailable, under the name of that error class."""
        wire = Wire(answer)

        with pytest.raises(UnavailableError, match="Desk") as caught:
            service(wire).read("api/x")

        assert retrying.ATTEMPTS == len(wire.requests)
        assert [f"UnavailableError: {caught.value}"] == caught.value._render_traceback_()

    @pytest.mark.parametrize("status", REFUSED)
    def test_refusal_is_final(self, status: int) -> None:
        """A refusal is reported at once, with status and the vendor's words."""
        wire = Wire(reply(status, json={"error": "no  such\nthing."}), FINE)

        with pytest.raises(RefusedError) as caught:
            service(wire).read("api/x")

        assert f"Desk refused ({status}): no such thing." == str(caught.value)
        assert status == caught.value.status
        assert 1 == len(wire.requests)

    def test_refusal_with_a_web_page(self) -> None:
        """It may be of a proxy in between, so that the vendor's advice alone would mislead."""
        with pytest.raises(RefusedError, match=r"refused \(403\): Forbidden, with a web page, perhaps of a proxy\."):
            service(Wire(reply(403, html="<html>Blocked</html>"))).read("api/x")

    @each(UNREADABLE)
    def test_unreadable(self, answer: Answer) -> None:
        """An answer that is no JSON is a matter of the address, not a traceback."""
        with pytest.raises(UnavailableError, match=r"not JSON .* [Cc]heck its address, https://desk\.example"):
            service(Wire(answer)).read_json("api/x", dict)

    @each(OTHER_FORMS)
    def test_another_form(self, answer: Answer) -> None:
        """An answer without what was asked for is named by its path, and shows nothing of its content."""
        wire = Wire(answer)

        with pytest.raises(UnavailableError, match="Desk answered /sub/api/x in an unexpected form") as caught:
            service(wire, f"{OWN}/sub").read_json("api/x", number, {"key": SECRET})
        assert SECRET not in str(caught.value)
        assert 1 == len(wire.requests)

    @each(NOT_SENT | LOST | {"429": reply(429)})
    def test_little_patience(self, answer: Answer | Exception) -> None:
        """Who cannot wait asks once, with a time-out of their own."""
        wire = Wire(answer, FINE)

        with pytest.raises(UnavailableError) as caught, wire.session.budget.hurried(2.5):
            service(wire).read("api/x")
        assert [f"UnavailableError: {caught.value}"] == caught.value._render_traceback_()
        assert [dict.fromkeys(("connect", "read", "write", "pool"), 2.5)] == [
            request.extensions["timeout"] for request in wire.requests
        ]

    def test_usual_patience(self) -> None:
        """Everybody else waits as long as the session does."""
        wire = Wire(FINE)

        service(wire).read_json("api/x", dict)
        assert http.TIMEOUT_S == wire.last.extensions["timeout"]["read"]

    def test_request(self) -> None:
        """A read is a GET below the base address, with parameters, credentials and our name."""
        wire = Wire(FINE)

        service(wire, f"{OWN}/sub/").read("/api/x", {"page[size]": "100"})

        assert "GET" == wire.last.method
        assert f"{OWN}/sub/api/x?page%5Bsize%5D=100" == str(wire.last.url)
        assert f"Bearer {SECRET}" == wire.last.headers["authorization"]
        assert "license-runbook" == wire.last.headers["user-agent"]

    def test_a_redirect_is_not_followed(self) -> None:
        """The credentials of a read never travel to where a redirect points."""
        wire = Wire(reply(302, headers={"Location": "https://evil.example/"}))

        with pytest.raises(RefusedError, match=r"sends this on to https://evil\.example/ \(302\)"):
            service(wire).read_json("api/x", dict)
        assert ["desk.example"] == [request.url.host for request in wire.requests]


# -- writes


class TestWrite:
    """A write is sent at most once, unless the service surely has not acted."""

    @each(NOT_SENT | {"429": reply(429), "429 with Retry-After": reply(429, headers={"Retry-After": "7"})})
    def test_is_sent_again_after_what_surely_did_nothing(self, answer: Answer | Exception) -> None:
        """Not reached, or limited: nothing happened yet."""
        wire = Wire(answer, FINE)

        assert {"fine": True} == service(wire).write_json("POST", "api/x", dict, json={"a": 1})
        assert [b'{"a":1}'] * 2 == [request.content for request in wire.requests]

    @each(NOT_SENT | {"429": reply(429)})
    def test_gives_up_without_a_doubt(self, answer: Answer | Exception) -> None:
        """A service that was never reached is unavailable: nothing was changed."""
        wire = Wire(answer)

        with pytest.raises(UnavailableError):
            service(wire).write_json("PUT", "api/x", dict)
        assert retrying.ATTEMPTS == len(wire.requests)

    @each(LOST)
    def test_is_never_sent_again_after_a_lost_answer(self, answer: Answer | Exception) -> None:
        """Whether it happened is unknown, so it stays with one request."""
        wire = Wire(answer, FINE)

        with pytest.raises(OutcomeUnknownError, match="may or may not have happened"):
            service(wire).write_json("POST", "api/x", dict, json={})
        assert 1 == len(wire.requests)

    def test_lost_after_a_retry(self) -> None:
        """A lost answer ends it also when it comes after harmless failures."""
        wire = Wire(httpx.ConnectError("refused"), reply(429), httpx.ReadTimeout("slow"), FINE)

        with pytest.raises(OutcomeUnknownError):
            service(wire).write_json("POST", "api/x", dict)
        assert 3 == len(wire.requests)

    @each(UNREADABLE)
    def test_unreadable_counts_as_lost(self, answer: Answer) -> None:
        """200 with half an answer: it has probably happened; what, is unknown."""
        wire = Wire(answer, FINE)

        with pytest.raises(OutcomeUnknownError, match="its answer cannot be read"):
            service(wire).write_json("POST", "api/x", dict)
        assert 1 == len(wire.requests)

    @each(OTHER_FORMS)
    def test_another_form_counts_as_lost(self, answer: Answer) -> None:
        """2xx without what it should hold: it has probably happened; what, is unknown."""
        wire = Wire(answer, FINE)

        with pytest.raises(OutcomeUnknownError, match="its answer cannot be read") as caught:
            service(wire).write_json("POST", "api/x", number, json={})
        assert SECRET not in str(caught.value)
        assert 1 == len(wire.requests)

    @pytest.mark.parametrize("status", REFUSED)
    def test_refusal_is_final(self, status: int) -> None:
        """A refusal means that nothing was changed; it is not repeated."""
        wire = Wire(reply(status, json={"error": "no"}), FINE)

        with pytest.raises(RefusedError) as caught:
            service(wire).write_json("DELETE", "api/x", dict)
        assert (status, 1) == (caught.value.status, len(wire.requests))

    def test_own_headers_join_the_credentials(self) -> None:
        """An upload names its content type and is still authorized."""
        wire = Wire(FINE)

        service(wire).write_json("POST", "up", dict, content=b"\x89PNG", headers={"Content-Type": "image/png"})

        assert ("image/png", SECRET) == (wire.last.headers["content-type"], wire.last.headers["private-token"])
        assert b"\x89PNG" == wire.last.content

    @pytest.mark.parametrize("status", [301, 302, 307, 308])
    def test_a_redirect_was_not_performed(self, status: int) -> None:
        """A write goes where it was sent, and nowhere else: it is safe to correct the address and to send it again."""
        wire = Wire(reply(status, headers={"Location": "https://desk.example:8443/elsewhere?token=hush"}))

        with pytest.raises(RefusedError, match="nothing is sent twice") as caught:
            service(wire).write_json("POST", "api/x", dict)
        assert (1, status) == (len(wire.requests), caught.value.status)
        assert f"https://desk.example:8443/elsewhere ({status})" in caught.value.words
        assert "hush" not in str(caught.value)

    @pytest.mark.parametrize("location", ["", "//["])
    def test_a_redirect_to_nowhere(self, location: str) -> None:
        """An address that cannot be read is no reason for a traceback."""
        with pytest.raises(RefusedError, match="sends this on to"):
            service(Wire(reply(301, headers={"Location": location}))).write_json("POST", "api/x", dict)

    @pytest.mark.parametrize("status", [300, 303, 304])
    def test_an_answer_elsewhere_is_a_lost_one(self, status: int) -> None:
        """303 answers a request that was performed, and says where to read about it."""
        with pytest.raises(OutcomeUnknownError, match=f"answered {status}"):
            service(Wire(reply(status, headers={"Location": OWN}))).write_json("POST", "api/x", dict)


# -- pauses


@pytest.mark.parametrize(
    "ask", [lambda desk: desk.read("x"), lambda desk: desk.write_json("POST", "x", dict)], ids=["read", "write"]
)
class TestPause:
    """How long a service is left alone."""

    @pytest.mark.parametrize("seconds", [0, 7, 31, 59])
    def test_retry_after_is_honored(self, ask: Callable[[Service], Any], seconds: float) -> None:
        """The pause asked for is made, to the second, as long as the budget lasts."""
        wire = Wire(reply(429, headers={"Retry-After": f"{seconds:.0f}"}), FINE)

        ask(service(wire))

        assert [seconds] == wire.waits
        assert 60 - seconds - 1 < wire.session.budget.left_s <= 60 - seconds

    def test_a_pause_beyond_the_budget_is_not_made(self, ask: Callable[[Service], Any]) -> None:
        """No run waits longer than its budget."""
        wire = Wire(reply(429, headers={"Retry-After": "61"}), FINE)

        with pytest.raises(UnavailableError, match="Try again in 61 s"):
            ask(service(wire))
        assert ([], 1) == (wire.waits, len(wire.requests))

    def test_the_budget_is_for_all_pauses_together(self, ask: Callable[[Service], Any]) -> None:
        """A service that keeps asking for time gets it until the run's seconds are used up, and no longer."""
        wire = Wire(reply(429, headers={"Retry-After": "20"}))
        desk = service(wire)

        with pytest.raises(UnavailableError, match="limiting requests"):
            ask(desk)
        with pytest.raises(UnavailableError, match="limiting requests"):
            ask(desk)
        assert len(wire.waits) in (2, 3)  # the calls themselves count, by their milliseconds
        assert sum(wire.waits) <= 60

    def test_retry_after_as_a_date(self, ask: Callable[[Service], Any]) -> None:
        """It counts from the answer's own clock."""
        dates = {"Date": "Sat, 21 Nov 2026 08:30:00 GMT", "Retry-After": "Sat, 21 Nov 2026 08:30:12 GMT"}
        wire = Wire(reply(429, headers=dates), FINE)
        ask(service(wire))
        assert [12.0] == wire.waits

    @pytest.mark.parametrize("headers", [{"Retry-After": "0"}, {}], ids=["at once", "not said"])
    def test_pause_of_ours_is_not_shown(self, ask: Callable[[Service], Any], headers: dict[str, str]) -> None:
        """A service that goes on limiting although it asked for no pause is left for later, not for 60 s."""
        with pytest.raises(UnavailableError) as caught:
            ask(service(Wire(reply(429, headers=headers))))
        assert "Desk is limiting requests (429). Try again later." == str(caught.value)

    @pytest.mark.parametrize("words", ["Wed, 21 Oct 2026 07:28:00 GMT", "-5", "1e9", "soon", "", "9" * 400])
    def test_what_is_no_number_of_seconds(self, ask: Callable[[Service], Any], words: str) -> None:
        """A pause that cannot be read is replaced by a short one of ours."""
        wire = Wire(reply(429, headers={"Retry-After": words}), FINE)

        ask(service(wire))

        assert 1 == len(wire.waits)
        assert 0 < wire.waits[0] <= retrying.LONGEST_PAUSE_S


@pytest.mark.parametrize("ask", [lambda desk: desk.read("x"), lambda desk: desk.download(f"{OWN}/x", 99)])
def test_a_service_under_maintenance_gets_its_time(ask: Callable[[Service], Any]) -> None:
    """503 with `Retry-After`: a read waits as long as asked, not for the short pauses of ours."""
    wire = Wire(reply(503, headers={"Retry-After": "7"}), FINE)
    ask(service(wire))
    assert [7.0] == wire.waits
    with pytest.raises(UnavailableError, match="Try again in 300 s"):
        ask(service(Wire(reply(503, headers={"Retry-After": "300"}))))


# -- downloads


FILE = b"\x89PNG 0123456789"


def endless(seen: list[int]) -> Iterator[bytes]:
    """A file that never ends; fails if anyone reads on and on."""
    for number in range(100):
        seen.append(number)
        yield b"x" * 1000
    raise AssertionError("read far beyond the limit")


class TestDownload:
    """Files are fetched up to a limit, and strangers see no credentials."""

    @pytest.mark.parametrize("base_url", [OWN, "https://Desk.Example"])
    def test_own_host(self, base_url: str) -> None:
        """A file on the own host is fetched with credentials, in whatever case the setting has it."""
        wire = Wire(reply(content=FILE))

        assert FILE == service(wire, base_url).download(f"{OWN}/files/1", len(FILE)).content
        assert SECRET == wire.last.headers["private-token"]

    @pytest.mark.parametrize(
        "url",
        [
            "https://files.example/1",
            "https://desk.example.evil.example/1",
            "https://evil.example/desk.example",
            "https://desk.example:8443/1",
        ],
    )
    def test_other_host(self, url: str) -> None:
        """Another host, port or scheme gets the request without credentials."""
        wire = Wire(reply(content=FILE))

        assert FILE == service(wire).download(url, 100).content
        assert SECRET not in repr(wire.last.headers.raw)

    def test_redirect_to_another_host(self) -> None:
        """On the way to another host all credentials stay behind, and come back only at home."""
        wire = Wire(
            reply(302, headers={"Location": "https://files.example/1?signature=s"}),
            reply(307, headers={"Location": f"{OWN}/files/2"}),
            reply(content=FILE),
        )

        assert FILE == service(wire).download(f"{OWN}/files/1", 100).content
        hosts = [(request.headers["host"], SECRET in repr(request.headers.raw)) for request in wire.requests]
        assert [("desk.example", True), ("files.example", False), ("desk.example", True)] == hosts

    def test_redirect_in_circles(self) -> None:
        """Redirects end after a few, with a sentence."""
        wire = Wire(reply(302, headers={"Location": f"{OWN}/again"}))

        with pytest.raises(RefusedError, match="redirects more than 5 times"):
            service(wire).download(f"{OWN}/files/1", 100)
        assert http.REDIRECTS + 1 == len(wire.requests)

    @pytest.mark.parametrize("length", [None, "10", "99999999"])
    def test_limit_holds_while_streaming(self, length: str | None) -> None:
        """What the other side says of the length does not matter: reading stops right behind the limit."""
        seen: list[int] = []
        headers = {"Content-Length": length} if length else {}
        wire = Wire(lambda request: httpx.Response(200, headers=headers, content=endless(seen)))

        with pytest.raises(InputError, match=r"larger than the limit of 5,000 bytes"):
            service(wire).download(f"{OWN}/files/1", 5000)
        assert 6 == len(seen)
        assert 1 == len(wire.requests)

    @pytest.mark.parametrize(("limit", "fits"), [(len(FILE), True), (len(FILE) - 1, False)])
    def test_limit_is_inclusive(self, limit: int, fits: bool) -> None:
        """A file of just the limit is fetched, one byte more is not."""
        wire = Wire(reply(content=FILE))

        if fits:
            assert FILE == service(wire).download(f"{OWN}/files/1", limit).content
        else:
            with pytest.raises(InputError):
                service(wire).download(f"{OWN}/files/1", limit)

    def test_an_interrupted_answer(self) -> None:
        """A file whose connection breaks in the middle is fetched again, whole."""

        def half() -> Iterator[bytes]:
            yield FILE[:3]
            raise httpx.ReadError("reset")

        wire = Wire(lambda request: httpx.Response(200, content=half()), reply(content=FILE))

        assert FILE == service(wire).download(f"{OWN}/files/1", 100).content

    def test_missing(self) -> None:
        """A file that is gone is a refusal with its status."""
        with pytest.raises(RefusedError, match=r"refused \(404\): gone") as caught:
            service(Wire(reply(404, json={"error": "gone"}))).download(f"{OWN}/files/1", 100)
        assert 404 == caught.value.status

    @each({"500": reply(500), "reset": httpx.ReadError("reset"), "429": reply(429)})
    def test_gives_up(self, answer: Answer | Exception) -> None:
        """A host that keeps failing is unavailable."""
        wire = Wire(answer)

        with pytest.raises(UnavailableError):
            service(wire).download("https://files.example/1", 100)
        assert retrying.ATTEMPTS == len(wire.requests)


# -- words


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (reply(400, json={"error": "x" * 5000}), "x" * 200 + "."),
        (reply(400, json={"error": "bad\x1b[31m\u202ered"}), "bad [31m red."),
        (reply(403, text="<html>Forbidden</html>"), "Forbidden."),
        (reply(404, json=["no", "object"]), "Not Found."),
        (reply(404, json={"other": "shape"}), "Not Found."),
        (reply(401), "Unauthorized."),
    ],
    ids=["long", "control characters", "HTML", "list", "other shape", "empty"],
)
def test_words_of_a_refusal(answer: Answer, words: str) -> None:
    """The vendor's words come as one short printable line; without any, HTTP's own."""
    with pytest.raises(RefusedError) as caught:
        service(Wire(answer)).read("api/x")
    assert words == str(caught.value).partition("): ")[2]


@pytest.mark.parametrize(
    ("url", "exc", "words"),
    [
        (OWN, httpx.ConnectError("x"), "cannot be reached. Check the network and its address"),
        (OWN, httpx.ProxyError("403"), "cannot be reached. The proxy refuses the connection: check HTTPS_PROXY, then"),
        (OWN, httpx.ReadTimeout("x"), "does not answer in time. Check the network and its address"),
        ("http://127.0.0.1:9", httpx.ConnectError("x"), "cannot be reached. The practice world has stopped: start it"),
        ("http://localhost:9", httpx.ConnectError("x"), "cannot be reached. The practice world has stopped: start it"),
        (
            "http://127.0.0.1:9",
            httpx.ReadTimeout("x"),
            "does not answer in time. The practice world may have been set",
        ),
    ],
)
def test_what_to_do_where_it_cannot_be_reached(
    url: str, exc: Exception, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On this machine it is the practice world, which has no network to check."""
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UnavailableError) as caught:
        service(Wire(exc), url).read("api/x")
    assert str(caught.value).startswith(f"Desk at {url} {words}")
    assert str(caught.value).endswith(", then run again.")


@each(NOT_SENT | LOST | UNREADABLE | {"403": reply(403, json={"error": "no"}), "429": reply(429)})
@pytest.mark.parametrize(
    "ask",
    [
        lambda desk: desk.read_json("x", dict),
        lambda desk: desk.write_json("POST", "x", dict, json={}),
        lambda desk: desk.download(f"{OWN}/x", 0),
    ],
    ids=["read", "write", "download"],
)
def test_no_credentials_in_errors(
    answer: Answer | Exception, ask: Callable[[Service], Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Neither message, repr, traceback nor log shows the credentials."""
    caplog.set_level(logging.DEBUG)
    desk = service(Wire(answer))
    try:
        ask(desk)
    except RunbookError as error:
        shown = "".join(traceback.format_exception(error))
        chain = [error, error.__cause__, error.__context__]
        assert SECRET not in shown + repr(chain) + repr(desk) + repr(vars(error))
    assert SECRET not in caplog.text


@pytest.mark.parametrize("items", [{}, "", "ab", None, {"a": 1}, 5])
def test_no_list_is_no_empty_list(items: Any) -> None:
    """What is no list never passes for *there is nothing*."""
    with pytest.raises(TypeError):
        listed(items, str)
    assert ["1", "2"] == listed([1, 2], str)


def test_retries_are_not_logged(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    """A retry that helped leaves no line in records and logs."""
    caplog.set_level(logging.DEBUG)

    service(Wire(httpx.ConnectError("refused"), FINE)).read("api/x")

    assert [] == [record for record in caplog.records if record.name.startswith(("tenacity", "runbook"))]
    assert ("", "") == capfd.readouterr()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("HTTPS_PROXY", f"http://kim:hush#{word}@proxy.example:3128") for word in ("hush", "x")),
        *(("ALL_PROXY", f"{scheme}://127.0.0.1:1080") for scheme in ("socks5", "socks5h", "socks4")),
        *(("NO_PROXY", hosts) for hosts in ("[::1]", "10.0.0.0/8,fd00::/8")),
        *(("SSL_CERT_FILE", path) for path in ("/nonexistent/ca.pem", "/tmp", "/dev/null")),
        ("SSLKEYLOGFILE", "/nonexistent/keys"),
    ],
)
def test_variables_of_the_network_that_cannot_be_used(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """They are named, without their values; practice does not look at them."""
    monkeypatch.setenv(name, value)
    with pytest.raises(InputError, match=f"cannot be used as they are set.*{name}") as caught:
        http.HttpSession(loopback=False)
    assert "hush" not in "".join(traceback.format_exception(caught.value))
    http.HttpSession(loopback=True).close()


@pytest.mark.parametrize(("loopback", "trusted"), [(True, False), (False, True)])
def test_session(loopback: bool, trusted: bool) -> None:
    """On loopback no proxy of the environment comes between; no session holds credentials or follows redirects."""
    with http.HttpSession(loopback=loopback) as client:
        assert trusted == client.trust_env
        assert http.TIMEOUT_S == client.timeout.read
        assert not client.follow_redirects
        assert "authorization" not in client.headers
