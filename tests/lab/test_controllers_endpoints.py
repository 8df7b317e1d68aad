"""The EndpointSlice controller, beside what a real one made of the same Services, pods and nodes."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest

from kinspect.lab.controllers import endpoints, hints, legacy_endpoints
from kinspect.lab.selectors import label_selector_test

RECORDED = json.loads((Path(__file__).parent / "recorded-endpoints.json").read_text())
NODES = {node["metadata"]["name"]: node for node in RECORDED["nodes"]}
SERVICES = [s for s in RECORDED["services"] if s["spec"].get("selector")]
MANAGER = "endpointslice.kubernetes.io/managed-by"


def recorded_slices(service: dict) -> list[dict]:
    name, namespace = service["metadata"]["name"], service["metadata"]["namespace"]
    return [
        item
        for item in RECORDED["endpointslices"]
        if item["metadata"]["labels"].get("kubernetes.io/service-name") == name
        and item["metadata"]["namespace"] == namespace
        and MANAGER in item["metadata"]["labels"]
    ]


def selected(service: dict) -> list[dict]:
    chosen = label_selector_test({"matchLabels": service["spec"]["selector"]})
    namespace = service["metadata"]["namespace"]
    return [
        pod
        for pod in RECORDED["pods"]
        if pod["metadata"]["namespace"] == namespace and chosen(pod["metadata"].get("labels", {}))
    ]


def comparable(ports, found) -> tuple:
    """Ports and endpoints in an order of their own: the real controller's is that of a Go map."""
    by_name = sorted(json.dumps(port, sort_keys=True) for port in ports or ())
    return by_name, sorted(json.dumps(endpoint, sort_keys=True) for endpoint in found or ())


@pytest.mark.parametrize("service", SERVICES, ids=lambda s: s["metadata"]["name"])
def test_slices_say_what_the_real_controllers_slices_said(service):
    groups = endpoints.groups(service, copy.deepcopy(selected(service)), NODES, "IPv4")
    hints.prefer(service["spec"].get("trafficDistribution"), [e for g in groups.values() for e in g])
    made = [comparable(ports.as_json(), found) for ports, found in groups.items()] or [([], [])]
    real = [comparable(item["ports"], item["endpoints"]) for item in recorded_slices(service)]
    assert sorted(made) == sorted(real)


@pytest.mark.parametrize("service", SERVICES, ids=lambda s: s["metadata"]["name"])
def test_legacy_endpoints_say_what_the_real_controllers_said(service):
    meta = service["metadata"]
    (recorded,) = (
        each
        for each in RECORDED["endpoints"]
        if (each["namespace"], each["name"]) == (meta["namespace"], meta["name"])
    )
    made = legacy_endpoints.subsets_of(service, copy.deepcopy(selected(service)))
    assert without_order(made) == without_order(recorded["subsets"] or [])


def without_order(subsets: list[dict]) -> list[str]:
    lists = [
        {field: sorted(json.dumps(each, sort_keys=True) for each in found) for field, found in subset.items()}
        for subset in subsets
    ]
    return sorted(json.dumps(each, sort_keys=True) for each in lists)


def endpoint(zone: str | None, ready: bool = True) -> dict:
    made = {"addresses": ["10.0.0.1"], "conditions": {"ready": ready, "serving": ready}, "nodeName": "n"}
    return made | ({"zone": zone} if zone else {})


def node(zone: str, cpu: str = "4", ready: str = "True") -> dict:
    return {
        "metadata": {"name": zone, "labels": {"topology.kubernetes.io/zone": zone}},
        "status": {"allocatable": {"cpu": cpu}, "conditions": [{"type": "Ready", "status": ready}]},
    }


TWO = [node("a"), node("b")]


@pytest.mark.parametrize(
    ("found", "nodes", "told"),
    [
        ([endpoint("a")], TWO, "Insufficient number of endpoints (1 endpoints, 2 zones)"),
        ([endpoint("a")] * 3, [node("a")], "Nodes only ready in one zone"),
        ([endpoint("a")] * 3, [node("a"), node("b", ready="False")], "Nodes only ready in one zone"),
        ([endpoint("a")] * 3, [node("a"), node("b", cpu="0")], "Insufficient Node information"),
        ([endpoint("a")] * 3, TWO, "Unable to allocate minimum required endpoints"),
        ([endpoint("a"), endpoint(None)], TWO, "One or more endpoints do not have a zone specified"),
    ],
)
def test_topology_mode_is_all_or_nothing(found, nodes, told):
    found = copy.deepcopy(found)
    with pytest.raises(hints.Unfit) as caught:
        hints.divide(found, nodes)
    assert told in str(caught.value)
    assert all("hints" not in each for each in found)


def test_a_zone_with_too_many_endpoints_lends_some_to_the_other():
    found = [endpoint("a") for _ in range(4)] + [endpoint("b", ready=False)]
    hints.divide(found, TWO)
    assert [each.get("hints", {}).get("forZones", [{}])[0].get("name") for each in found] == [
        "b",
        "b",
        "a",
        "a",
        None,
    ]


def test_prefer_same_node_writes_both_hints_and_none_for_the_unready():
    found = [endpoint("a"), endpoint("b", ready=False), endpoint(None)]
    hints.prefer("PreferSameNode", found)
    assert found[0]["hints"] == {"forZones": [{"name": "a"}], "forNodes": [{"name": "n"}]}
    assert "hints" not in found[1]
    assert found[2]["hints"] == {"forNodes": [{"name": "n"}]}
