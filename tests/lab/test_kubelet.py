"""Pods follow their objects: readiness, an orderly end, a forced one, and the rules that follow from it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kinspect.errors import NotPermitted
from kinspect.lab import manifests, places, podstatus, programs
from kinspect.lab.supervisor import Lab, Wishes, open_lab

pytestmark = pytest.mark.lab

GROUND = Path(__file__).with_name("ground.yaml")
SLOW = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "slow", "namespace": "shop", "labels": {"app": "slow"}},
    "spec": {
        "containers": [
            {
                "name": "echo",
                "image": "echo",
                "ports": [{"containerPort": 8080}],
                "lifecycle": {"preStop": {"sleep": {"seconds": 2}}},
            }
        ]
    },
}
SLOW_SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "slow", "namespace": "shop"},
    "spec": {"selector": {"app": "slow"}, "ports": [{"port": 80, "targetPort": 8080}]},
}


def in_a_lab(scenario: Callable[[Lab], Any], *more: dict[str, Any]) -> None:
    async def run() -> None:
        wishes = Wishes(nodes=2, objects=[*manifests.read([str(GROUND)]), *more])
        async with open_lab(wishes) as lab:
            await scenario(lab)

    try:
        asyncio.run(run())
    except NotPermitted as error:
        pytest.skip(error.message)


def _uid(lab: Lab) -> str | None:
    running = lab.kubelet.running.get(("shop", "toolbox"))
    return running.uid if running else None


async def until(holds: Callable[[], Any], seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - what is waited for is a state, not an event
            await asyncio.sleep(0.02)


async def fetch(lab: Lab, url: str, *flags: str) -> dict[str, Any] | None:
    told = await lab.ground.run(places.pod("shop", "toolbox"), ["curl", "-s", "-m", "2", *flags, url])
    return json.loads(told.stdout) if told.code == 0 and told.stdout else None


def conditions(lab: Lab, service: str) -> list[dict[str, Any]]:
    return [
        endpoint["conditions"]
        for each in lab.store.list("EndpointSlice", "shop")
        if each["metadata"]["labels"].get("kubernetes.io/service-name") == service
        for endpoint in each.get("endpoints") or ()
    ]


def test_readiness_deletion_and_rules() -> None:
    async def scenario(lab: Lab) -> None:
        address = lab.store.get("Service", "shop", "slow")["spec"]["clusterIP"]
        url = f"http://{address}/"
        assert await fetch(lab, url)

        def say(ready: str) -> None:
            def change(pod: dict[str, Any]) -> None:
                pod["metadata"].setdefault("annotations", {})[podstatus.READY] = ready

            lab.store.update("Pod", "shop", "slow", change)

        say("false")
        await until(lambda: [c["ready"] for c in conditions(lab, "slow")] == [False])
        await lab.settled()
        refused = await lab.ground.run(places.pod("shop", "toolbox"), ["curl", "-s", "-m", "2", url])
        assert refused.code == 7
        say("true")
        await until(lambda: [c["ready"] for c in conditions(lab, "slow")] == [True])

        lab.store.delete("Pod", "shop", "slow", grace_s=30)
        await until(lambda: any(c["terminating"] for c in conditions(lab, "slow")))
        assert conditions(lab, "slow") == [{"ready": False, "serving": True, "terminating": True}]
        await lab.proxy.sync()
        assert await fetch(lab, url)  # the last one, serving to its end
        await until(lambda: lab.store.find("Pod", "shop", "slow") is None)
        assert places.pod("shop", "slow") not in lab.ground.places
        await until(lambda: not conditions(lab, "slow"))

    in_a_lab(scenario, SLOW, SLOW_SERVICE)


def test_a_pod_that_cannot_start_is_told_and_harms_nobody() -> None:
    spec = {"nodeName": "node1", "hostNetwork": True, "containers": [{"name": "echo", "image": "echo"}]}
    spec["containers"][0]["ports"] = [{"containerPort": 10256}]  # the service proxy's health port
    meta = {"name": "greedy", "namespace": "shop"}
    greedy = {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}

    async def scenario(lab: Lab) -> None:
        status = lab.store.get("Pod", "shop", "greedy")["status"]
        assert status["phase"] == "Pending"
        waiting = status["containerStatuses"][0]["state"]["waiting"]
        assert waiting["reason"] == "CreateContainerError" and "in use" in waiting["message"]
        assert places.pod("shop", "greedy") not in lab.ground.places
        assert await fetch(lab, "http://web/")

    in_a_lab(scenario, greedy)


def test_a_pod_with_an_impossible_environment_is_told() -> None:
    container = {"name": "echo", "image": "echo", "env": [{"name": "HUGE", "value": "x" * 200_000}]}
    huge = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "huge", "namespace": "shop"},
        "spec": {"containers": [container]},
    }

    async def scenario(lab: Lab) -> None:
        [status] = lab.store.get("Pod", "shop", "huge")["status"]["containerStatuses"]
        assert "Argument list too long" in status["state"]["waiting"]["message"]
        assert await fetch(lab, "http://web/")

    in_a_lab(scenario, huge)


def test_a_pod_made_anew_is_another_one() -> None:
    async def scenario(lab: Lab) -> None:
        before = lab.kubelet.running["shop", "toolbox"]
        pod = lab.store.get("Pod", "shop", "toolbox")
        lab.store.delete("Pod", "shop", "toolbox", grace_s=0)
        kept = {key: pod["metadata"][key] for key in ("name", "namespace")}
        lab.store.create({"apiVersion": "v1", "kind": "Pod", "metadata": kept, "spec": pod["spec"]})
        await until(lambda: _uid(lab) not in (None, before.uid))
        await lab.settled()
        # Started after the Service that came late: now it knows of it.
        assert any(
            each.startswith("LATE_SERVICE_HOST=")
            for each in lab.kubelet.running["shop", "toolbox"].environment
        )

    in_a_lab(scenario)


def test_our_own_ingress_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(lab: Lab) -> None:
        controller = lab.store.get("Service", "ingress-nginx", "ingress-nginx-controller")
        address = controller["spec"]["clusterIP"]
        there = ["--resolve", f"web.example.test:443:{address}", "-k"]
        answer = await fetch(lab, "https://web.example.test/app/x", *there)
        assert answer and answer["path"] == "/app/x"
        assert answer["headers"]["X-Forwarded-Proto".lower()] == "https"
        certificate = await lab.ground.run(
            places.pod("shop", "toolbox"), ["curl", "-sv", "-m", "2", *there, "https://web.example.test/app"]
        )
        assert "CN=web.example.test" in certificate.stderr

        # It follows the objects: a new path is routed without a restart.
        def change(item: dict[str, Any]) -> None:
            item["spec"]["rules"][0]["http"]["paths"][0]["path"] = "/other"

        lab.store.update("Ingress", "shop", "web", change)
        for _ in range(100):
            if await fetch(lab, "https://web.example.test/other", *there):
                return
            await asyncio.sleep(0.05)
        raise AssertionError("the new path is not routed")

    monkeypatch.setattr(programs, "find", lambda program: None if program == "nginx" else program)
    in_a_lab(scenario)
