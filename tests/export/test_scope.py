"""Which Services a command speaks of, and how an object is named on the command line."""

from __future__ import annotations

import pytest

from kinspect.errors import UsageError
from kinspect.export.scope import Scope, find, selector, services_in
from kinspect.model.meta import Key, Ref
from kinspect.model.snapshot import Snapshot
from kinspect.sources.manifests import Text, snapshot_of_texts

WORLD = """
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop, labels: {app: web, tier: front}}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: db, namespace: shop, labels: {app: db}}
spec: {selector: {app: db}, ports: [{port: 5432}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: infra}
spec: {ports: [{port: 80}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web-1, namespace: shop, labels: {app: web}}
spec: {nodeName: node1}
status: {podIP: 10.0.0.1}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-x, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{port: 80}]
endpoints: [{addresses: [10.0.0.1], nodeName: node1, targetRef: {kind: Pod, name: web-1}}]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: front, namespace: shop}
spec: {defaultBackend: {service: {name: db, port: {number: 5432}}}}
---
apiVersion: v1
kind: Node
metadata: {name: node1}
"""


@pytest.fixture(scope="module")
def world() -> Snapshot:
    return snapshot_of_texts([Text("world.yaml", WORLD.encode())], "world")


WEB, DB, OTHER = Key("shop", "web"), Key("shop", "db"), Key("infra", "web")


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        (Scope(), [OTHER, DB, WEB]),
        (Scope(namespace="shop"), [DB, WEB]),
        (Scope(selector="app=web"), [WEB]),
        (Scope(selector="app in (web, db),tier!=front"), [DB]),
        (Scope(target=Ref("Pod", "shop", "web-1")), [WEB]),
        (Scope(target=Ref("Node", "", "node1")), [WEB]),
        (Scope(target=Ref("Ingress", "shop", "front")), [DB]),
        (Scope(target=Ref("Service", "infra", "web")), [OTHER]),
        (Scope(target=Ref("Namespace", "", "infra")), [OTHER]),
    ],
)
def test_services_in_scope(world: Snapshot, scope: Scope, expected: list[Key]) -> None:
    assert services_in(world, scope) == expected


@pytest.mark.parametrize("text", ["svc/db", "service/db", "services/db"])
def test_names_as_kubectl_takes_them(world: Snapshot, text: str) -> None:
    assert find(world, text, None) == Ref("Service", "shop", "db")


def test_a_cluster_wide_object_has_no_namespace(world: Snapshot) -> None:
    assert find(world, "node/node1", "shop") == Ref("Node", "", "node1")


@pytest.mark.parametrize(
    ("text", "namespace", "words"),
    [
        ("web", None, "names no object"),
        ("svc/", None, "names no object"),
        ("thing/web", None, "names no object"),
        ("svc/web", None, "several namespaces: infra, shop"),
        ("svc/wb", None, "there is no svc/wb"),
        ("deploy/web", None, "not all known"),
    ],
)
def test_names_that_mean_nothing(world: Snapshot, text: str, namespace: str | None, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        find(world, text, namespace)


@pytest.mark.parametrize(
    ("text", "labels", "holds"),
    [
        ("", {}, True),
        ("a", {"a": "1"}, True),
        ("!a", {"a": "1"}, False),
        ("!a", {}, True),
        ("a==1", {"a": "1"}, True),
        ("a!=1", {}, True),
        ("a in (1,2),b notin (3)", {"a": "2"}, True),
        ("a in (1,2),b notin (3)", {"a": "2", "b": "3"}, False),
        ("example.com/x=y", {"example.com/x": "y"}, True),
    ],
)
def test_selectors_as_kubectl_reads_them(text: str, labels: dict[str, str], holds: bool) -> None:
    assert selector(text)(labels) is holds


@pytest.mark.parametrize("text", ["a=b=c", "a in", "=b", "a in (1", "a b"])
def test_selectors_that_kubectl_refuses(text: str) -> None:
    with pytest.raises(UsageError):
        selector(text)
