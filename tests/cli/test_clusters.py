"""What the headless commands say of servers that do not let themselves be read."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from typing import ClassVar

import pytest

from kinspect.cli import run
from kinspect.cli._live import _first
from kinspect.errors import EXIT_UNREACHABLE, Unreachable


class _NotFound(http.server.BaseHTTPRequestHandler):
    """Any web server at all: what is asked for is not there."""

    def do_GET(self) -> None:
        self.send_error(404)

    def log_message(self, *_: object) -> None:
        pass


class _Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Says nothing: a client that has seen enough goes."""


@pytest.fixture
def elsewhere() -> Iterator[str]:
    with _Server(("127.0.0.1", 0), _NotFound) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("command", [["check"], ["tree"], ["tree", "-w"], ["check", "-o", "json"]])
def test_what_could_not_be_read_is_never_fine(
    command: list[str], elsewhere: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", "/no/such/file")
    assert run([*command, "--server", elsewhere]) == EXIT_UNREACHABLE
    out, err = capsys.readouterr()
    assert out == ""
    assert "the Services could not be read: the server does not know services" in err.splitlines()[0]


class _Silent(http.server.BaseHTTPRequestHandler):
    """A server that says who it is, and then no more until the test ends."""

    asked: ClassVar[list[str]] = []
    end: ClassVar[threading.Event] = threading.Event()

    def do_GET(self) -> None:
        if self.path == "/version":
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"{}")
        else:
            self.asked.append(self.path.partition("?")[0])
            self.end.wait(60)

    def log_message(self, *_: object) -> None:
        pass


def test_a_server_that_keeps_silent_is_not_waited_for_longer_than_was_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", "/no/such/file")
    with _Server(("127.0.0.1", 0), _Silent) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        where = f"http://127.0.0.1:{server.server_port}"
        code = run(["check", "--server", where, "--request-timeout", "300ms"])
        _Silent.end.set()
        server.shutdown()
    assert code == EXIT_UNREACHABLE
    assert "the Services could not be read: no answer in time" in capsys.readouterr().err
    assert [path.rpartition("/")[2] for path in _Silent.asked].count("services") == 1


def test_of_several_failures_the_one_for_the_person_is_told() -> None:
    gone, lost, bug = BrokenPipeError(), Unreachable("lost"), ZeroDivisionError()
    assert _first(BaseExceptionGroup("", [gone])) is gone  # `tree -w | head -1`
    assert _first(BaseExceptionGroup("", [BaseExceptionGroup("", [gone])])) is gone
    assert _first(BaseExceptionGroup("", [bug, BaseExceptionGroup("", [lost])])) is lost
    both = BaseExceptionGroup("", [bug, gone])
    assert _first(both) is both
