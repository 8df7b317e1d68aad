"""The bundled story: objects.yaml is what the manifests come to, and shows what its comments promise."""

from __future__ import annotations

import pytest

from kinspect.lab import manifests
from tests import make_story

STORY = make_story.STORIES / "service-apis"


@pytest.fixture(scope="module")
def objects() -> dict[tuple[str, str, str], dict]:
    items = manifests.read([str(STORY / "objects.yaml")])
    return {(i["kind"], i["metadata"].get("namespace", ""), i["metadata"]["name"]): i for i in items}


def slices(objects, name: str, namespace: str = "shop") -> list[dict]:
    label = "kubernetes.io/service-name"
    return [
        item
        for (kind, where, _), item in objects.items()
        if kind == "EndpointSlice" and where == namespace and item["metadata"]["labels"].get(label) == name
    ]


def test_the_objects_are_made_from_the_manifests():
    made = make_story.objects(STORY)
    assert made == (STORY / "objects.yaml").read_text(), "run: python -m tests.make_story"


def test_named_ports_that_differ_lie_in_two_slices(objects):
    assert sorted(s["ports"][0]["port"] for s in slices(objects, "colours")) == [80, 81]


def test_a_near_miss_leaves_a_placeholder(objects):
    (found,) = slices(objects, "cart")
    assert (found["endpoints"], found["ports"]) == (None, None)


def test_a_port_name_of_no_pod_leaves_endpoints_without_ports(objects):
    (found,) = slices(objects, "orders")
    assert len(found["endpoints"]) == 2 and found["ports"] is None


def test_unready_pods_are_listed_and_published_ones_are_ready(objects):
    (stock,) = slices(objects, "stock")
    assert {e["conditions"]["ready"] for e in stock["endpoints"]} == {False}
    (queue,) = slices(objects, "queue", "infra")
    assert {(e["conditions"]["ready"], e["conditions"]["serving"]) for e in queue["endpoints"]} == {
        (True, False)
    }
    assert sorted(e["hostname"] for e in queue["endpoints"]) == ["queue-0", "queue-1"]


def test_balancers_have_an_address_unless_their_class_is_nobodys(objects):
    def status(name):
        return objects["Service", "shop", name]["status"]["loadBalancer"]

    assert status("front")["ingress"][0]["ipMode"] == "VIP"
    assert status("front-proxied")["ingress"][0]["ipMode"] == "Proxy"
    assert status("front-pending") == {}


def test_hand_written_endpoints_are_copied_into_a_slice(objects):
    (found,) = slices(objects, "ledger-old")
    assert found["endpoints"] == [{"addresses": ["192.0.2.13"], "conditions": {"ready": True}}]


def test_the_hints_of_the_three_ways(objects):
    def hints(name):
        (found,) = slices(objects, name)
        return [e.get("hints") for e in found["endpoints"]]

    assert hints("web") == [None] * 3
    assert all("forNodes" not in each for each in hints("near"))
    assert all(each["forNodes"] and each["forZones"] for each in hints("nearest"))
    assert sorted(each["forZones"][0]["name"] for each in hints("divided")) == ["zone-a", "zone-a", "zone-b"]


def test_only_the_ingress_of_the_labs_class_has_an_address(objects):
    def status(name):
        return objects["Ingress", "shop", name]["status"]["loadBalancer"]

    assert status("shop")["ingress"][0]["ip"]
    assert status("kiosk") == status("classless") == {}
