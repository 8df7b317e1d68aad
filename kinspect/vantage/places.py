"""Whose network namespace is it? Pure: decides by evidence in a listing of /proc and the cluster's objects.

Theory of operation:

1. Every network namespace that a process lives in, or that a name below /run/netns holds, is a candidate.
   Each piece of evidence is a *claim*: this namespace is that place's.
2. Kinds of claim, strongest first: a pod's UID in a cgroup path (the kubelet put it there); a variable
   `KINSPECT_PLACE=<kube-system uid>/<kind>/<namespace>/<name>` in the environment of a process in it, for
   this cluster (whoever made the place says so); an address that only one pod or node of this cluster has.
   Last of all, what is nobody's has the name that it has below /run/netns, and may be called by it.
3. A pod with hostNetwork has no namespace of its own: its claim is a claim of its node.
4. Claims of the strongest kind decide. When two of them differ, the place is *unknown* and both are named.
   The same when two namespaces are claimed for one place. "Could not tell" never becomes a guess.
5. A node's own address counts only on a link that is not loopback: balancers and anycast put addresses on lo.

Sources: kubelet pkg/kubelet/cm (cgroup names: `pod<UID>`, with underscores under the systemd driver).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_address
from typing import Literal, NamedTuple

from kinspect.model.meta import Key, Ref
from kinspect.model.snapshot import Snapshot
from kinspect.resolve.addresses import parse_network
from kinspect.vantage.connection import NamespacePath

VARIABLE = "KINSPECT_PLACE"
DECLARED = "Declared"
"""The kind of a place that is no object of the cluster, such as a client outside of it."""

KINDS = {"pod": "Pod", "node": "Node", "declared": DECLARED}
_POD_UID = re.compile(r"pod([0-9a-f]{8}[-_](?:[0-9a-f]{4}[-_]){3}[0-9a-f]{12})")
_STATIC_POD_UID = re.compile(r"pod([0-9a-f]{32})\b")

By = Literal["cgroup", "environment", "address", "name"]
STRENGTH: tuple[By, ...] = ("cgroup", "environment", "address", "name")


class Process(NamedTuple):
    """What is known of a process: the text of its cgroup file, and its KINSPECT_PLACE ("" = none)."""

    pid: int
    cgroup: str
    place: str


class NetNamespace(NamedTuple):
    """A network namespace, the user namespace that owns it (None = our own), and who lives in it.

    `name` is the one below /run/netns, "" for none. `addresses` are those on links other than loopback.
    """

    path: NamespacePath
    owner: NamespacePath | None
    processes: tuple[Process, ...]
    name: str
    addresses: frozenset[str]

    @property
    def paths(self) -> tuple[NamespacePath, ...]:
        """Every path that led to it when it was listed: processes come and go."""
        of_processes = (f"/proc/{each.pid}/ns/net" for each in self.processes)
        return tuple(self.path._replace(path=each) for each in dict.fromkeys((self.path.path, *of_processes)))


class Place(NamedTuple):
    """A place of the cluster whose network namespace is here. `by`: the kind of evidence."""

    ref: Ref
    namespace: NetNamespace
    by: By


class Doubt(NamedTuple):
    """A place, or a namespace, that two pieces of evidence disagree about."""

    refs: tuple[Ref, ...]
    reason: str


class Places(NamedTuple):
    """What was found, and what could not be told."""

    known: Mapping[Ref, Place]
    doubts: tuple[Doubt, ...]


def find(namespaces: Iterable[NetNamespace], snapshot: Snapshot) -> Places:
    """The places of this cluster that these namespaces are."""
    doubts: list[Doubt] = []
    found: dict[Ref, list[Place]] = defaultdict(list)
    by_uid = {pod.metadata.uid: pod.key for pod in snapshot.pods.values() if pod.metadata.uid}
    for namespace in namespaces:
        place, doubt = _decide(namespace, dict.fromkeys(_claims(namespace, snapshot, by_uid)))
        if place is not None:
            found[place.ref].append(place)
        if doubt is not None:
            doubts.append(doubt)
    known: dict[Ref, Place] = {}
    for ref, places in found.items():
        strongest = min(STRENGTH.index(place.by) for place in places)
        best = _with_pods([place for place in places if STRENGTH.index(place.by) == strongest], snapshot)
        if len(best) == 1:
            known[ref] = best[0]
        else:
            inodes = ", ".join(str(place.namespace.path.inode) for place in best)
            doubts.append(Doubt((ref,), f"{ref} is claimed by {best[0].by} for several namespaces: {inodes}"))
    return Places(known, tuple(doubts))


def _with_pods(places: list[Place], snapshot: Snapshot) -> list[Place]:
    """Of several namespaces with one node's address, those that also have an address of its pod network.

    Clusters side by side on one machine like to use the same addresses for their nodes.
    """
    node = snapshot.nodes.get(places[0].ref.key) if places[0].ref.kind == "Node" else None
    if len(places) < 2 or node is None:
        return places
    networks = [network for cidr in node.spec.pod_cidrs if (network := parse_network(cidr))]
    fitting = [
        place
        for place in places
        if any(
            ip_address(address) in network for address in place.namespace.addresses for network in networks
        )
    ]
    return fitting or places


Claim = tuple[By, Ref]


def _decide(namespace: NetNamespace, claims: Iterable[Claim]) -> tuple[Place | None, Doubt | None]:
    for by in STRENGTH:
        refs = tuple(ref for each, ref in claims if each == by)
        if len(refs) == 1:
            return Place(refs[0], namespace, by), None
        if refs:
            both = " and ".join(str(ref) for ref in refs)
            return None, Doubt(refs, f"namespace {namespace.path.inode} is {both} by its {by}")
    return None, None


def _claims(namespace: NetNamespace, snapshot: Snapshot, by_uid: Mapping[str, Key]) -> Iterator[Claim]:
    for process in namespace.processes:
        key = by_uid.get(pod_uid(process.cgroup) or "")
        if key is not None:
            yield "cgroup", _home(snapshot, key)
        ref = declared(process.place, snapshot)
        if ref is not None:
            yield "environment", ref
    yield from (("address", ref) for ref in _by_address(namespace, snapshot))
    if namespace.name:
        yield "name", Ref(DECLARED, "", namespace.name)


def _home(snapshot: Snapshot, pod: Key) -> Ref:
    """Where a pod lives: in its own namespace, or with hostNetwork in its node's."""
    spec = snapshot.pods[pod].spec
    return Ref("Node", "", spec.node_name) if spec.host_network else Ref("Pod", *pod)


