"""What the copy menu offers: names, addresses and commands, quoted so that a shell runs what is meant."""

from __future__ import annotations

import shlex

import pytest

from kinspect.model.kinds import KINDS
from kinspect.model.meta import Meta, Ref
from kinspect.model.service import Service, ServicePort, ServiceSpec
from kinspect.tui.copies import copies, curl, kubectl
from tests.tui.world import CHECKOUT, world


def offered(ref: Ref, context: str | None = None) -> dict[str, str]:
    return {each.what: each.text for each in copies(world(), ref, context)}


def test_a_service() -> None:
    menu = offered(CHECKOUT, "prod")
    assert menu["the name"] == "checkout"
    assert menu["the full name (in cluster.local)"] == "checkout.shop.svc.cluster.local"
    assert menu["curl, port 80"] == "curl -v --max-time 5 http://10.96.1.2:80/"
    assert menu["kubectl get"] == "kubectl --context prod get services -n shop -o yaml -- checkout"
    assert menu["dig, SRV of http"] == "dig +noall +answer _http._tcp.checkout.shop.svc.cluster.local SRV"
    assert menu["the command behind SVC101"] == "kubectl get pods -n shop -l app=chekout"


def test_every_address_is_offered() -> None:
    addresses = [each.text for each in copies(world(), CHECKOUT, None) if each.what == "the address"]
    assert addresses == ["10.96.1.2", "198.51.100.7"]


def test_a_pod_and_a_node() -> None:
    assert offered(Ref("Pod", "shop", "cart-6d8f9-abcde"))["the address"] == "10.244.0.5"
    node = offered(Ref("Node", "", "node1"))
    assert node["the address"] == "192.0.2.11"
    assert node["kubectl describe"] == "kubectl describe nodes -- node1"


def test_an_object_that_is_gone_still_has_a_name_and_commands() -> None:
    assert list(offered(Ref("Pod", "shop", "gone"))) == ["the name", "kubectl get", "kubectl describe"]


@pytest.mark.parametrize("name", ["-rf", "a b", "$(reboot)", "x;reboot", "a'b", "`id`", "a\nb"])
def test_whatever_the_name_kubectl_gets_it_as_one_word(name: str) -> None:
    words = shlex.split(kubectl("get", Ref("Service", name, name), name))
    assert words == ["kubectl", "--context", name, "get", "services", "-n", name, "--", name]


def test_kinds_of_api_groups_are_named_in_full() -> None:
    assert "httproutes.gateway.networking.k8s.io" in kubectl("get", Ref("HTTPRoute", "shop", "web"), None)
    assert all(kubectl("get", Ref(kind, "a", "b"), None) for kind in KINDS)


@pytest.mark.parametrize(
    ("host", "port", "url"),
    [
        ("10.0.0.1", ServicePort(port=443), "https://10.0.0.1:443/"),
        ("fd00::1", ServicePort(port=80), "http://[fd00::1]:80/"),
        ("10.0.0.1", ServicePort(port=9000, app_protocol="https"), "https://10.0.0.1:9000/"),
    ],
)
def test_curl(host: str, port: ServicePort, url: str) -> None:
    assert shlex.split(curl(host, port))[-1] == url


def test_an_alias_offers_what_it_is_an_alias_of() -> None:
    spec = ServiceSpec(type="ExternalName", external_name="pay.example.com")
    snapshot = world(more=[("Service", Service(Meta(name="alias", namespace="shop"), spec=spec))])
    menu = {each.what: each.text for each in copies(snapshot, Ref("Service", "shop", "alias"), None)}
    assert menu["the name it is an alias of"] == "pay.example.com"
