"""Words on the command line that name nothing: a mistyped command, no such namespace, no such object."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from kinspect.cli import _reading, near, run
from kinspect.errors import EXIT_OK, EXIT_UNREACHABLE, EXIT_USAGE, UsageError
from kinspect.lab.paper import paper_cluster
from kinspect.model.coverage import Coverage
from kinspect.model.meta import Key
from kinspect.model.node import Namespace
from kinspect.model.snapshot import Snapshot
from kinspect.tui.options import TuiOptions

NAMESPACES = ("shop", "trees")


@pytest.fixture(scope="module")
def kubeconfig() -> Iterator[Path]:
    """A cluster of paper, served by a thread of its own."""
    objects = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in NAMESPACES]
    ready, paths, end = threading.Event(), list[Path](), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        async with paper_cluster(objects, nodes=1) as path:
            paths.append(path)
            ready.set()
            await end.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert ready.wait(30)
    yield paths[0]
    loop.call_soon_threadsafe(end.set)
    thread.join(30)
    loop.close()


@pytest.fixture(params=[False, True], ids=["headless", "interactive"])
def interactive(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    monkeypatch.setattr(_reading, "interactive", lambda: request.param)
    return bool(request.param)


@pytest.mark.parametrize("word", ["chekc", "tre", "treee", "docter"])
@pytest.mark.usefixtures("interactive")
def test_a_mistyped_command_is_no_namespace(
    word: str, kubeconfig: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([word, "--kubeconfig", str(kubeconfig)]) == EXIT_USAGE
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[0] == f"kinspect: there is no namespace {word} in cluster lab"
    assert f"Did you mean `kinspect {near(word)}`? (To open a namespace of this name: -n {word})" in err


def test_a_namespace_may_be_called_nearly_like_a_command(
    kubeconfig: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert near("trees") == "tree"
    assert run(["trees", "--kubeconfig", str(kubeconfig)]) == EXIT_OK
    assert capsys.readouterr().out == "cluster lab, namespace trees: 0 Services\n"


@pytest.mark.parametrize("argv", [["chekc", "svc/web"], ["chekc", "-f", "x.yaml"]])
def test_what_only_a_command_takes_tells_it_too(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(argv) == EXIT_USAGE
    assert "Did you mean `kinspect check`?" in capsys.readouterr().err


def test_a_server_that_cannot_be_asked_leaves_both_open(
    kubeconfig: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ["chekc", "--kubeconfig", str(kubeconfig), "--server", "http://127.0.0.1:1"]
    assert run(argv) == EXIT_UNREACHABLE
    err = capsys.readouterr().err
    assert "Connection refused" in err
    assert "Did you mean `kinspect check`?" in err


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["sho"], "there is no namespace sho in cluster lab\n  Near it: shop\n"),
        (["tree", "-n", "sho"], "there is no namespace sho in cluster lab\n  Near it: shop\n"),
        (["check", "-n", "elsewhere"], "there is no namespace elsewhere in cluster lab\n"),
        (["svc/NOPE"], "there is no svc/NOPE in namespace default\n"),
        (["tree", "svc/NOPE", "-A"], "there is no svc/NOPE\n"),
        (["check", "shop"], "'shop' names no object\n"),
        (["shop", "-n", "trees"], "shop is taken for a namespace, and the flags choose another\n"),
        (["shop", "-A"], "shop is taken for a namespace, and the flags choose another\n"),
    ],
)
def test_nothing_is_no_good_answer(
    argv: list[str], words: str, kubeconfig: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*argv, "--kubeconfig", str(kubeconfig)]) == EXIT_USAGE
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"kinspect: {words}")


def test_an_object_of_no_kind_opens_no_screens(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(_reading, "interactive", lambda: True)
    assert run(["thing/web"]) == EXIT_USAGE
    assert "'thing/web' names no object" in capsys.readouterr().err


def test_manifests_of_other_namespaces_are_no_answer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "web.yaml"
    file.write_text("{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {ports: [{port: 80}]}}")
    assert run(["check", "-f", str(file), "-n", "shop"]) == EXIT_USAGE
    err = capsys.readouterr().err
    assert err == f"kinspect: no object of {file} is in namespace shop\n  They are in: default\n"
    assert run(["open", str(file), "-n", "shop"]) == EXIT_USAGE
    assert run(["tree", "-f", str(file), "-n", "default"]) == EXIT_OK
    assert run(["open", str(file)]) == EXIT_OK


def test_files_are_looked_at_without_a_command_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "web.yaml"
    file.write_text("{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {ports: [{port: 80}]}}")
    assert run(["open", str(file)]) == EXIT_OK
    shown = capsys.readouterr().out
    assert run(["-f", str(file)]) == EXIT_OK
    assert capsys.readouterr().out == shown

    given: list[TuiOptions] = []
    monkeypatch.setattr(_reading, "interactive", lambda: True)
    monkeypatch.setattr("kinspect.tui.app.run", lambda _, options: given.append(options) or EXIT_OK)
    assert run(["svc/web", "-n", "default", "-f", str(file)]) == EXIT_OK
    assert [(each.target, each.namespace) for each in given] == [("svc/web", "default")]


def test_what_cannot_be_known_is_refused_only_for_a_bare_word() -> None:
    snapshot = Snapshot(live=True, coverage={"Namespace": Coverage("denied", "not for you")})
    _reading.known(snapshot, "shop")
    with pytest.raises(UsageError, match="whether there is a namespace shop is not known: not for you"):
        _reading.known(snapshot, "shop", surely=True)
    seen = Snapshot(live=True, objects={"Namespace": {Key("", "shop"): Namespace()}})
    _reading.known(seen, "shop", surely=True)
