"""Bytes of a real API server (recorded from Kubernetes 1.36) and bytes of none, as messages."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinspect.model.kinds import KINDS
from kinspect.model.meta import Key
from kinspect.sources import decoding
from kinspect.sources.messages import Bookmark, Delete, Failed, Odd, Page, Put

DATA = Path(__file__).parent / "data"
SERVICE = KINDS["Service"]


def test_a_recorded_page() -> None:
    page = decoding.page(SERVICE, (DATA / "page-services.json").read_bytes(), 0.25)
    assert isinstance(page, Page)
    assert page.resource_version == "1723"
    assert (page.remaining, page.took_s, page.malformed) == (26, 0.25, ())
    assert page.continue_.startswith("eyJ2Ijoi")
    assert page.objects[0].key == Key("default", "kubernetes")


def test_a_recorded_watch() -> None:
    lines = (DATA / "watch-services.jsonl").read_bytes().splitlines()
    events = [decoding.event(SERVICE, line) for line in lines]
    assert [type(each) for each in events[-3:]] == [Bookmark] * 3
    assert events[-1] == Bookmark("1295")
    assert {type(each) for each in events} == {Put, Delete, Bookmark}
    gone = next(each for each in events if isinstance(each, Delete))
    assert gone.object.key == Key("shop", "samezone")


@pytest.mark.parametrize(
    ("name", "code", "says"),
    [
        ("watch-410.jsonl", 410, "too old resource version: 1 (754)"),
        ("watch-500.jsonl", 500, "RequestWatchProgress is disabled"),
    ],
)
def test_recorded_errors_in_a_watch(name: str, code: int, says: str) -> None:
    event = decoding.event(SERVICE, (DATA / name).read_bytes().splitlines()[0])
    assert isinstance(event, Failed)
    assert event.status == code
    assert says in event.message


@pytest.mark.parametrize(
    ("name", "status", "says", "retry_after_s"),
    [
        ("400-fieldselector", 400, "field label not supported: spec.foo", None),
        ("401-token", 401, "Unauthorized", None),
        ("403-anonymous", 403, 'services is forbidden: User "system:anonymous" cannot list', None),
        ("404-group", 404, "404 page not found", None),
        ("404-resource", 404, "the server could not find the requested resource", None),
        ("rv-too-large", 504, "Timeout: Too large resource version: 999999999", 1.0),
    ],
)
def test_recorded_refusals(name: str, status: int, says: str, retry_after_s: float | None) -> None:
    failed = decoding.failure(status, (DATA / "errors" / name).read_bytes(), None)
    assert failed.status == status
    assert says in failed.message
    assert failed.retry_after_s == retry_after_s


def test_the_header_says_how_long_to_wait() -> None:
    assert decoding.failure(429, b"", "7").retry_after_s == 7.0
    assert decoding.failure(429, b"", "Wed, 21 Oct 2026 07:28:00 GMT") == Failed(429, "HTTP 429")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b'{"type":"ADDED","object":{"metadata":{"name":"a","labels":null}}}', Put),
        (
            b'{"type":"MODIFIED","object":{"metadata":{"name":"a","resourceVersion":"7"},"spec":{"ports":1}}}',
            Odd,
        ),
        (b'{"type":"DELETED","object":{"metadata":{"name":"a"},"spec":{"ports":1}}}', Odd),
        (b'{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"7"},"spec":{"ports":1}}}', Bookmark),
        (b'{"type":"NEWS","object":{"metadata":{"name":"a"}}}', Odd),
        (b'{"type":"ADDED","object":7}', Odd),
        (b'{"type":"ERROR","object":7}', Failed),
        (b'{"type":7}', Failed),
        (b"<html>", Failed),
    ],
)
def test_odd_lines(line: bytes, expected: type) -> None:
    assert type(decoding.event(SERVICE, line)) is expected


@given(
    st.binary(max_size=60) | st.sampled_from([b'{"items":[', b'{"items":{}}', b"[]", b'{"items":[1,null]}'])
)
def test_any_bytes_are_some_message(data: bytes) -> None:
    assert isinstance(decoding.page(SERVICE, data, 0.0), Page | Failed)
    assert decoding.event(SERVICE, data) is not None
    assert decoding.failure(500, data, None).message


DEEP = b"[" * 100_000 + b"]" * 100_000


@pytest.mark.parametrize("inside", [DEEP, b'"caf\xe9"'])
@pytest.mark.parametrize("metadata", [b"{}", b"5"])  # typed decoding gives up before or behind `inside`
def test_json_that_is_none_is_a_failure(inside: bytes, metadata: bytes) -> None:
    thing = b'{"metadata":' + metadata + b',"spec":{"type":' + inside + b"}}"
    assert isinstance(decoding.page(SERVICE, b'{"items":[' + thing + b"]}", 0.0), Failed | Page)
    assert isinstance(decoding.event(SERVICE, b'{"type":"ADDED","object":' + thing + b"}"), Failed | Odd)
    assert decoding.failure(500, thing, None).status == 500
