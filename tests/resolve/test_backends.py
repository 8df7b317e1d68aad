"""Slices merged into backends: ports by name and protocol, duplicates, nil conditions, placeholders."""

from __future__ import annotations

from kinspect.model.meta import Key
from kinspect.model.pod import Container, ContainerPort, Pod, PodSpec
from kinspect.model.service import ServicePort
from kinspect.model.snapshot import Snapshot
from kinspect.resolve.backends import Behind, backends
from kinspect.resolve.ports import port_text, target_on
from kinspect.sources.manifests import read_manifests

WEB = Key("shop", "web")
SERVICE = """\
kind: Service
apiVersion: v1
metadata: {name: web, namespace: shop}
spec: {clusterIP: 10.96.0.20, ports: [{name: http, port: 80}, {name: dns, port: 53, protocol: UDP}]}
"""


def world(*slices: str, service: str = SERVICE) -> Snapshot:
    """A Service `web` and its slices, each given as "name version: rest of the YAML flow mapping"."""
    documents = [service]
    for each in slices:
        head, rest = each.split(": ", 1)
        name, version = head.split()
        documents.append(
            f"kind: EndpointSlice\napiVersion: discovery.k8s.io/v1\n"
            f"metadata: {{name: {name}, namespace: shop, resourceVersion: '{version}', "
            f"labels: {{kubernetes.io/service-name: web}}}}\n{rest}"
        )
    return read_manifests(["-"], "---\n".join(documents).encode())


def of_port(snapshot: Snapshot, n: int = 0) -> list[tuple[str, int | None]]:
    service = snapshot.services[WEB]
    return [(each.address, each.port) for each in backends(snapshot, service, service.spec.ports[n])]


def test_merges_slices_sorted_by_address_and_port() -> None:
    seen = world(
        "b 1: endpoints: [{addresses: [10.0.0.2, 10.9.9.9]}]\nports: [{name: http, port: 8081}]\n",
        "a 1: endpoints: [{addresses: [10.0.0.10]}, {addresses: [10.0.0.1]}]\n"
        "ports: [{name: http, port: 8080}]\n",
    )
    assert of_port(seen) == [("10.0.0.1", 8080), ("10.0.0.10", 8080), ("10.0.0.2", 8081)]


def test_slice_ports_are_matched_by_name_and_protocol() -> None:
    seen = world(
        "a 1: endpoints: [{addresses: [10.0.0.1]}]\n"
        "ports: [{name: http, port: 8080}, {name: dns, port: 53}, {name: HTTP, port: 1}, {port: 2}]\n"
    )
    assert of_port(seen, 0) == [("10.0.0.1", 8080)]
    assert of_port(seen, 1) == []  # the slice's dns is TCP
    unmatched = Behind(seen, seen.services[WEB]).unmatched_ports
    assert [(each.slice, each.name, each.protocol, each.port) for each in unmatched] == [
        ("a", "", "TCP", 2),
        ("a", "HTTP", "TCP", 1),
        ("a", "dns", "TCP", 53),
    ]


def test_unnamed_service_port_takes_the_slice_port_without_a_name() -> None:
    single = SERVICE.replace("[{name: http, port: 80}, {name: dns, port: 53, protocol: UDP}]", "[{port: 80}]")
    for name in ("", "name: '', ", "name: null, "):
        seen = world(
            f"a 1: endpoints: [{{addresses: [10.0.0.1]}}]\nports: [{{{name}port: 80}}]\n", service=single
        )
        assert of_port(seen) == [("10.0.0.1", 80)]


def test_placeholders_and_ports_without_a_number_feed_nothing() -> None:
    seen = world(
        "a 1: endpoints: null\nports: null\n",
        "b 1: endpoints: [{addresses: [10.0.0.1]}]\nports: null\n",
        "c 1: endpoints: [{addresses: [10.0.0.2]}, {addresses: []}]\nports: [{name: http}]\n",
    )
    assert of_port(seen) == []
    assert [each.address for each in Behind(seen, seen.services[WEB]).endpoints] == ["10.0.0.1", "10.0.0.2"]


def test_duplicate_is_one_backend_in_the_state_of_the_newest_slice() -> None:
    seen = world(
        "new 10: endpoints: [{addresses: [10.0.0.1], conditions: {ready: false}}]\n"
        "ports: [{name: http, port: 80}]\n",
        "old 9: endpoints: [{addresses: [10.0.0.1], conditions: {ready: true}}]\n"
        "ports: [{name: http, port: 80}]\n",
    )
    service = seen.services[WEB]
    (only,) = backends(seen, service, service.spec.ports[0])
    assert only.slices == ("new", "old")
    assert not only.ready


def test_nil_conditions() -> None:
    seen = world(
        "a 1: endpoints: [{addresses: [10.0.0.1]}, {addresses: [10.0.0.2], conditions: {ready: false}}]\n"
        "ports: [{name: http, port: 80}]\n"
    )
    states = [
        (each.ready, each.serving, each.terminating) for each in Behind(seen, seen.services[WEB]).endpoints
    ]
    assert states == [(True, True, False), (False, True, False)]


def test_both_families_stand_side_by_side() -> None:
    seen = world(
        "a 1: addressType: IPv6\nendpoints: [{addresses: ['fd00::1']}]\nports: [{name: http, port: 80}]\n",
        "b 1: addressType: IPv4\nendpoints: [{addresses: [10.0.0.1]}]\nports: [{name: http, port: 80}]\n",
    )
    service = seen.services[WEB]
    found = backends(seen, service, service.spec.ports[0])
    assert [(each.address, each.address_type) for each in found] == [
        ("10.0.0.1", "IPv4"),
        ("fd00::1", "IPv6"),
    ]


def pod(*ports: ContainerPort, sidecar: tuple[ContainerPort, ...] = (), always: bool = True) -> Pod:
    init = Container("init", ports=sidecar, restart_policy="Always" if always else None)
    return Pod(spec=PodSpec(containers=(Container("app", ports=ports),), init_containers=(init,)))


def test_target_port_is_resolved_per_pod() -> None:
    http = ServicePort(port=80, target_port="http")
    udp = ServicePort(port=80, protocol="UDP", target_port="http")
    declared = ContainerPort("http", 8080)
    assert target_on(pod(), ServicePort(port=80)) == 80
    assert target_on(pod(), ServicePort(port=80, target_port=9999)) == 9999
    assert target_on(pod(declared), http) == 8080
    assert target_on(pod(declared), udp) is None
    assert target_on(pod(declared, ContainerPort("http", 5353, "UDP")), udp) == 5353
    assert target_on(pod(declared, ContainerPort("http", 8081)), http) == 8080
    assert target_on(pod(sidecar=(declared,)), http) == 8080
    assert target_on(pod(sidecar=(declared,), always=False), http) is None


def test_port_text() -> None:
    assert port_text(ServicePort("http", port=80)) == "80/TCP http"
    assert port_text(ServicePort(port=53, protocol="UDP")) == "53/UDP"
