"""Faults as data: which happenings they hit, what they count, and which of them cannot be."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from runbook_lib.domain.errors import InputError
from runbook_lib.sandbox.faults import FLAGS, KINDS, WIRE_KINDS, Faults


@pytest.fixture
def faults():
    return Faults()


def put(faults, path="/api/v2/tickets/1001.json", method="PUT"):
    """The id of the fault that hits a request to Zendesk."""
    fault = faults.hit("zendesk", method=method, path=path)
    return fault and fault.id


PAIRS = [(service, kind) for service in KINDS for kind in KINDS[service] if kind not in FLAGS.get(service, {})]


@pytest.mark.parametrize(("service", "kind"), [(service, kind) for service in FLAGS for kind in FLAGS[service]])
def test_flag_stays_and_hits_no_request(faults, service, kind):
    """It hits by its kind, any number of times."""
    fault = faults.add({"service": service, "kind": kind})
    assert faults.hit(service, *WIRE_KINDS) is None
    assert [fault.id] * 3 == [faults.hit(service, kind).id for _ in range(3)]
    faults.clear(fault.id)
    assert faults.hit(service, kind) is None


@pytest.mark.parametrize(("service", "kind"), PAIRS)
def test_every_kind_has_defaults_and_hits_once(faults, service, kind):
    """A stall holds what it has hit, and so stays until it is cleared."""
    fault = faults.add({"service": service, "kind": kind})
    assert (fault.times, fault.skip, fault.hits) == (1, 0, 0)
    for other in KINDS.keys() - {service}:
        assert faults.hit(other) is None
    assert faults.hit(service, kind).id == fault.id
    assert faults.hit(service, kind) is None
    assert {service: {kind: 1}} == faults.counts()
    assert [fault.id for fault in faults.active()] == ([fault.id] if kind in ("stall", "hold") else [])


def test_fault_hits_only_matching_requests(faults):
    faults.add({"service": "zendesk", "kind": "reset", "path": "/tickets/1001", "method": "PUT"})
    assert put(faults, method="GET") is None
    assert put(faults, path="/api/v2/tickets/1002.json") is None
    assert 1 == put(faults)


def test_fault_skips_then_hits_as_often_as_given(faults):
    faults.add({"service": "zendesk", "kind": "limit", "skip": 2, "times": 3, "method": "PUT"})
    assert put(faults, method="GET") is None
    assert [None, None, 1, 1, 1, None] == [put(faults) for _ in range(6)]
    assert [] == faults.active()


def test_endless_fault_hits_until_cleared(faults):
    faults.add({"service": "zendesk", "kind": "limit", "times": None})
    assert [1] * 50 == [put(faults) for _ in range(50)]
    faults.clear(1)
    assert put(faults) is None
    assert {"zendesk": {"limit": 50}} == faults.counts()


def test_first_matching_fault_wins(faults):
    faults.add({"service": "zendesk", "kind": "limit", "skip": 1})
    faults.add({"service": "zendesk", "kind": "error", "skip": 1, "times": None})
    assert [None, 1, 2, 2] == [put(faults) for _ in range(4)]
    assert {"zendesk": {"error": 2, "limit": 1}} == faults.counts()


def test_clearing_a_fault_releases_held_pipelines_once(faults):
    """Also if it was cleared between the hit and the holding."""
    released = []
    stall = faults.add({"service": "pipelines", "kind": "stall", "times": None})
    for number in range(2):
        faults.when_cleared(stall, lambda number=number: released.append(number))
    assert [] == released
    faults.clear_all()
    assert [0, 1] == released
    faults.when_cleared(stall, lambda: released.append("late"))
    faults.clear(stall.id)
    assert [0, 1, "late"] == released


def test_hits_are_exact_across_threads(faults):
    faults.add({"service": "mail", "kind": "refuse", "times": 100, "skip": 50})
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: faults.hit("mail", "refuse"), range(1000)))
    assert 100 == sum(fault is not None for fault in found)
    assert {"mail": {"refuse": 100}} == faults.counts()


ZENDESK, MAIL = {"service": "zendesk"}, {"service": "mail"}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "service null is unknown; expected one of zendesk, gitlab, slack, customersdot, mail, pipelines."),
        ({"service": ["zendesk"]}, 'service ["zendesk"] is unknown'),
        (ZENDESK, "kind null is unknown; expected one of delay, limit, error, reset, truncate, wrong_type, redirect, "),
        ({**ZENDESK, "kind": "stall"}, 'kind "stall" is unknown'),
        ({**ZENDESK, "kind": "suspended", "status": 404}, "status has no meaning in suspended of zendesk"),
        (
            {**ZENDESK, "kind": "limit", "colour": "red", "id": 7},
            "colour, id has no meaning in limit of zendesk; expected only path, method, times, skip, retry_after.",
        ),
        ({**MAIL, "kind": "reset", "path": "/"}, "path has no meaning in reset of mail; expected only times, skip"),
        ({"service": "pipelines", "kind": "hold", "state": "failed"}, 'state "failed" cannot be'),
        ({**ZENDESK, "kind": "delay", "seconds": 601}, "seconds 601 cannot be: Input should be less than or equal to"),
        ({**ZENDESK, "kind": "delay", "seconds": float("nan")}, "seconds NaN cannot be"),
        ({**ZENDESK, "kind": "delay", "seconds": "2"}, 'seconds "2" cannot be'),
        ({**ZENDESK, "kind": "limit", "times": 0}, "times 0 cannot be"),
        ({**ZENDESK, "kind": "limit", "skip": -1}, "skip -1 cannot be"),
        ({**ZENDESK, "kind": "error", "commits": 1}, "commits 1 cannot be"),
        ({**ZENDESK, "kind": "error", "method": "put"}, 'method "put" cannot be'),
        ({**MAIL, "kind": "refuse", "error": "two\r\nlines"}, r'error "two\r\nlines" cannot be'),
        ({**MAIL, "kind": "refuse", "error": "x" * 201}, f'error "{"x" * 79}... cannot be'),
    ],
)
def test_impossible_fault_names_value_and_expectation(faults, fields, message):
    with pytest.raises(InputError) as error:
        faults.add(fields)
    assert message in str(error.value)
    assert [] == faults.active()


def test_null_means_not_given(faults):
    """But in `times`, where it means until cleared."""
    fault = faults.add({"service": "slack", "kind": "error", "status": None, "path": None, "commits": None})
    assert (fault.status, fault.path, fault.commits, fault.times) == (502, None, False, 1)
