"""The words of a target, and what they mean in the recorded cluster."""

from __future__ import annotations

from pathlib import Path

import pytest

from kinspect.errors import UsageError
from kinspect.model.meta import Key
from kinspect.model.snapshot import Snapshot
from kinspect.sources import open_file
from kinspect.sources.manifests import read_manifests
from kinspect.trace.target import Request, resolve


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    return open_file([str(Path(__file__).with_name("recorded.yaml"))], None)


ONE = Key("shop", "one")
CASES = {
    "svc/one": ("10.96.225.63", 80, ONE, "internal"),
    "svc/one:http": ("10.96.225.63", 80, ONE, "internal"),
    "svc/shop/one:80": ("10.96.225.63", 80, ONE, "internal"),
    "pod/web0:8080": ("10.244.1.3", 8080, None, "internal"),
    "node/node1:30092": ("192.0.2.11", 30092, ONE, "external"),
    "node/node1:22": ("192.0.2.11", 22, None, "internal"),
    "192.0.2.200:80": ("192.0.2.200", 80, Key("shop", "balanced"), "external"),
    "10.96.225.63:80": ("10.96.225.63", 80, ONE, "internal"),
    "one.shop.svc.cluster.local:80": ("10.96.225.63", 80, ONE, "internal"),
    "one.shop": ("10.96.225.63", 80, ONE, "internal"),
    "203.0.113.5:443": ("203.0.113.5", 443, None, "internal"),
}


@pytest.mark.parametrize("text", CASES)
def test_a_target_is_resolved(text: str, snapshot: Snapshot) -> None:
    target = resolve(text, snapshot, "shop")
    assert (target.address, target.number, target.service, target.traffic) == CASES[text]


def test_a_url_of_a_service_is_a_request(snapshot: Snapshot) -> None:
    target = resolve("http://one.shop/path", snapshot, "shop")
    assert target.request == Request("http", "one.shop", "/path")
    assert (target.address, target.number, target.service) == ("10.96.225.63", 80, ONE)


@pytest.mark.parametrize(
    "text",
    [
        "svc/missing",
        "svc/one:81",
        "pod/web0",
        "pod/nobody:80",
        "node/nine:80",
        "what",
        "ftp://one/",
        "1.2.3.4",
        "999.1.1.1:80",
        "127.0.0.1:٣",
        "[::1]:80",
        "::1",
        "http://[::1]/",
        "http://[::1",
        "http://127.0.0.1:99999/",
    ],
)
def test_nonsense_says_what_to_write(text: str, snapshot: Snapshot) -> None:
    with pytest.raises(UsageError):
        resolve(text, snapshot, "shop")


def service(name: str, addresses: str) -> str:
    spec = f"{{clusterIP: 'fd00::1', clusterIPs: [{addresses}], ports: [{{port: 80}}]}}"
    return f"{{apiVersion: v1, kind: Service, metadata: {{name: {name}}}, spec: {spec}}}"


def test_of_two_families_the_one_that_can_be_followed_is_meant() -> None:
    text = service("both", "'fd00::1', 192.0.2.7") + "\n---\n" + service("six", "'fd00::1'")
    read = read_manifests(["-"], text.encode())
    assert resolve("svc/both", read, "default").address == "192.0.2.7"
    with pytest.raises(UsageError, match="Service default/six has no IPv4 address, only fd00::1"):
        resolve("svc/six", read, "default")


SAID = {
    "svc/on": ("There is no Service shop/on.", "Near it: one"),
    "svc/other/one": ("There is no Service other/one.", "Near it: shop/one."),
    "svc/one:81": ("Service one has 80/TCP http, and no port 81.", "Write svc/one:PORT"),
    "svc/one:8080": ("and no port 8080", "8080 is the targetPort of 80/TCP http: write svc/one:80."),
    "pod/web1:80": ("There is no pod shop/web1.", "Near it: web0"),
    "pod/web0": ("Pod shop/web0 is to be reached at a port.", "Write pod/web0:PORT."),
    "pod/web0:http": ("Pod shop/web0 declares no port http.", "any number will do"),
    "node/node7:80": ("There is no node node7.", "Near it: node"),
    "one": ("'one' is no target", "svc/one is a Service."),
    "ing/shop": ("Ingress shop is traced by what it serves.", "Write http://shop.example.test/ instead."),
    "10.1.1.1:http": ("http is no port, in '10.1.1.1:http'", "a number from 1 to 65535"),
}


@pytest.mark.parametrize("text", SAID)
def test_what_is_wrong_is_said_with_what_is_near(text: str, snapshot: Snapshot) -> None:
    with pytest.raises(UsageError) as caught:
        resolve(text, snapshot, "shop")
    message, hint = SAID[text]
    assert message in caught.value.message
    assert hint in caught.value.hint


SERVED = """\
- apiVersion: v1
  kind: Service
  metadata: {name: db}
  spec: {type: ExternalName, externalName: db.example.com}
- {apiVersion: v1, kind: Service, metadata: {name: set}, spec: {clusterIP: None, ports: [{port: 80}]}}
- apiVersion: networking.k8s.io/v1
  kind: Ingress
  metadata: {name: shop}
  spec: {rules: [{host: shop.test, http: {paths: [{path: /api, backend: {service: {name: set}}}]}}]}
"""


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("svc/db", "is an alias: its name leads to db.example.com", "what db.example.com stands for"),
        ("svc/db:80", "is an alias: its name leads to db.example.com", "what db.example.com stands for"),
        ("svc/set", "has no cluster IP", "pod/NAME:PORT"),
        ("ing/shop", "is traced by what it serves", "Write http://shop.test/api instead."),
    ],
)
def test_what_no_packet_is_sent_to_says_where_to(text: str, message: str, hint: str) -> None:
    read = read_manifests(["-"], f"kind: List\napiVersion: v1\nitems:\n{SERVED}".encode())
    with pytest.raises(UsageError) as caught:
        resolve(text, read, "default")
    assert message in caught.value.message
    assert hint in caught.value.hint


def pod(name: str, status: str) -> str:
    ports = "[{name: http, containerPort: 8080}, {name: dns, containerPort: 53, protocol: UDP}]"
    spec = f"{{containers: [{{name: c, image: i, ports: {ports}}}]}}"
    return f"{{apiVersion: v1, kind: Pod, metadata: {{name: {name}}}, spec: {spec}, status: {status}}}"


def test_a_pod_is_reached_at_a_declared_port_by_name_and_not_when_it_does_not_run() -> None:
    pods = (
        pod("up", "{phase: Running, podIP: 10.0.0.1}"),
        pod("new", "{phase: Pending}"),
        pod("done", "{phase: Succeeded, podIP: 10.0.0.2}"),
    )
    read = read_manifests(["-"], "\n---\n".join(pods).encode())
    assert resolve("pod/up:http", read, "default")[1:4] == ("10.0.0.1", 8080, "TCP")
    assert resolve("pod/up:dns", read, "default")[1:4] == ("10.0.0.1", 53, "UDP")
    assert resolve("pod/up:9", read, "default")[1:4] == ("10.0.0.1", 9, "TCP")
    with pytest.raises(UsageError, match="Pod default/new is Pending and has no address"):
        resolve("pod/new:http", read, "default")
    with pytest.raises(UsageError, match="Pod default/done is Succeeded"):
        resolve("pod/done:http", read, "default")
    with pytest.raises(UsageError, match="declares no port grpc"):
        resolve("pod/up:grpc", read, "default")
