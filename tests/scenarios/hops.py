"""The table of hops, case by case: who calls what, which pod gets it, and as whom it sees the client.

Each case is predicted from the objects alone, then traced with packets, and the two are compared here, place
by place: this is no comparison of our own product's. Who answered, and whom it saw, says the echo server.
The letters are those of the tables that people who write service proxies use:

A B C   pod to cluster IP: same node; another one, through a tunnel; another one, routed
D E     a pod that chose itself; a process of the node to a cluster IP
F G     node port, policy Cluster: backend on another node, on this one
H I     node port, policy Local: a backend here, none here
J M     a balancer's address that nodes translate (ipMode VIP): from outside, from a pod
K L     a balancer that has the address itself (ipMode Proxy): it calls a node port, or the pod
"""

from __future__ import annotations

from itertools import groupby
from typing import Literal, NamedTuple, Protocol

from kinspect.asks.trace import TraceAsk, predict
from kinspect.model.path import Hop, Path, Trace
from kinspect.model.snapshot import Snapshot

Who = Literal["pod", "node", "client", "balancer"]


class Case(NamedTuple):
    """One case: `target` from `vantage`, `pod` "" = nobody, who sees it come from `seen_as`.

    `at_node` = as whom the node sees it where it meets the rules, "" = as whom it was sent. `routers`: how
    many have passed it on when it gets there; None = one node more or less, by the balancer's choice.
    `turns`: it goes back to the link that it came from, which a bridge does without being a router.
    """

    target: str
    vantage: str
    pod: str
    seen_as: Who
    routers: int | None
    at_node: Who | Literal[""] = ""
    turns: bool = False


CASES = {
    "A pod to cluster IP, same node": Case("svc/near", "pod/client-1", "here", "pod", 1, turns=True),
    "B C pod to cluster IP, other node": Case("svc/far", "pod/client-1", "there", "pod", 2),
    "D hairpin": Case("svc/itself", "pod/client-1", "client-1", "node", 1, turns=True),
    "E node process to cluster IP": Case("svc/far", "node/node1", "there", "node", 1),
    "F node port, backend on another node": Case("node/node1:far", "client", "there", "node", 3),
    "G node port, backend on this node": Case("node/node1:near", "client", "here", "node", 2),
    "H node port, policy Local": Case("node/node2:far-local", "client", "there", "client", 2),
    "I node port, policy Local, no backend here": Case("node/node1:far-local", "client", "", "client", None),
    "J balancer's address": Case("lb/far-balanced", "client", "there", "node", None),
    "J balancer's address, policy Local": Case("lb/far-local", "client", "there", "client", 2),
    "K balancer that calls node ports": Case("lb/far-proxied", "client", "there", "node", None, "balancer"),
    "K balancer that calls node ports, policy Local": Case(
        "lb/far-proxied-local", "client", "there", "balancer", 2, "balancer"
    ),
    "L balancer that calls pods": Case("lb/far-direct", "client", "there", "balancer", 2, "balancer"),
    "M pod to balancer's address": Case("lb/far-balanced", "pod/client-1", "there", "node", 2),
    "M pod to balancer's address, policy Local": Case("lb/far-local", "pod/client-1", "there", "pod", 2),
}


class Ground(Protocol):
    """Where the cases are tried. `namespace` is that of the objects. `bridges`: a node's pods are on one."""

    namespace: str
    snapshot: Snapshot
    client: str
    balancer: str
    bridges: bool

    def traced(self, ask: TraceAsk) -> Trace: ...

    def answer(self, vantage: str, address: str, port: int) -> tuple[str, str]:
        """The pod that an echo server says it is, and the address that it says the client has."""
        ...


def differences(ground: Ground, case: Case) -> list[str]:
    """Where prediction, packets and echo server part; [] = they tell one story."""
    target = _target(ground, case.target)
    vantage = case.vantage.replace("pod/", f"pod/{ground.namespace}/")
    ask = TraceAsk(target, vantage, ground.namespace)
    told, traced = predict(ground.snapshot, ask), ground.traced(ask)
    return [
        *_parted(told, traced),
        *(_delivered if case.pod else _dropped)(ground, case, vantage, told, traced),
    ]