def pod_uid(cgroup: str) -> str | None:
    """The UID of the pod that a cgroup path belongs to, with dashes; None = no pod's."""
    found = _POD_UID.search(cgroup)
    if found:
        return found[1].replace("_", "-")
    static = _STATIC_POD_UID.search(cgroup)  # a static pod's UID is a hash without dashes
    return static[1] if static else None


def declared(place: str, snapshot: Snapshot) -> Ref | None:
    """What KINSPECT_PLACE says, when it speaks of this cluster; None = nothing, or another cluster's."""
    parts = place.split("/")
    if len(parts) != 4 or parts[1] not in KINDS or not parts[3]:
        return None
    cluster = snapshot.namespaces.get(Key("", "kube-system"))
    if cluster is None or cluster.metadata.uid != parts[0]:
        return None
    return Ref(KINDS[parts[1]], parts[2], parts[3])


def _by_address(namespace: NetNamespace, snapshot: Snapshot) -> Iterator[Ref]:
    for address in sorted(namespace.addresses):
        nodes = tuple(snapshot.index.nodes_by_ip.get(address, ()))
        pods = [
            key
            for key in snapshot.index.pods_by_ip.get(address, ())
            if not snapshot.pods[key].spec.host_network and not snapshot.pods[key].terminal
        ]
        if len(nodes) == 1:
            yield Ref("Node", "", nodes[0].name)
        elif len(pods) == 1:
            yield Ref("Pod", *pods[0])
