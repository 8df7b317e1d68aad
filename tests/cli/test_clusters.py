"""What the headless commands say of servers that do not let themselves be read."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator

import pytest

from kinspect.cli import run
from kinspect.cli._reading import _first
from kinspect.errors import EXIT_UNREACHABLE, Unreachable


class _NotFound(http.server.BaseHTTPRequestHandler):
    """Any web server at all: what is asked for is not there."""

    def do_GET(self) -> None:
        self.send_error(404)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def elsewhere() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _NotFound) as server:
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


def test_of_several_failures_the_one_for_the_person_is_told() -> None:
    gone, lost, bug = BrokenPipeError(), Unreachable("lost"), ZeroDivisionError()
    assert _first(BaseExceptionGroup("", [gone])) is gone  # `tree -w | head -1`
    assert _first(BaseExceptionGroup("", [BaseExceptionGroup("", [gone])])) is gone
    assert _first(BaseExceptionGroup("", [bug, BaseExceptionGroup("", [lost])])) is lost
    both = BaseExceptionGroup("", [bug, gone])
    assert _first(both) is both
