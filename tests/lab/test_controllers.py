"""The controllers together, on a Store: what users see when they create, change and delete."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest

from kinspect.lab import paper
from kinspect.lab.certificates import Authority
from kinspect.lab.controllers import Controllers
from kinspect.lab.store import Store

AUTHORITY = Authority()


class Cluster:
    """A cluster of paper whose controllers work only when told to."""

    def __init__(self) -> None:
        self.store = Store(rng=random.Random(3), clock=lambda: datetime(2026, 11, 24, tzinfo=UTC))
        self.controllers: Controllers = paper.fill(self.store, [], AUTHORITY)
        self.create(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}},
        )

    def create(self, *items: dict) -> None:
        for item in items:
            self.store.create(item)
        self.controllers.settle()

    def update(self, kind: str, name: str, change) -> None:
        self.store.update(kind, "shop", name, change)
        self.controllers.settle()

    def delete(self, kind: str, name: str, namespace: str = "shop", **options) -> None:
        self.store.delete(kind, namespace, name, **options)
        self.controllers.settle()

    def names(self, kind: str, namespace: str = "shop") -> list[str]:
        return [item["metadata"]["name"] for item in self.store.list(kind, namespace)]


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


def workload(kind: str, name: str = "web", replicas: int = 3, **spec) -> dict:
    template = {
        "metadata": {"labels": {"app": name}, "annotations": spec.pop("annotations", {})},
        "spec": {
            "containers": [
                {"name": "c", "image": "echo", "ports": [{"name": "http", "containerPort": 8080}]}
            ],
            **spec.pop("pod", {}),
        },
    }
    spec |= {"selector": {"matchLabels": {"app": name}}, "template": template}
    if kind != "DaemonSet":
        spec["replicas"] = replicas
    meta = {"name": name, "namespace": "shop"}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": meta, "spec": spec}


def service(name: str = "web", **spec) -> dict:
    given = {"selector": {"app": name}, "ports": [{"port": 80, "targetPort": "http"}], **spec}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": given,
    }


def test_a_deployment_makes_a_replica_set_that_makes_pods_on_every_node(cluster):
    cluster.create(workload("Deployment"))
    (replica_set,) = cluster.store.list("ReplicaSet", "shop")
    pods = cluster.store.list("Pod", "shop")
    assert sorted(pod["spec"]["nodeName"] for pod in pods) == ["node1", "node2", "node3"]
    assert {pod["metadata"]["ownerReferences"][0]["uid"] for pod in pods} == {replica_set["metadata"]["uid"]}
    found = cluster.store.get("Deployment", "shop", "web")["status"]
    assert (found["readyReplicas"], found["updatedReplicas"], found["observedGeneration"]) == (3, 3, 1)


def test_a_new_template_rolls_out_and_leaves_the_old_replica_set_empty(cluster):
    cluster.create(workload("Deployment"))
    old = cluster.names("Pod")
    cluster.update(
        "Deployment", "web", lambda d: d["spec"]["template"]["spec"]["containers"][0].update(image="echo:2")
    )
    assert not set(old) & set(cluster.names("Pod")) and len(cluster.names("Pod")) == 3
    assert sorted(r["spec"]["replicas"] for r in cluster.store.list("ReplicaSet", "shop")) == [0, 3]
    conditions = cluster.store.get("Deployment", "shop", "web")["status"]["conditions"]
    assert {c["reason"] for c in conditions} == {"MinimumReplicasAvailable", "NewReplicaSetAvailable"}


def test_a_stateful_set_names_its_pods_in_order_and_ends_the_last_first(cluster):
    cluster.create(workload("StatefulSet", "db", serviceName="db"))
    assert cluster.names("Pod") == ["db-0", "db-1", "db-2"]
    pod = cluster.store.get("Pod", "shop", "db-1")
    assert (pod["spec"]["hostname"], pod["spec"]["subdomain"]) == ("db-1", "db")
    cluster.update("StatefulSet", "db", lambda s: s["spec"].update(replicas=1))
    assert cluster.names("Pod") == ["db-0"]


def test_a_stateful_pod_is_labelled_as_a_real_one(cluster):
    """As kubectl get pod web-0 -o yaml of a Kubernetes 1.36 has it; random and dated fields apart."""
    cluster.create(workload("StatefulSet", "web", serviceName="web"))
    meta = cluster.store.get("Pod", "shop", "web-0")["metadata"]
    assert list(meta)[:2] == ["name", "generateName"] and meta["generateName"] == "web-"
    revision = meta["labels"].pop("controller-revision-hash")
    assert revision.startswith("web-")
    zone = {key: value for key, value in meta["labels"].items() if key.startswith("topology.kubernetes.io/")}
    assert meta["labels"] == {
        "app": "web",
        "apps.kubernetes.io/pod-index": "0",
        "statefulset.kubernetes.io/pod-name": "web-0",
        **zone,
    }
    assert set(zone) == {"topology.kubernetes.io/region", "topology.kubernetes.io/zone"}


def test_an_ordered_stateful_set_waits_for_a_pod_that_is_not_ready(cluster):
    cluster.create(
        workload("StatefulSet", "db", serviceName="db", annotations={"lab.kinspect/ready": "false"})
    )
    assert cluster.names("Pod") == ["db-0"]


def test_a_daemon_set_has_one_pod_on_each_node(cluster):
    cluster.create(workload("DaemonSet", "agent"))
    pods = cluster.store.list("Pod", "shop")
    assert [pod["spec"]["nodeName"] for pod in pods] != [] and len(pods) == 3
    found = cluster.store.get("DaemonSet", "shop", "agent")["status"]
    assert (found["desiredNumberScheduled"], found["numberReady"]) == (3, 3)


def test_a_cordoned_node_keeps_its_daemons_and_gets_no_other_pods(cluster):
    cluster.create(workload("DaemonSet", "agent"))
    cluster.store.update("Node", "", "node2", lambda n: n["spec"].update(unschedulable=True))
    cluster.create(workload("Deployment"))
    on_node2 = [
        p["metadata"]["name"] for p in cluster.store.list("Pod", "shop") if p["spec"]["nodeName"] == "node2"
    ]
    assert len(on_node2) == 1 and on_node2[0].startswith("agent-")


def test_a_pod_that_no_node_takes_is_pending_and_says_why(cluster):
    cluster.create(workload("Deployment", replicas=1, pod={"nodeSelector": {"disk": "ssd"}}))
    (pod,) = cluster.store.list("Pod", "shop")
    (condition,) = pod["status"]["conditions"]
    assert (condition["type"], condition["status"], condition["reason"]) == (
        "PodScheduled",
        "False",
        "Unschedulable",
    )
    assert condition["message"].startswith("0/3 nodes are available")


def test_slices_follow_pods_and_keep_their_name(cluster):
    cluster.create(service())
    (placeholder,) = cluster.store.list("EndpointSlice", "shop")
    assert (placeholder["endpoints"], placeholder["ports"]) == (None, None)
    cluster.create(workload("Deployment"))
    (found,) = cluster.store.list("EndpointSlice", "shop")
    assert found["metadata"]["uid"] == placeholder["metadata"]["uid"]
    assert len(found["endpoints"]) == 3 and found["ports"][0]["port"] == 8080
    cluster.update("Deployment", "web", lambda d: d["spec"].update(replicas=0))
    (found,) = cluster.store.list("EndpointSlice", "shop")
    assert (found["endpoints"], found["ports"]) == (None, None)


def test_hand_written_endpoints_are_copied_into_slices_for_a_service_without_selector(cluster):
    written = {
        "apiVersion": "v1",
        "kind": "Endpoints",
        "metadata": {"name": "ledger", "namespace": "shop"},
        "subsets": [
            {
                "addresses": [{"ip": "192.0.2.13"}],
                "notReadyAddresses": [{"ip": "192.0.2.14"}],
                "ports": [{"port": 9000}],
            }
        ],
    }
    plain = service("ledger")
    del plain["spec"]["selector"]
    cluster.create(written, plain)
    (found,) = cluster.store.list("EndpointSlice", "shop")
    labels = found["metadata"]["labels"]
    assert labels["endpointslice.kubernetes.io/managed-by"] == "endpointslicemirroring-controller.k8s.io"
    assert found["metadata"]["ownerReferences"][0]["kind"] == "Endpoints"
    assert [(e["addresses"], e["conditions"]) for e in found["endpoints"]] == [
        (["192.0.2.13"], {"ready": True}),
        (["192.0.2.14"], {"ready": False}),
    ]
    assert found["ports"] == [{"name": "", "protocol": "TCP", "port": 9000}]
    cluster.update("Endpoints", "ledger", lambda e: e["subsets"][0].pop("notReadyAddresses"))
    (again,) = cluster.store.list("EndpointSlice", "shop")
    assert again["metadata"]["uid"] == found["metadata"]["uid"] and len(again["endpoints"]) == 1
    cluster.update("Service", "ledger", lambda s: s["spec"].update(selector={"app": "x"}))
    managers = {
        s["metadata"]["labels"]["endpointslice.kubernetes.io/managed-by"]
        for s in cluster.store.list("EndpointSlice", "shop")
    }
    assert managers == {"endpointslice-controller.k8s.io"}


def test_legacy_endpoints_come_and_go_with_their_service(cluster):
    cluster.create(service(), workload("Deployment"))
    found = cluster.store.get("Endpoints", "shop", "web")
    assert len(found["subsets"][0]["addresses"]) == 3
    cluster.delete("Service", "web")
    assert cluster.names("Endpoints") == []


def test_a_terminating_pod_stays_listed_until_it_is_gone(cluster):
    cluster.create(service(), workload("Deployment", replicas=1))
    (name,) = cluster.names("Pod")
    cluster.store.update("Pod", "shop", name, lambda p: p["metadata"].update(finalizers=["example.org/wait"]))
    cluster.delete("Pod", name)
    found = {
        e["targetRef"]["name"]: e["conditions"]
        for s in cluster.store.list("EndpointSlice", "shop")
        for e in s["endpoints"]
    }
    assert found[name] == {"ready": False, "serving": True, "terminating": True}
    assert len(found) == 2


def test_a_hundred_endpoints_fill_a_slice(cluster):
    cluster.create(service(), workload("Deployment", replicas=130))
    sizes = sorted(len(s["endpoints"]) for s in cluster.store.list("EndpointSlice", "shop"))
    assert sizes == [30, 100]


def test_a_service_that_goes_takes_its_slices_with_it(cluster):
    cluster.create(service(), workload("Deployment"))
    cluster.delete("Service", "web")
    assert cluster.names("EndpointSlice") == []


def test_a_selector_that_is_taken_away_leaves_the_slice_and_a_copy_beside_it(cluster):
    """So it is on a real cluster: the Endpoints that are left look hand-written now."""
    cluster.create(service(), workload("Deployment"))
    cluster.update("Service", "web", lambda s: s["spec"].pop("selector"))
    left, copy = cluster.store.list("EndpointSlice", "shop")
    assert sorted(e["addresses"] for e in left["endpoints"]) == sorted(
        e["addresses"] for e in copy["endpoints"]
    )


@pytest.mark.parametrize(
    ("finalizer", "pods_left"), [("", False), ("foregroundDeletion", False), ("orphan", True)]
)
def test_what_is_owned_goes_or_is_orphaned(cluster, finalizer, pods_left):
    cluster.create(workload("StatefulSet", "db", serviceName="db"))
    cluster.delete("StatefulSet", "db", finalizer=finalizer)
    assert cluster.names("StatefulSet") == []
    assert bool(cluster.names("Pod")) is pods_left


def test_a_namespace_that_goes_takes_everything_with_it(cluster):
    cluster.create(service(), workload("Deployment"))
    cluster.delete("Namespace", "shop", namespace="")
    assert cluster.store.find("Namespace", "", "shop") is None
    for kind in ("Pod", "Service", "ReplicaSet", "EndpointSlice", "ServiceAccount"):
        assert cluster.names(kind) == []


def test_a_balancer_of_nobodys_class_stays_pending(cluster):
    cluster.create(
        service("a", type="LoadBalancer"),
        service("b", type="LoadBalancer", loadBalancerClass="example.com/nobody"),
        service("c", type="LoadBalancer", loadBalancerClass="lab.kinspect/proxy"),
    )

    def entries(name: str) -> list[dict]:
        return cluster.store.get("Service", "shop", name)["status"]["loadBalancer"].get("ingress", [])

    assert [e["ipMode"] for e in entries("a")] == ["VIP"]
    assert entries("b") == []
    assert [e["ipMode"] for e in entries("c")] == ["Proxy"]
    assert entries("a")[0]["ip"] != entries("c")[0]["ip"]


def test_the_same_objects_time_and_seed_make_the_same_cluster():
    items = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}},
        workload("Deployment"),
        service(type="NodePort"),
    ]
    now = datetime(2026, 11, 24, tzinfo=UTC)

    def made() -> list[dict]:
        return [i for i in paper.settled(items, now=now) if i["kind"] not in ("Secret", "ConfigMap")]

    assert made() == made()
