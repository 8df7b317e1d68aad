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
