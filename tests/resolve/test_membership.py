"""Who belongs together: by selector, by label, by targetRef, by address."""

from __future__ import annotations

import pytest

from kinspect.model.meta import Key, Ref
from kinspect.model.snapshot import Snapshot
from kinspect.resolve.membership import (
    listable,
    pod_of,
    selected_pods,
    services_listing,
    services_of_pod,
    services_selecting,
    slices_of,
    workloads_making,
)
from kinspect.sources.manifests import read_manifests

WORLD = """\
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web, tier: front}}
---
kind: Service
metadata: {name: all, namespace: shop}
spec: {selector: {app: web}}
---
kind: Service
metadata: {name: by-hand, namespace: shop}
spec: {ports: [{port: 80}]}
---
kind: Service
metadata: {name: alias, namespace: shop}
spec: {type: ExternalName, externalName: web.example.com, selector: {app: web}}
---
kind: Service
metadata: {name: web, namespace: other}
spec: {selector: {app: web}}
---
kind: EndpointSlice
metadata: {name: zzz, namespace: shop, labels: {kubernetes.io/service-name: web}}
endpoints: [{addresses: [10.0.0.1], targetRef: {kind: Pod, name: web-1, namespace: shop, uid: one}}]
---
kind: EndpointSlice
metadata: {name: aaa, namespace: shop, labels: {kubernetes.io/service-name: web}}
endpoints: null
ports: null
---
kind: EndpointSlice
metadata: {name: web-looks-like-it, namespace: shop, labels: {kubernetes.io/service-name: by-hand}}
endpoints: [{addresses: [10.0.0.2]}, {addresses: [192.0.2.1]}]
---
kind: EndpointSlice
metadata: {name: orphan, namespace: shop, labels: {kubernetes.io/service-name: gone}}
endpoints: [{addresses: [10.0.0.2]}]
---
kind: Pod
metadata: {name: web-2, namespace: shop, uid: two, labels: {app: web}}
status: {podIP: 10.0.0.2}
---
kind: Pod
metadata: {name: web-1, namespace: shop, uid: one, labels: {app: web, tier: front, extra: label}}
status: {podIP: 10.0.0.1}
---
kind: Pod
metadata: {name: done, namespace: shop, uid: three, labels: {app: web}}
status: {podIP: 10.0.0.2, phase: Succeeded}
---
kind: Pod
metadata: {name: waiting, namespace: shop, uid: four, labels: {app: web}}
status: {phase: Pending}
---
kind: Deployment
metadata: {name: web, namespace: shop}
spec: {template: {metadata: {labels: {app: web, tier: front}}}}
---
kind: StatefulSet
metadata: {name: web, namespace: other}
spec: {template: {metadata: {labels: {app: web}}}}
"""


def versioned(manifests: str) -> bytes:
    """The manifests with the apiVersion that each kind has, so that a test need not repeat it."""
    versions = {"EndpointSlice": "discovery.k8s.io/v1", "Deployment": "apps/v1", "StatefulSet": "apps/v1"}
    lines = []
    for line in manifests.splitlines():
        lines.append(line)
        if line.startswith("kind: "):
            lines.append(f"apiVersion: {versions.get(line.removeprefix('kind: '), 'v1')}")
    return "\n".join(lines).encode()


@pytest.fixture(scope="module")
def world() -> Snapshot:
    return read_manifests(["-"], versioned(WORLD))


SHOP_WEB, ALL, BY_HAND, ALIAS = (Key("shop", name) for name in ("web", "all", "by-hand", "alias"))


@pytest.mark.parametrize(
    ("service", "pods"),
    [
        (SHOP_WEB, ["web-1"]),
        (ALL, ["done", "waiting", "web-1", "web-2"]),
        (BY_HAND, []),
        (ALIAS, []),
        (Key("other", "web"), []),
    ],
)
def test_selected_pods(world: Snapshot, service: Key, pods: list[str]) -> None:
    assert [pod.name for pod in selected_pods(world, world.services[service])] == pods


def test_only_live_pods_with_an_address_can_be_listed(world: Snapshot) -> None:
    assert {pod.name for pod in world.pods.values() if listable(pod)} == {"web-1", "web-2"}


def test_slices_are_joined_by_label_in_order_of_name(world: Snapshot) -> None:
    assert [each.name for each in slices_of(world, world.services[SHOP_WEB])] == ["aaa", "zzz"]
    assert [each.name for each in slices_of(world, world.services[BY_HAND])] == ["web-looks-like-it"]


def test_services_of_a_pod(world: Snapshot) -> None:
    first, second = world.pods[Key("shop", "web-1")], world.pods[Key("shop", "web-2")]
    assert services_selecting(world, first) == (ALL, SHOP_WEB)
    assert services_selecting(world, second) == (ALL,)
    assert services_listing(world, first) == (SHOP_WEB,)
    assert services_listing(world, second) == (BY_HAND,)  # the slice of a Service that is gone counts not
    assert services_of_pod(world, second) == (ALL, BY_HAND)


def test_pod_of_an_endpoint(world: Snapshot) -> None:
    by_hand = world.slices[Key("shop", "web-looks-like-it")]
    assert pod_of(world, by_hand, by_hand.endpoints[0]) == Key("shop", "web-2")  # not the finished one
    assert pod_of(world, by_hand, by_hand.endpoints[1]) is None
    named = world.slices[Key("shop", "zzz")]
    assert pod_of(world, named, named.endpoints[0]) == Key("shop", "web-1")


def test_pod_of_the_same_name_but_another_uid_is_another_pod() -> None:
    world = read_manifests(["-"], versioned(WORLD.replace("uid: one, labels", "uid: new, labels")))
    named = world.slices[Key("shop", "zzz")]
    assert pod_of(world, named, named.endpoints[0]) is None


def test_address_that_two_live_pods_share_tells_no_pod() -> None:
    world = read_manifests(["-"], versioned(WORLD.replace("phase: Succeeded", "phase: Running")))
    by_hand = world.slices[Key("shop", "web-looks-like-it")]
    assert pod_of(world, by_hand, by_hand.endpoints[0]) is None


def test_workloads_that_would_make_such_pods(world: Snapshot) -> None:
    assert workloads_making(world, "shop", {"app": "web"}) == (Ref("Deployment", "shop", "web"),)
    assert workloads_making(world, "other", {"app": "web"}) == (Ref("StatefulSet", "other", "web"),)
    assert workloads_making(world, "shop", {"app": "api"}) == ()
