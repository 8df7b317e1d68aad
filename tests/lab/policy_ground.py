"""A lab whose policies a test exchanges, and connections in it, many at a time."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from kinspect.lab import addons, places
from kinspect.lab.applying import apply
from kinspect.lab.certificates import Pair
from tests.asks.running_lab import RunningLab, running

Json = dict[str, Any]

ENGINES_S = 20.0

# Calls all of standard input's (protocol, address, port) at once, and says of each what became of it. The
# time is enough for a lost SYN to be sent again.
CALLS = """
import json, select, socket, sys, time
targets = json.load(sys.stdin)
told = ["silent"] * len(targets)
waiting = {}
for number, (protocol, address, port) in enumerate(targets):
    s = socket.socket(type=socket.SOCK_DGRAM if protocol == "UDP" else socket.SOCK_STREAM)
    s.setblocking(False)
    s.connect_ex((address, port))
    waiting[number] = s
deadline = time.monotonic() + 1.3
while waiting and time.monotonic() < deadline:
    for number, s in waiting.items():
        if targets[number][0] == "UDP":
            try:
                s.send(b"who")
            except OSError:
                pass
    streams = [s for n, s in waiting.items() if targets[n][0] != "UDP"]
    datagrams = [s for n, s in waiting.items() if targets[n][0] == "UDP"]
    readable, writable, _ = select.select(datagrams, streams, [], 0.2)
    for number, s in list(waiting.items()):
        if s in writable:
            told[number] = "refused" if s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) else "open"
        elif s in readable:
            try:
                s.recv(4096)
                told[number] = "open"
            except OSError:
                told[number] = "refused"
        else:
            continue
        waiting.pop(number).close()
print(json.dumps(told))
"""


class Call(NamedTuple):
    """`source` is a place of the lab."""

    source: str
    protocol: str
    address: str
    port: int


class PolicyGround:
    """Made by `policy_ground`."""

    def __init__(self, lab: RunningLab) -> None:
        self.running = lab
        self.lab = lab.lab

    def enforce(self, *specs: str | Json, namespace: str = "shop") -> None:
        """Replaces all policies by these, named p0, p1 …; returns when the nodes have the rules."""
        self.running.do(
            self._enforce([self._policy(f"p{n}", each, namespace) for n, each in enumerate(specs)])
        )

    def _policy(self, name: str, spec: str | Json, namespace: str) -> Json:
        return {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": name, "namespace": namespace},
            "spec": yaml.safe_load(spec) if isinstance(spec, str) else spec,
        }

    async def _enforce(self, policies: Sequence[Json]) -> None:
        store = self.lab.store
        for each in store.list("NetworkPolicy"):
            store.delete("NetworkPolicy", each["metadata"]["namespace"], each["metadata"]["name"])
        apply(store, policies, issue=_no_certificate)
        await self.lab.settled()

    def label(self, kind: str, namespace: str, name: str, **labels: str) -> None:
        """Changes labels of an object; returns when the nodes have the rules."""

        async def change() -> None:
            self.lab.store.update(
                kind, namespace, name, lambda item: item["metadata"]["labels"].update(labels)
            )
            await self.lab.settled()

        self.running.do(change())

    @contextmanager
    def unenforced(self) -> Iterator[None]:
        """The lab without its policy engine, as long as the context lasts."""
        engine = addons.policy_engine()
        store = self.lab.store

        async def end() -> None:
            store.delete("DaemonSet", "kube-system", engine["metadata"]["name"])

        async def start() -> None:
            apply(store, [engine], issue=_no_certificate)

        self.running.do(end())
        self._wait_for_engines(0)
        try:
            yield
        finally:
            self.running.do(start())
            self._wait_for_engines(len(self.lab.nodes))
            self.running.do(self.lab.settled())

    def _wait_for_engines(self, wanted: int) -> None:
        deadline = time.monotonic() + ENGINES_S
        while sum("kube-network-policies" in name for _, name in self.lab.kubelet.running) != wanted:
            assert time.monotonic() < deadline, "the policy engine's pods do not come or go"
            time.sleep(0.02)

    def address(self, pod: str) -> str:
        address: str = self.lab.store.get("Pod", *pod.split("/"))["status"]["podIP"]
        return address

    def outcomes(self, calls: Sequence[Call]) -> list[str]:
        """Of each call whether it was open, refused or silent; all sources call at the same time."""
        return self.running.do(self._outcomes(calls))

    async def _outcomes(self, calls: Sequence[Call]) -> list[str]:
        by_source: dict[str, list[int]] = {}
        for number, call in enumerate(calls):
            by_source.setdefault(call.source, []).append(number)
        told: dict[int, str] = {}

        async def of(source: str, numbers: list[int]) -> None:
            asked = json.dumps([calls[number][1:] for number in numbers])
            place = places.parse(source)
            said = await self.lab.ground.must(place, ["python3", "-c", CALLS], asked)
            told.update(zip(numbers, json.loads(said), strict=True))

        async with asyncio.TaskGroup() as tasks:
            for source, numbers in by_source.items():
                tasks.create_task(of(source, numbers))
        return [told[number] for number in range(len(calls))]


def _no_certificate(*_: str) -> Pair:
    raise AssertionError("no object here asks for a certificate")


@contextmanager
def policy_ground(cni: str, proxy: str) -> Iterator[PolicyGround]:
    with running(cni, proxy, Path(__file__).with_name("policies.yaml")) as lab:
        yield PolicyGround(lab)
