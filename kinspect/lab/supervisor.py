"""Boots a lab and keeps it until its context ends. Everything of it ends with this process.

Outside of the namespaces: the Store, the API server on loopback, the controllers, and the minds of kubelet,
service proxy, DNS and balancer. Inside: only what `fabric` holds. Files lie on a file system of the inside
and are reached by /proc, so that nothing is left on this machine's disks however the lab ends.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kinspect.errors import KinspectError, VantageLost
from kinspect.lab import addons, addresses, apigate, network, places, podstatus, requirements
from kinspect.lab.addresses import NodeAddresses
from kinspect.lab.apiserver import ApiServer
from kinspect.lab.applying import apply
from kinspect.lab.balancer import Balancer
from kinspect.lab.certificates import Authority
from kinspect.lab.cluster_dns import ClusterDns
from kinspect.lab.controllers import Controllers, standard
from kinspect.lab.controllers.bootstrap import SERVICE_RANGE, bootstrap
from kinspect.lab.facts import Facts
from kinspect.lab.ground import Ground, open_ground
from kinspect.lab.health import ProxyHealth
from kinspect.lab.ingress import IngressController
from kinspect.lab.kubelet import Dns, Kubelet, Program
from kinspect.lab.network import Cni
from kinspect.lab.policyengine import PolicyEngine
from kinspect.lab.requirements import Means
from kinspect.lab.serviceproxy import Mode, ServiceProxy
from kinspect.lab.store import Store

Json = dict[str, Any]

OUTSIDE_NAMES = ("outside.example.com", "payments.example.com")
"""What the cluster's DNS answers with the client's address: names of the world outside."""

LATE = "lab.kinspect/late"
"""Annotation "true": applied when all the rest has settled, so that pods started without knowing of it."""

CLOCK_TICK_S = 1.1
"""Times in objects are whole seconds: what is to be later must be later by more than one."""

SETTLE_TIMEOUT_S = 30.0
QUIET_S = 0.08


@dataclass(frozen=True)
class Wishes:
    """What a lab is asked to be; None = what this machine can do best."""

    nodes: int = 3
    cni: Cni | None = None
    proxy: Mode | None = None
    objects: Sequence[Json] = field(default=())


class Lab:
    """A running lab."""

    def __init__(
        self,
        store: Store,
        ground: Ground,
        facts: Facts,
        means: Means,
        nodes: tuple[NodeAddresses, ...],
        kubelet: Kubelet,
        proxy: ServiceProxy,
        balancer: Balancer,
        kubeconfig: Path,
    ) -> None:
        self.store, self.ground, self.facts, self.means, self.nodes = store, ground, facts, means, nodes
        self.kubelet, self.proxy, self.balancer, self.kubeconfig = kubelet, proxy, balancer, kubeconfig

    async def settled(self, timeout_s: float = SETTLE_TIMEOUT_S) -> None:
        """Returns when every pod runs, nothing has been written for a moment, and all of it is acted upon.

        Raises VantageLost when that takes too long.
        """
        try:
            async with asyncio.timeout(timeout_s):
                version = -1
                while self._unsettled() or version != self.store.version or not self._followed():
                    version = self.store.version
                    await asyncio.sleep(QUIET_S)
                await self.balancer.settle()  # once more: health ports open when it has asked already
        except TimeoutError as error:
            waiting = ", ".join(self._unsettled()) or "rules are still being loaded"
            raise VantageLost(f"the lab is not ready after {timeout_s:.0f} s: {waiting}") from error

    def _followed(self) -> bool:
        return self.facts.followed and self.proxy.synced.is_set()

    def _unsettled(self) -> list[str]:
        return [
            f"pod {pod['metadata']['namespace']}/{pod['metadata']['name']}"
            for pod in self.store.list("Pod")
            if pod["spec"].get("nodeName") and not podstatus.started(pod)
        ]


@contextlib.asynccontextmanager
async def open_lab(wishes: Wishes) -> AsyncIterator[Lab]:
    """A lab, booted and settled, until the context ends. Raises KinspectError when it cannot be."""
    try:
        async with _open(wishes) as lab:
            yield lab
    except BaseExceptionGroup as group:
        # Groups are how tasks end together; whoever uses a lab asked for one thing and gets one answer.
        raise _leaf(group.subgroup(KinspectError) or group) from group


@contextlib.asynccontextmanager
async def _open(wishes: Wishes) -> AsyncIterator[Lab]:
    requirements.require_programs()
    store = Store()
    nodes = addresses.nodes(wishes.nodes)
    cluster = _seed(store, nodes)
    async with open_ground(cluster) as ground, asyncio.TaskGroup() as tasks:
        means = await requirements.choose(ground, wishes.cni, wishes.proxy)
        node_file = f"nameserver {addresses.NODE_GATEWAY}\n"
        await network.build(ground, nodes, means.cni, node_file)
        facts = Facts(store, str(addresses.POD_NETWORK), (SERVICE_RANGE,))
        dns = ClusterDns(ground, facts, addons.ZONE, dict.fromkeys(OUTSIDE_NAMES, (str(addresses.CLIENT),)))
        told = Dns(addons.DNS_ADDRESS, addons.ZONE, node_file)
        proxy = ServiceProxy(ground, facts, nodes, means.proxy)
        balancer = Balancer(ground, facts, nodes)
        async with ApiServer(store, _directory(ground)) as api:
            ingress = IngressController(ground, store, facts, api.authority)
            policies = PolicyEngine(ground, store, facts)
            programs: dict[str, Program] = {"dns": dns, "ingress": ingress, "network-policies": policies}
            kubelet = Kubelet(store, ground, nodes, means.cni, told, programs)
            lab = Lab(store, ground, facts, means, nodes, kubelet, proxy, balancer, api.kubeconfig)
            await _outfit(ground, api.authority)
            parts = (
                Controllers(store, standard(api.certificate_authority.decode())).run(),
                apigate.serve(ground, api.port),
                dns.run(),
                ingress.run(),
                kubelet.run(),
                policies.run(),
                proxy.run(),
                ProxyHealth(ground, facts, nodes).run(),
                balancer.run(),
            )
            running = [tasks.create_task(part) for part in parts]
            engine = [addons.policy_engine()] if means.policies else []
            await _apply(lab, (*addons.system(means.proxy), *engine, *wishes.objects), api.authority)
            yield lab
            for task in running:
                task.cancel()


def _seed(store: Store, nodes: Sequence[NodeAddresses]) -> str:
    """The objects without which nothing starts; the UID of kube-system, by which a cluster is known."""
    bootstrap(store, str(addresses.API_SERVER), apigate.PORT)
    for node in nodes:
        store.create(addons.node(node, store.time()))
    cluster: str = store.get("Namespace", "", "kube-system")["metadata"]["uid"]
    return cluster


async def _outfit(ground: Ground, authority: Authority) -> None:
    """The certificate of the echo servers, and a server of the world outside, on the client."""
    pair = authority.issue("echo.lab", "*.svc.cluster.local", *OUTSIDE_NAMES)
    await ground.trust(pair.certificate.decode(), pair.key.decode())
    ports = [{"protocol": "TCP", "address": "0.0.0.0", "port": 80, "tls": False}]
    ports.append({"protocol": "TCP", "address": "0.0.0.0", "port": 443, "tls": True})
    await ground.echo(places.CLIENT, ["client", "", "", []], ports)


async def _apply(lab: Lab, items: Sequence[Json], authority: Authority) -> None:
    """Applies objects and lets the lab settle; those that are to come late, afterwards."""
    late = [item for item in items if _is_late(item)]
    apply(lab.store, [item for item in items if not _is_late(item)], authority.issue)
    await lab.settled()
    if late:
        await asyncio.sleep(CLOCK_TICK_S)
        apply(lab.store, late, authority.issue)
        await lab.settled()


def _is_late(item: Json) -> bool:
    annotations = item.get("metadata", {}).get("annotations") or {}
    return bool(annotations.get(LATE) == "true")


def _directory(ground: Ground) -> Path:
    """A directory on the inside's own file system, as this process reaches it."""
    directory = Path(f"/proc/{ground.host_pid(places.CLIENT)}/root/run/lab/api")
    directory.mkdir(parents=True, mode=0o700)
    return directory


def _leaf(error: BaseException) -> BaseException:
    """The first plain error of a group."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