def _parted(told: Trace, traced: Trace) -> list[str]:
    """Where the packets did not go as was predicted before they were sent, and what the trace says of it."""
    found = [f"causes {traced.causes}"] if traced.causes else []
    found += [f"it says that they part: {traced.divergence}"] if traced.divergence else []
    found += [f"lost {traced.lost}, unseen {traced.unseen}"] if traced.lost or traced.unseen else []
    way = _way(traced.paths[0], outside=traced.vantage)
    predicted = [_way(path, outside=told.vantage) for path in told.paths]
    if way not in predicted:
        found.append(f"it went {way}, and predicted is one of {predicted}")
    return found


def _way(path: Path, outside: str) -> list[str]:
    """The places in order, there and back. A router outside that passes it on is not foreseen."""
    stays = [key for key, _ in groupby(path.hops, lambda hop: (hop.direction, hop.place))]
    return [
        f"{direction} {place.name}"
        for direction, place in stays
        if place.kind != "declared" or place.name == outside
    ]


def _delivered(ground: Ground, case: Case, vantage: str, told: Trace, traced: Trace) -> list[str]:
    if (told.verdict, traced.verdict) != ("delivered", "delivered"):
        return [f"predicted {told.verdict}, traced {traced.verdict}"]
    arrived = _original(traced)[-1]
    assert arrived.src is not None
    who, seen = ground.answer(vantage, *_called(traced))
    pods = {
        "predicted": told.backend.pod if told.backend else f"{ground.namespace}/{case.pod}",  # one of several
        "traced": traced.backend.pod if traced.backend else "nobody",
        "answering": f"{ground.namespace}/{who}",
    }
    found = [f"{what} pod {pod}" for what, pod in pods.items() if pod != f"{ground.namespace}/{case.pod}"]
    sources = {"traced": _who(ground, arrived.src.address), "answering": _who(ground, seen)}
    found += [f"{what} pod sees the {kind}" for what, kind in sources.items() if kind != case.seen_as]
    came = next(hop for hop in _original(traced) if hop.place.kind == "node" or hop is arrived)
    if case.at_node and came.src is not None and _who(ground, came.src.address) != case.at_node:
        found.append(f"{came.place.name} sees {came.src.address}")
    bridged = case.turns and ground.bridges
    if case.routers is not None and arrived.ttl != 64 - case.routers + bridged:
        found.append(f"it arrives with ttl {arrived.ttl}")
    return found


def _dropped(ground: Ground, case: Case, vantage: str, told: Trace, traced: Trace) -> list[str]:
    if (told.verdict, traced.verdict) != ("dropped", "dropped"):
        return [f"predicted {told.verdict}, traced {traced.verdict}"]
    last = _original(traced)[-1]
    return [] if last.place.name in case.target else [f"it was last seen at {last.place}"]


def _original(traced: Trace) -> list[Hop]:
    return [hop for hop in traced.paths[0].hops if hop.direction == "original"]


def _called(traced: Trace) -> tuple[str, int]:
    """What was called: as the answer's last sighting has it, or before the node itself translates."""
    last = traced.paths[0].hops[-1]
    assert last.src is not None
    assert last.src.port is not None
    return last.src.address, last.src.port


def _target(ground: Ground, text: str) -> str:
    """The words of a target, with `lb/NAME` and `node/NODE:NAME` as address and node port of that Service."""
    kind, _, rest = text.partition("/")
    name = rest.rpartition(":")[2]
    service = next(each for key, each in ground.snapshot.services.items() if key == (ground.namespace, name))
    if kind == "lb":
        return f"{service.status.load_balancer.ingress[0].ip}:80"
    if kind == "node":
        return f"{text.rpartition(':')[0]}:{service.spec.ports[0].node_port}"
    return text


def _who(ground: Ground, address: str) -> Who:
    """Whose an address is. Pods on the host network have their node's."""
    index = ground.snapshot.index
    if address == ground.client:
        return "client"
    if address == ground.balancer:
        return "balancer"
    return "pod" if address in index.pods_by_ip and address not in index.nodes_by_ip else "node"
