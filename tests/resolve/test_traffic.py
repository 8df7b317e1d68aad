"""The choice of a backend, as a table of named cases: one per sentence of the theory in `traffic`."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from kinspect.model.endpointslice import EndpointHints, ForNode, ForZone
from kinspect.model.service import Service, ServiceSpec
from kinspect.resolve.backends import Backend
from kinspect.resolve.traffic import Client, Outcome, Reason, Traffic, choose


def backend(name: str, node: str | None = "n1", state: str = "ready", **more: Any) -> Backend:
    """A backend whose address is its name. Nodes n1 and n2 are in zone a, n3 is in zone b."""
    zone = {"n1": "a", "n2": "a", "n3": "b"}.get(node or "")
    return Backend(
        address=name,
        port=8080,
        protocol="TCP",
        address_type=more.pop("family", "IPv4"),
        pod=None,
        node=node,
        zone=zone,
        hostname=None,
        ready=state in ("ready", "published"),
        serving=state in ("ready", "ending"),
        terminating=state in ("ending", "ended"),
        hints=hints(**more) if more else None,
        slices=("s",),
    )


def hints(zones: str = "", nodes: str = "") -> EndpointHints:
    return EndpointHints(
        tuple(ForZone(each) for each in zones.split()), tuple(ForNode(each) for each in nodes.split())
    )


class Case(NamedTuple):
    name: str
    backends: list[Backend]
    outcome: Outcome
    chosen: str
    reason: Reason
    client: Client = Client("n1", "a")
    traffic: Traffic = "internal"
    internal: str | None = "Cluster"
    external: str | None = None
    tells_pods: bool = True


FROM_POD = Client("n1", "a", "pod")
FROM_NODE = Client("n1", "a", "node")
FROM_OUTSIDE = Client("n1", "a", "outside")
LOCAL: dict[str, Any] = {"traffic": "external", "external": "Local"}

CASES = [
    # policy Cluster
    Case("ready ones of every node", [backend("A"), backend("B", "n3")], "backends", "A B", "ready"),
    Case("policy not written is Cluster", [backend("A", "n3")], "backends", "A", "ready", internal=None),
    Case(
        "unready ones are left out", [backend("A"), backend("B", state="unready")], "backends", "A", "ready"
    ),
    Case("published unready ones are ready", [backend("A", state="published")], "backends", "A", "ready"),
    Case(
        "ready beats terminating",
        [backend("A", "n3"), backend("B", state="ending")],
        "backends",
        "A",
        "ready",
    ),
    Case(
        "terminating ones as a last resort",
        [backend("A", state="ending"), backend("B", state="ended"), backend("C", state="unready")],
        "backends",
        "A",
        "only terminating ones are left",
    ),
    Case("no endpoint at all is refused", [], "refused", "", "none usable anywhere"),
    Case(
        "only unready ones are refused",
        [backend("A", state="unready")],
        "refused",
        "",
        "none usable anywhere",
    ),
    Case(
        "terminating that no longer serves",
        [backend("A", state="ended")],
        "refused",
        "",
        "none usable anywhere",
    ),
    Case("other family does not count", [backend("A", family="IPv6")], "refused", "", "none usable anywhere"),
    Case("an endpoint without a node is reached", [backend("A", None)], "backends", "A", "ready"),
    # hints
    Case(
        "all hinted for zones, one for this",
        [backend("A", zones="a"), backend("B", "n3", zones="b")],
        "backends",
        "A",
        "hinted for this zone",
    ),
    Case(
        "one for several zones",
        [backend("A", zones="a b"), backend("B", "n3", zones="b")],
        "backends",
        "A B",
        "hinted for this zone",
        client=Client("n3", "b"),
    ),
    Case(
        "one ready one without a hint switches all off",
        [backend("A", zones="a"), backend("B", "n3")],
        "backends",
        "A B",
        "ready",
    ),
    Case(
        "terminating and unready ones need no hint",
        [backend("A", zones="a"), backend("B", "n3", "ending"), backend("C", "n3", "unready")],
        "backends",
        "A",
        "hinted for this zone",
    ),
    Case(
        "no hint for this zone: all",
        [backend("A", zones="b"), backend("B", "n3", zones="b")],
        "backends",
        "A B",
        "ready",
    ),
    Case(
        "node without a zone label: all",
        [backend("A", zones="a"), backend("B", "n3", zones="b")],
        "backends",
        "A B",
        "ready",
        client=Client("n1", None),
    ),
    Case(
        "node hints before zone hints",
        [backend("A", zones="a", nodes="n1"), backend("B", "n2", zones="a", nodes="n2")],
        "backends",
        "A",
        "hinted for this node",
    ),
    Case(
        "no endpoint on this node: same zone",
        [backend("A", zones="a", nodes="n1"), backend("B", "n3", zones="b", nodes="n3")],
        "backends",
        "A",
        "hinted for this zone",
        client=Client("n2", "a"),
    ),
    Case(
        "neither node nor zone: all",
        [backend("A", zones="a", nodes="n1"), backend("B", "n2", zones="a", nodes="n2")],
        "backends",
        "A B",
        "ready",
        client=Client("n3", "b"),
    ),
    Case(
        "hints do not matter for terminating ones",
        [backend("A", state="ending", zones="b"), backend("B", "n3", "ending", zones="b")],
        "backends",
        "A B",
        "only terminating ones are left",
    ),
    # internalTrafficPolicy Local
    Case(
        "internal Local takes this node's only",
        [backend("A"), backend("B", "n3")],
        "backends",
        "A",
        "ready on this node",
        internal="Local",
    ),
    Case(
        "internal Local without one here is silent",
        [backend("B", "n3")],
        "silent",
        "",
        "none usable on this node",
        internal="Local",
    ),
    Case(
        "internal Local and none anywhere is refused",
        [backend("B", "n3", "unready")],
        "refused",
        "",
        "none usable anywhere",
        internal="Local",
    ),
    Case(
        "a terminating local one beats a ready remote one",
        [backend("A", state="ending"), backend("B", "n3")],
        "backends",
        "A",
        "only terminating ones are left on this node",
        internal="Local",
    ),
    Case(
        "Local ignores hints",
        [backend("A", zones="b"), backend("B", "n3", zones="b")],
        "backends",
        "A",
        "ready on this node",
        internal="Local",
    ),
    Case(
        "an endpoint without a node is local to none",
        [backend("A", None)],
        "silent",
        "",
        "none usable on this node",
        internal="Local",
    ),
    # externalTrafficPolicy
    Case(
        "external Cluster from outside",
        [backend("B", "n3")],
        "backends",
        "B",
        "ready",
        client=FROM_OUTSIDE,
        traffic="external",
    ),
    Case(
        "external Local from outside",
        [backend("A"), backend("B", "n3")],
        "backends",
        "A",
        "ready on this node",
        client=FROM_OUTSIDE,
        **LOCAL,
    ),
    Case(
        "external Local from outside, none here",
        [backend("B", "n3")],
        "silent",
        "",
        "none usable on this node",
        client=FROM_OUTSIDE,
        **LOCAL,
    ),
    Case(
        "external Local from a pod", [backend("B", "n3")], "backends", "B", "ready", client=FROM_POD, **LOCAL
    ),
    Case(
        "external Local from the node",
        [backend("B", "n3")],
        "backends",
        "B",
        "ready",
        client=FROM_NODE,
        **LOCAL,
    ),
    Case(
        "external Local from a pod that the proxy cannot tell",
        [backend("B", "n3")],
        "silent",
        "",
        "none usable on this node",
        client=FROM_POD,
        tells_pods=False,
        **LOCAL,
    ),
    Case(
        "external Local from the node, whatever the proxy can tell",
        [backend("B", "n3")],
        "backends",
        "B",
        "ready",
        client=FROM_NODE,
        tells_pods=False,
        **LOCAL,
    ),
    Case(
        "internal Local says nothing about external traffic",
        [backend("B", "n3")],
        "backends",
        "B",
        "ready",
        client=FROM_OUTSIDE,
        traffic="external",
        internal="Local",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_choice(case: Case) -> None:
    service = Service(
        spec=ServiceSpec(internal_traffic_policy=case.internal, external_traffic_policy=case.external)
    )
    choice = choose(service, case.backends, case.client, case.traffic, tells_pods=case.tells_pods)
    assert choice.outcome == case.outcome
    assert " ".join(each.address for each in choice.backends) == case.chosen
    assert choice.reason == case.reason
    assert choice.reason in choice.because
    assert bool(choice.backends) == (choice.outcome == "backends")


@pytest.mark.parametrize(
    ("traffic", "external", "origin", "tells_pods", "masquerade"),
    [
        ("internal", None, "pod", True, False),
        ("internal", None, "outside", True, True),
        ("internal", None, "outside", False, False),
        ("external", "Cluster", "pod", True, True),
        ("external", "Cluster", "outside", True, True),
        ("external", "Local", "outside", True, False),
        ("external", "Local", "pod", True, False),
        ("external", "Local", "node", True, True),
        ("external", "Local", "node", False, True),
    ],
)
def test_whose_address_the_backend_sees(
    traffic: Traffic, external: str | None, origin: Any, tells_pods: bool, masquerade: bool
) -> None:
    service = Service(spec=ServiceSpec(external_traffic_policy=external))
    choice = choose(service, [backend("A")], Client("n1", "a", origin), traffic, tells_pods=tells_pods)
    assert choice.masquerade is masquerade


def test_the_deciding_field_is_named_only_where_it_decides() -> None:
    service = Service(spec=ServiceSpec(internal_traffic_policy="Local"))
    assert choose(service, [backend("A")], FROM_POD).field == "spec.internalTrafficPolicy"
    assert choose(Service(), [backend("A")], FROM_POD).field == ""
