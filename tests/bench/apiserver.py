"""A real kube-apiserver over a real etcd that holds the large cluster: the programs of the conformance run.

`started` is to be called as process 1 of namespaces of its own (`bench_apiserver` makes them): the network
has only loopback, all files are in a tmpfs that nobody else sees. So nothing is left, whatever ends it.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

from kinspect.lab.certificates import Authority
from tests.bench.objects import Size
from tests.bench.seeding import seed
from tests.conformance import programs

DIRECTORY = Path("/run")
ETCD = ("127.0.0.1", 2379)
ETCD_URL = "http://127.0.0.1:2379"
PORT = 6443
READY_S, REST_S = 300, 120
REST_SHARE = 0.05
TICKS = os.sysconf("SC_CLK_TCK")


class Programs:
    """Where they are; those that are missing are built."""

    def __init__(self) -> None:
        etcd = programs.etcd()
        kubernetes = next(each for each in programs.modules() if each.folder == "kubernetes")
        self.etcd = programs.built(etcd, etcd.packages[0], say)
        self.apiserver = programs.built(kubernetes, "k8s.io/kubernetes/cmd/kube-apiserver", say)
        self.kubectl = programs.built(kubernetes, "k8s.io/kubernetes/cmd/kubectl", say)


class Server:
    """The two that run, and how to reach them."""

    kubeconfig = str(DIRECTORY / "kubeconfig")

    def __init__(
        self, etcd: subprocess.Popen[bytes], apiserver: subprocess.Popen[bytes], kubectl: Path
    ) -> None:
        self.etcd, self.apiserver = etcd, apiserver
        self.kubectl = [str(kubectl), "--kubeconfig", self.kubeconfig, f"--cache-dir={DIRECTORY}/cache"]

    def answers(self) -> bool:
        """Whether the API server is ready."""
        ready = [*self.kubectl, "get", "--raw", "/readyz"]
        return subprocess.run(ready, capture_output=True, timeout=60, check=False).returncode == 0

    def cpu_s(self) -> tuple[float, float]:
        """What the API server and etcd have used so far."""
        return _cpu_s(self.apiserver.pid), _cpu_s(self.etcd.pid)


def say(reached: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {reached}", file=sys.stderr, flush=True)


def started(size: Size) -> Server:
    """An API server that has all of it in its caches and has come to rest."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(DIRECTORY)], check=True)
    found = Programs()
    _write_credentials()
    etcd = _start("etcd", found.etcd, *_etcd_flags())
    _until(_etcd_answers, READY_S, "etcd is up", etcd)
    say(f"{seed(ETCD, size):,} objects are in etcd")
    apiserver = _start("kube-apiserver", found.apiserver, *_apiserver_flags())
    server = Server(etcd, apiserver, found.kubectl)
    _until(server.answers, READY_S, "the API server is ready", apiserver)
    _until(lambda: _at_rest(server), REST_S, "the API server is at rest", apiserver)
    return server


def _write_credentials() -> None:
    authority = Authority("bench")
    pair = authority.issue("127.0.0.1")
    cluster = {"server": f"https://127.0.0.1:{PORT}", "certificate-authority": "ca.crt"}
    kubeconfig = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "bench",
        "clusters": [{"name": "bench", "cluster": cluster}],
        "users": [{"name": "bench", "user": {"token": "bench"}}],
        "contexts": [{"name": "bench", "context": {"cluster": "bench", "user": "bench"}}],
    }
    for name, content in {
        "ca.crt": authority.certificate,
        "server.crt": pair.certificate,
        "server.key": pair.key,
        "tokens": b"bench,bench,bench,system:masters\n",
        "kubeconfig": json.dumps(kubeconfig).encode(),
    }.items():
        (DIRECTORY / name).write_bytes(content)


def _etcd_flags() -> list[str]:
    return [
        f"--data-dir={DIRECTORY}/etcd",
        f"--listen-client-urls={ETCD_URL}",
        f"--advertise-client-urls={ETCD_URL}",
        "--max-request-bytes=16000000",  # many objects in one transaction
        "--max-txn-ops=100000",
        "--unsafe-no-fsync",
        "--log-level=error",
    ]


def _apiserver_flags() -> list[str]:
    return [
        f"--etcd-servers={ETCD_URL}",
        "--bind-address=127.0.0.1",
        f"--secure-port={PORT}",
        "--advertise-address=192.0.2.1",  # must not be loopback; nobody asks for it
        "--endpoint-reconciler-type=none",
        "--service-cluster-ip-range=10.96.0.0/12",
        f"--tls-cert-file={DIRECTORY}/server.crt",
        f"--tls-private-key-file={DIRECTORY}/server.key",
        f"--token-auth-file={DIRECTORY}/tokens",
        "--authorization-mode=RBAC",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={DIRECTORY}/server.crt",
        f"--service-account-signing-key-file={DIRECTORY}/server.key",
    ]


def _start(name: str, *command: str | Path) -> subprocess.Popen[bytes]:
    with open(DIRECTORY / f"{name}.log", "wb") as log:
        return subprocess.Popen([*map(str, command)], stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def _etcd_answers() -> bool:
    with contextlib.suppress(OSError), urllib.request.urlopen(f"{ETCD_URL}/health", timeout=5) as answer:
        return bool(json.load(answer).get("health") == "true")
    return False


def _at_rest(server: Server) -> bool:
    before = sum(server.cpu_s())
    time.sleep(2)
    return (sum(server.cpu_s()) - before) / 2 < REST_SHARE


def _until(reached: Callable[[], bool], within_s: float, what: str, process: subprocess.Popen[bytes]) -> None:
    """Waits for it, as long as the process lives. Raises TimeoutError with what its log says last."""
    until = time.monotonic() + within_s
    while not reached():
        if time.monotonic() > until or process.poll() is not None:
            logs = "\n".join(path.read_text()[-1500:] for path in sorted(DIRECTORY.glob("*.log")))
            raise TimeoutError(f"not reached: {what}\n{logs}")
        time.sleep(0.1)
    say(what)


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS
