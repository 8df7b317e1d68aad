"""An HTTP exchange, byte by byte, without a socket: answers, broken ones, and whatever else may come."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinspect.probes.http import HTTPProbe


def test_the_request_carries_the_host_and_the_given_headers() -> None:
    request = HTTPProbe().request("shop.example.test", "/path?x=1", (("X-Token", "abc"),))
    assert request.startswith(b"GET /path?x=1 HTTP/1.1\r\n")
    assert b"Host: shop.example.test\r\n" in request
    assert b"X-Token: abc\r\n" in request


ANSWERS = {
    "with a length": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: b\r\n\r\nhi",
    "in chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A: b\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_is_complete_wherever_it_is_cut(name: str) -> None:
    data = ANSWERS[name]
    for cut in range(1, len(data)):
        probe = HTTPProbe()
        probe.request("a", "/")
        answer = probe.feed(data[:cut]) or probe.feed(data[cut:])
        assert answer is not None
        assert (answer.status, answer.body, answer.error) == (200, b"hi", "")
        assert ("x-a", "b") in answer.headers


def test_an_answer_may_end_with_the_connection() -> None:
    probe = HTTPProbe()
    probe.request("a", "/")
    assert probe.feed(b"HTTP/1.1 503 Service Unavailable\r\n\r\nno") is None
    answer = probe.feed(b"")
    assert answer is not None
    assert (answer.status, answer.body) == (503, b"no")


@pytest.mark.parametrize("data", [b"\x15\x03\x01\x00\x02\x02\x28" * 20, b"SSH-2.0-OpenSSH\r\n\r\n", b""])
def test_what_is_not_http_is_an_answer_with_an_error(data: bytes) -> None:
    probe = HTTPProbe()
    probe.request("a", "/")
    answer = probe.feed(data) or probe.feed(b"")
    assert answer is not None
    assert answer.status == 0
    assert answer.error


@given(st.lists(st.binary(max_size=60), max_size=6))
def test_anything_at_all_ends_without_a_crash(pieces: list[bytes]) -> None:
    probe = HTTPProbe()
    probe.request("a", "/")
    for piece in (*(each for each in pieces if each), b""):
        if probe.feed(piece) is not None:
            break
