"""The DNS records that each class of Service should have."""

from __future__ import annotations

from kinspect.model.meta import Key
from kinspect.resolve.names import records
from kinspect.sources.manifests import read_manifests

NAME = "web.shop.svc.cluster.local"


def of(spec: str, slices: str = "", zone: str = "cluster.local") -> list[tuple[str, str, str]]:
    text = (
        f"kind: Service\napiVersion: v1\nmetadata: {{name: web, namespace: shop}}\nspec: {{{spec}}}\n{slices}"
    )
    snapshot = read_manifests(["-"], text.encode())
    found = records(snapshot, snapshot.services[Key("shop", "web")], zone)
    return [(each.name, each.type, each.value) for each in found]


def slice_(endpoints: str, ports: str = "null") -> str:
    return f"""\
---
kind: EndpointSlice
apiVersion: discovery.k8s.io/v1
metadata: {{name: web-1, namespace: shop, labels: {{kubernetes.io/service-name: web}}}}
endpoints: [{endpoints}]
ports: {ports}
"""


def test_virtual_ip_answers_with_the_service_port_and_without_backends() -> None:
    ips = 'clusterIP: 10.96.0.20, clusterIPs: [10.96.0.20, "fd00:96::20"]'
    assert of(f"{ips}, ports: [{{name: http, port: 80, targetPort: 8080}}]") == [
        (NAME, "A", "10.96.0.20"),
        (NAME, "AAAA", "fd00:96::20"),
        (f"_http._tcp.{NAME}", "SRV", f"80 {NAME}"),
        ("20.0.96.10.in-addr.arpa", "PTR", NAME),
        ("0.2.0.0." + "0.0.0.0." * 5 + "6.9.0.0.0.0.d.f.ip6.arpa", "PTR", NAME),
    ]


def test_unnamed_port_has_no_srv_record() -> None:
    assert not [each for each in of("clusterIP: 10.96.0.20, ports: [{port: 80}]") if each[1] == "SRV"]


def test_headless_answers_with_ready_endpoints_and_the_target_port() -> None:
    endpoints = (
        "{addresses: [10.0.0.1], hostname: web-0}, {addresses: [10.0.0.2]}, "
        "{addresses: [10.0.0.3], conditions: {ready: false}}"
    )
    spec = "clusterIP: None, ports: [{name: http, port: 80, protocol: TCP}]"
    assert of(spec, slice_(endpoints, "[{name: http, port: 8080}]")) == [
        (NAME, "A", "10.0.0.1"),
        (NAME, "A", "10.0.0.2"),
        (f"web-0.{NAME}", "A", "10.0.0.1"),
        (f"10-0-0-2.{NAME}", "A", "10.0.0.2"),
        (f"_http._tcp.{NAME}", "SRV", f"8080 web-0.{NAME}"),
        (f"_http._tcp.{NAME}", "SRV", f"8080 10-0-0-2.{NAME}"),
        ("1.0.0.10.in-addr.arpa", "PTR", f"web-0.{NAME}"),
        ("2.0.0.10.in-addr.arpa", "PTR", f"10-0-0-2.{NAME}"),
    ]


def test_headless_without_ready_endpoints_has_no_records() -> None:
    assert of("clusterIP: None", slice_("{addresses: [10.0.0.1], conditions: {ready: false}}")) == []


def test_headless_without_ports_answers_addresses() -> None:
    assert (NAME, "A", "10.0.0.1") in of("clusterIP: None", slice_("{addresses: [10.0.0.1]}"))


def test_external_name_is_an_alias() -> None:
    assert of("type: ExternalName, externalName: db.example.com.") == [(NAME, "CNAME", "db.example.com")]


def test_zone_is_an_argument() -> None:
    assert of("clusterIP: 10.96.0.20", zone="k8s.example")[0][0] == "web.shop.svc.k8s.example"
