"""What the API writes into objects, and what it refuses: as a real one did with the same objects."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from kinspect.lab.controllers.bootstrap import bootstrap
from kinspect.lab.status import Rejection
from kinspect.lab.store import Store

APPLIED = json.loads((Path(__file__).parent / "recorded-applied.json").read_text())
GIVEN_OUT = ("clusterIP", "clusterIPs", "healthCheckNodePort")
"""What a server chooses: compared by its presence."""


@pytest.fixture
def store() -> Store:
    store = Store(rng=random.Random(7))
    bootstrap(store, "192.0.2.1", 6443)
    for name in ("shop", "ingress-nginx"):
        store.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    return store


def known(item: dict) -> dict:
    """The object without the values that are given out."""
    spec = item.get("spec", {})
    for field in GIVEN_OUT:
        if spec.get(field) not in (None, "None", ["None"]):
            spec[field] = "given out"
    for port in spec.get("ports") or ():
        if isinstance(port, dict) and "nodePort" in port:
            port["nodePort"] = "given out"
    return item


@pytest.mark.parametrize(
    "recorded", APPLIED, ids=lambda r: f"{r['applied']['kind']}-{r['applied']['metadata']['name']}"
)
def test_an_applied_object_becomes_what_a_real_server_made_of_it(store, recorded):
    applied, stored = recorded["applied"], recorded["stored"]
    made = store.create(applied)
    made = json.loads(json.dumps({k: v for k, v in made.items() if k not in ("metadata", "status")}))
    assert known(made) == known(stored)


def service(name: str = "x", **spec) -> dict:
    meta = {"name": name, "namespace": "shop"}
    spec.setdefault("ports", [{"port": 80}])
    return {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec}


def ingress(**spec) -> dict:
    meta = {"name": "x", "namespace": "shop"}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": meta, "spec": spec}


REFUSED = [
    (service(ports=[]), "spec.ports: Required value"),
    (service(clusterIP="10.1.2.3"), "spec.clusterIPs: Invalid value: [\"10.1.2.3\"]: failed to allocate IP 10.1.2.3: the provided network does not match the current range"),  # noqa: E501
    (service(clusterIP="10.96.0.1"), "spec.clusterIPs: Invalid value: [\"10.96.0.1\"]: failed to allocate IP 10.96.0.1: provided IP is already allocated"),  # noqa: E501
    (service(ports=[{"port": 80}, {"port": 81}]), "[spec.ports[0].name: Required value, spec.ports[1].name: Required value]"),  # noqa: E501
    (service(type="NodePort", ports=[{"port": 80, "nodePort": 80}]), "spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-32767"),  # noqa: E501
    (service(ports=[{"port": 80, "nodePort": 30080}]), "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"),  # noqa: E501
    (service(externalTrafficPolicy="Local"), 'spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services'),  # noqa: E501
    (service(trafficDistribution="Nearby"), 'spec.trafficDistribution: Unsupported value: "Nearby": supported values: "PreferClose", "PreferSameNode", "PreferSameZone"'),  # noqa: E501
    (service(type="ExternalName", ports=[]), "spec.externalName: Required value"),
    (service(type="LoadBalancer", clusterIP="None"), "spec.clusterIPs[0]: Invalid value: \"None\": may not be set to 'None' for LoadBalancer services"),  # noqa: E501
    (service(loadBalancerClass="a.example/b"), "spec.loadBalancerClass: Forbidden: may only be used when `type` is 'LoadBalancer'"),  # noqa: E501
    (service(ports=[{"port": 0}]), "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive"),  # noqa: E501
    (ingress(), "spec: Invalid value: null: either `defaultBackend` or `rules` must be specified"),
    (ingress(rules=[{"http": {"paths": [{"path": "/", "backend": {"service": {"name": "a", "port": {"number": 80}}}}]}}]), "spec.rules[0].http.paths[0].pathType: Required value: pathType must be specified"),  # noqa: E501
    (ingress(defaultBackend={"service": {"name": "a"}}), "spec.defaultBackend: Required value: port name or number is required"),  # noqa: E501
]  # fmt: skip


@pytest.mark.parametrize(("given", "told"), REFUSED, ids=[told[:40] for _, told in REFUSED])
def test_a_mistake_is_refused_in_the_servers_words(store, given, told):
    with pytest.raises(Rejection) as caught:
        store.create(given)
    assert told in str(caught.value)
    assert caught.value.code == 422


def test_a_node_port_belongs_to_one_service_even_for_another_protocol(store):
    both = [
        {"name": "t", "port": 53, "nodePort": 30053, "protocol": "TCP"},
        {"name": "u", "port": 53, "nodePort": 30053, "protocol": "UDP"},
    ]
    store.create(service("dns", type="NodePort", ports=both))
    with pytest.raises(Rejection, match="30053: provided port is already allocated"):
        store.create(service("other", type="NodePort", ports=[{**both[1], "port": 54}]))


def test_addresses_are_given_out_from_above_the_band_of_those_who_choose(store):
    for number in range(40):
        store.create(service(f"s{number}"))
    given = [s["spec"]["clusterIP"] for s in store.list("Service", "shop")]
    assert len(set(given)) == 40
    assert all(int(address.split(".")[2]) >= 1 for address in given)


def test_an_address_is_free_again_when_its_service_is_gone(store):
    made = store.create(service(clusterIP="10.96.0.77"))
    parent = store.get("IPAddress", "", "10.96.0.77")["spec"]["parentRef"]
    assert parent == {"resource": "services", "namespace": "shop", "name": made["metadata"]["name"]}
    store.delete("Service", "shop", "x")
    assert store.find("IPAddress", "", "10.96.0.77") is None
    store.create(service("y", clusterIP="10.96.0.77"))


def test_an_update_keeps_what_was_given_out(store):
    made = store.create(service(type="NodePort"))
    again = store.replace(service(type="NodePort", selector={"a": "b"}))
    assert again["spec"]["clusterIP"] == made["spec"]["clusterIP"]
    assert again["spec"]["ports"] == made["spec"]["ports"]
    with pytest.raises(Rejection, match=r"spec.clusterIPs\[0\].*may not change once set"):
        store.replace(service(clusterIP="10.96.0.99"))


def test_a_change_of_type_drops_what_the_new_type_lacks(store):
    store.create(service(type="LoadBalancer", externalTrafficPolicy="Local"))
    plain = store.update("Service", "shop", "x", lambda item: item["spec"].update(type="ClusterIP"))["spec"]
    for field in ("healthCheckNodePort", "externalTrafficPolicy", "allocateLoadBalancerNodePorts"):
        assert field not in plain
    assert "nodePort" not in plain["ports"][0]


def test_the_newest_default_class_is_taken(store):
    for name in ("a", "b"):
        store.create(
            {
                "apiVersion": "networking.k8s.io/v1",
                "kind": "IngressClass",
                "metadata": {
                    "name": name,
                    "annotations": {"ingressclass.kubernetes.io/is-default-class": "true"},
                },
                "spec": {"controller": "example.com/x"},
            }
        )
    backend = {"service": {"name": "a", "port": {"number": 80}}}
    assert store.create(ingress(defaultBackend=backend))["spec"]["ingressClassName"] == "a"
