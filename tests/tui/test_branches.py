"""Which rows a tree has: perspectives, namespaces, filters and orders; and where in it an object stands."""

from __future__ import annotations

import pytest

from kinspect.model.meta import Ref
from kinspect.outline.filter import parse
from kinspect.outline.perspectives import Perspective
from kinspect.tui.branches import Matching, Order, OutlineBranches, Question
from kinspect.tui.places import path_to
from tests.tui.world import CART, CHECKOUT, world


def tree(
    perspective: Perspective, typed: str = "", namespace: str | None = None, order: Order = "name"
) -> dict[str, list[str]]:
    """Root → the names of the rows in it."""
    matching = Matching.of(world(), parse(typed))
    branches = OutlineBranches(world(), Question(perspective, namespace, parse(typed), order), matching)
    return {
        root.ref.name: [child.ref.name for child in branches.children(root) if child.ref]
        for root in branches.roots()
        if root.ref
    }


SEARCH = "search-with-a-rather-long-name-that-goes-on-and-on-v2"
WHOLE = {"kube-system": ["kube-dns"], "shop": ["cart", "checkout", "payments", SEARCH]}


@pytest.mark.parametrize(
    ("typed", "seen"),
    [
        ("", WHOLE),
        ("ckt", {"shop": ["checkout"]}),
        ("ns:kube", {"kube-system": ["kube-dns"]}),
        ("type:external", {"shop": ["payments"]}),
        ("state:broken", {"shop": ["checkout"]}),
        ("node:node2", {"shop": ["cart"]}),
        ("label:team=basket", {"shop": ["cart"]}),
        ("10.96.1.1", {"shop": ["cart"]}),
        ("cart state:ok", {}),
        ("state:", WHOLE),
    ],
)
def test_services_by_filter(typed: str, seen: dict[str, list[str]]) -> None:
    assert tree("services", typed) == seen


@pytest.mark.parametrize(
    ("typed", "seen"),
    [
        ("", {"node1": ["coredns-1", "cart-6d8f9-abcde"], "node2": ["cart-6d8f9-fghij"]}),
        ("coredns", {"node1": ["coredns-1"]}),
        ("ns:shop node:node1", {"node1": ["cart-6d8f9-abcde"]}),
        ("state:broken", {"node2": ["cart-6d8f9-fghij"]}),
        ("10.244.1.7", {"node2": ["cart-6d8f9-fghij"]}),
        ("label:k8s-app", {"node1": ["coredns-1"]}),
        ("type:external", {}),
    ],
)
def test_pods_on_nodes_by_filter(typed: str, seen: dict[str, list[str]]) -> None:
    assert tree("nodes", typed) == seen


def test_pods_by_the_type_of_their_service() -> None:
    assert tree("nodes", "type:clusterip ns:shop")["node2"] == ["cart-6d8f9-fghij"]


def test_routes_are_found_by_their_own_name_and_by_where_they_lead() -> None:
    assert list(tree("routes", "front")) == ["front"]
    assert list(tree("routes", "checkout")) == ["front"]
    assert list(tree("routes", "kube-dns")) == []


def test_a_namespace() -> None:
    assert list(tree("services", namespace="shop")) == ["shop"]
    assert tree("nodes", namespace="kube-system") == {"node1": ["coredns-1"]}


def test_worst_first() -> None:
    assert tree("services", order="worst first") == {
        "shop": ["checkout", "cart", SEARCH, "payments"],
        "kube-system": ["kube-dns"],
    }


def test_by_type_and_by_address() -> None:
    assert tree("services", order="type")["shop"] == ["cart", "payments", "checkout", SEARCH]
    assert tree("services", order="address")["shop"] == [SEARCH, "cart", "checkout", "payments"]


@pytest.mark.parametrize(
    ("perspective", "ref", "way"),
    [
        ("services", CHECKOUT, ["shop", "checkout"]),
        ("services", Ref("EndpointSlice", "shop", "cart-x1"), ["shop", "cart"]),
        ("services", Ref("Pod", "shop", "cart-6d8f9-fghij"), ["shop", "cart"]),
        ("services", Ref("Ingress", "shop", "front"), ["shop", "cart"]),
        ("services", Ref("Namespace", "", "shop"), ["shop"]),
        ("services", Ref("Node", "", "node1"), []),
        ("nodes", Ref("Node", "", "node2"), ["node2"]),
        ("nodes", Ref("Pod", "shop", "cart-6d8f9-fghij"), ["node2", "cart-6d8f9-fghij"]),
        ("nodes", CART, ["node1", "cart-6d8f9-abcde"]),
        ("nodes", Ref("EndpointSlice", "shop", "cart-x1"), ["node1", "cart-6d8f9-abcde"]),
        ("nodes", CHECKOUT, []),
        ("routes", Ref("Ingress", "shop", "front"), ["front"]),
        ("routes", Ref("Pod", "shop", "gone"), []),
    ],
)
def test_the_way_to_an_object(perspective: Perspective, ref: Ref, way: list[str]) -> None:
    assert [row.ref.name for row in path_to(world(), perspective, ref) if row.ref] == way
