"""A lab begins and ends whole: whatever dies, nothing of it is left, and two labs never meet."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from kinspect.lab import control
from tests.lab.labcommand import GONE_S, THIS_USER, command, descendants, held, up, wait_until_none_lives

pytestmark = pytest.mark.lab

OUTSIDE = str(Path("/proc/self/ns/net").readlink())


def network_namespaces(processes: set[int]) -> set[str]:
    found = set()
    for process in processes:
        try:
            found.add(str(Path(f"/proc/{process}/ns/net").readlink()))
        except OSError:
            continue
    return found


def every_network_namespace() -> set[str]:
    return network_namespaces({int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()})


def files_open_to_find() -> set[str]:
    """What lies where programs leave things."""
    return {str(path) for top in ("/tmp", "/dev/shm", "/run") for path in Path(top).glob("*kinspect-lab*")}


@pytest.mark.parametrize("victim", ["the supervisor", "any process", "any process, early"])
def test_killed_it_leaves_nothing(victim: str) -> None:
    files, mounts = files_open_to_find(), Path("/proc/self/mounts").read_text()
    with contextlib.ExitStack() as stack, up("--nodes", "2") as lab:
        processes = lab.processes()
        stack.enter_context(held(processes))
        inside = network_namespaces(processes) - {OUTSIDE}
        assert len(inside) >= 7  # fabric, client, balancer, two nodes and at least two pods
        if victim != "the supervisor":
            target = random.choice(sorted(processes - {lab.number}))
            if victim == "any process":
                time.sleep(random.random() / 2)
            os.kill(target, signal.SIGKILL)
        os.kill(lab.number, signal.SIGKILL)
        lab.process.wait(GONE_S)
        assert wait_until_none_lives(processes) == set()
        assert not inside & every_network_namespace()
    assert lab.number not in control.labs()
    assert files_open_to_find() == files
    assert Path("/proc/self/mounts").read_text() == mounts


def test_killed_while_it_boots_it_leaves_nothing() -> None:
    for _ in range(6):
        supervisor = subprocess.Popen(
            [*THIS_USER, "lab", "up"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(0.2 + random.random())
        processes = descendants(supervisor.pid)
        supervisor.kill()
        supervisor.wait(GONE_S)
        assert wait_until_none_lives(processes) == set()


def test_a_command_ends_with_the_lab_it_looks_at() -> None:
    with subprocess.Popen(
        [*THIS_USER, "lab", "run", "--nodes", "1", "--", "sh", "-c", "echo there; exec sleep 100"],
        stdout=subprocess.PIPE,
    ) as supervisor:
        assert supervisor.stdout
        if supervisor.stdout.readline() != b"there\n":
            pytest.skip("no lab can be made here")
        processes = descendants(supervisor.pid)
        supervisor.kill()
        assert wait_until_none_lives(processes) == set()


def test_a_lab_without_its_namespaces_ends_and_says_so() -> None:
    with up("--nodes", "1") as lab:
        [watcher] = [
            p for p in lab.processes() if Path(f"/proc/{p}/stat").read_text().split()[3] == str(lab.number)
        ]
        os.kill(watcher, signal.SIGKILL)
        assert lab.process.wait(GONE_S) == 5
        assert lab.process.stderr and "namespaces are gone" in lab.process.stderr.read()


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_end_it_in_order(sent: signal.Signals) -> None:
    with up("--nodes", "1") as lab:
        processes = lab.processes()
        assert lab.end(sent) == 0
        assert wait_until_none_lives(processes) == set()


def test_two_labs_never_meet() -> None:
    with up("--nodes", "1") as one, up("--nodes", "1") as other:
        assert {one.number, other.number} <= set(control.labs())
        # The same addresses in both: each answers for itself alone.
        for lab in (one, other):
            pods = lab.exec("node/node1", "ip", "-o", "route", "get", "192.0.2.1")
            assert "dev eth0" in pods.stdout
        assert not (network_namespaces(one.processes()) & network_namespaces(other.processes())) - {OUTSIDE}
        ambiguous = command("lab", "exec", "client", "--", "true")
        assert ambiguous.returncode == 2 and "choose one: --lab NUMBER" in ambiguous.stderr
        assert one.end() == 0
        assert other.exec("client", "true").returncode == 0


def test_detached_until_it_is_told_to_end() -> None:
    started = command("lab", "up", "--detach", "--nodes", "1")
    if started.returncode == 4:
        pytest.skip(started.stderr)
    assert started.returncode == 0, started.stderr
    kubeconfig = started.stdout.strip().removeprefix("export KUBECONFIG=")
    number = next(
        lab for lab in control.labs() if control.ask(lab, {"do": "status"})["kubeconfig"] == kubeconfig
    )
    assert Path(kubeconfig).exists()
    assert f"lab {number}: 1 nodes" in command("lab", "status", "--lab", str(number)).stdout
    ended = command("lab", "down", "--lab", str(number))
    assert ended.returncode == 0, ended.stderr
    assert number not in control.labs()
    assert not Path(kubeconfig).exists()


def test_run_passes_kubeconfig_and_exit_code_on() -> None:
    ran = command("lab", "run", "--nodes", "1", "--", "sh", "-c", 'test -s "$KUBECONFIG" && exit 7')
    if ran.returncode == 4:
        pytest.skip(ran.stderr)
    assert ran.returncode == 7, ran.stderr


def test_exec_says_what_is_wrong() -> None:
    with up("--nodes", "1") as lab:
        for place, words in {"pod/shop": "is not a place", "node/node7": "the lab has no place"}.items():
            told = lab.exec(place, "true")
            assert told.returncode == 2 and words in told.stderr
        # It lies in the lab's own pid namespace, so it cannot outlive the lab.
        assert int(lab.exec("node/node1", "sh", "-c", "echo $$").stdout) < 1000


def test_markers_tell_places_and_cluster() -> None:
    with up("--nodes", "1") as lab:
        cluster = lab.get("namespaces", "default")["kube-system"]["metadata"]["uid"]
        markers = set()
        for process in lab.processes():
            try:
                variables = Path(f"/proc/{process}/environ").read_bytes().decode().split("\0")
            except OSError:
                continue
            markers |= {each for each in variables if each.startswith("KINSPECT_PLACE=")}
    assert f"KINSPECT_PLACE={cluster}/node//node1" in markers
    assert f"KINSPECT_PLACE={cluster}/declared//client" in markers
    assert any(marker.startswith(f"KINSPECT_PLACE={cluster}/pod/kube-system/coredns-") for marker in markers)


def limited(*limits: str, words: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    """Runs the command where these kinds of namespaces are used up: a limit of an outer user namespace."""
    script = "".join(f"echo 0 > /proc/sys/user/max_{kind}_namespaces; " for kind in limits) + 'exec "$@"'
    outer = ["unshare", "--user", "--map-root-user", "sh", "-c", script, "sh"]
    if subprocess.run([*outer[:3], "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("this machine forbids user namespaces")
    argv = [*outer, *THIS_USER, *words]
    return subprocess.run(
        argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
    )


def test_root_needs_no_user_namespace() -> None:
    inside = ("lab", "exec", "node/node1", "--", "hostname")
    told = limited("user", words=("lab", "run", "--nodes", "1", "--", *THIS_USER, *inside))
    assert told.returncode == 0 and told.stdout == "node1\n", told.stderr


def test_without_namespaces_the_demo_is_shown_on_paper() -> None:
    told = limited("user", "net", words=("lab", "up"))
    assert told.returncode == 4
    assert "does not let kinspect make namespaces" in told.stderr and "run as root" in told.stderr
    shown = limited("user", "net", words=("demo",))
    assert shown.returncode == 0
    assert "without packets" in shown.stderr
    assert "default/kubernetes" in shown.stdout and "rules:" in shown.stdout
