"""What a pod gets at its start, and what is reported of it."""

from __future__ import annotations

from typing import Any

import pytest

from kinspect.lab import podstatus
from kinspect.lab.podenv import environment, service_links
from kinspect.lab.podresolver import resolver_file

NODE_FILE = "nameserver 192.0.2.1\nsearch corp.example\noptions timeout:2\n"


def a_pod(**spec: Any) -> dict[str, Any]:
    container = {"name": "c", "image": "echo", **spec.pop("container", {})}
    return {
        "metadata": {"name": "p", "namespace": "shop", "uid": "u", **spec.pop("metadata", {})},
        "spec": {"nodeName": "node1", "containers": [container], **spec},
    }


def a_service(namespace: str, name: str, address: str, *ports: dict[str, Any]) -> dict[str, Any]:
    return {
        "metadata": {"namespace": namespace, "name": name},
        "spec": {"clusterIP": address, "ports": list(ports)},
    }


KUBERNETES = a_service("default", "kubernetes", "10.96.0.1", {"name": "https", "port": 443})
MY_SVC = a_service(
    "shop",
    "my-svc",
    "10.96.0.9",
    {"name": "web", "port": 80},
    {"name": "dbg", "port": 9000, "protocol": "UDP"},
)


def test_variables_of_a_service() -> None:
    told = service_links(a_pod(), [MY_SVC])
    assert told == {
        "MY_SVC_SERVICE_HOST": "10.96.0.9",
        "MY_SVC_SERVICE_PORT": "80",
        "MY_SVC_SERVICE_PORT_WEB": "80",
        "MY_SVC_SERVICE_PORT_DBG": "9000",
        "MY_SVC_PORT": "tcp://10.96.0.9:80",
        "MY_SVC_PORT_80_TCP": "tcp://10.96.0.9:80",
        "MY_SVC_PORT_80_TCP_PROTO": "tcp",
        "MY_SVC_PORT_80_TCP_PORT": "80",
        "MY_SVC_PORT_80_TCP_ADDR": "10.96.0.9",
        "MY_SVC_PORT_9000_UDP": "udp://10.96.0.9:9000",
        "MY_SVC_PORT_9000_UDP_PROTO": "udp",
        "MY_SVC_PORT_9000_UDP_PORT": "9000",
        "MY_SVC_PORT_9000_UDP_ADDR": "10.96.0.9",
    }


@pytest.mark.parametrize(
    ("pod", "services", "hosts"),
    [
        (a_pod(), [KUBERNETES, MY_SVC], {"KUBERNETES": "10.96.0.1", "MY_SVC": "10.96.0.9"}),
        (a_pod(enableServiceLinks=False), [KUBERNETES, MY_SVC], {"KUBERNETES": "10.96.0.1"}),
        (a_pod(), [a_service("other", "x", "10.96.0.7")], {}),
        (a_pod(), [a_service("shop", "headless", "None")], {}),
        (a_pod(), [a_service("shop", "7d", "10.96.0.7")], {"7D": "10.96.0.7"}),
        (
            a_pod(enableServiceLinks=False),
            [KUBERNETES, a_service("shop", "kubernetes", "10.96.0.8")],
            {"KUBERNETES": "10.96.0.8"},
        ),
    ],
    ids=["own and api", "links off", "other namespace", "headless", "digit", "own kubernetes"],
)
def test_which_services_give_variables(
    pod: dict[str, Any], services: list[dict[str, Any]], hosts: dict[str, str]
) -> None:
    told = service_links(pod, services)
    suffix = "_SERVICE_HOST"
    assert {k.removesuffix(suffix): v for k, v in told.items() if k.endswith(suffix)} == hosts


def test_the_containers_own_variables_win() -> None:
    own = [
        {"name": "MY_SVC_PORT", "value": "mine"},
        {"name": "WHO", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "WHERE", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
    ]
    told = environment(a_pod(container={"env": own}), [MY_SVC], "10.244.1.2", "192.0.2.11")
    assert (told["MY_SVC_PORT"], told["WHO"], told["WHERE"]) == ("mine", "p", "10.244.1.2")
    assert told["HOSTNAME"] == "p"


SEARCH = "search shop.svc.cluster.local svc.cluster.local cluster.local corp.example\n"
CLUSTER = f"{SEARCH}nameserver 10.96.0.10\noptions ndots:5\n"
NODE = "search corp.example\nnameserver 192.0.2.1\noptions timeout:2\n"


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ({}, CLUSTER),
        ({"dnsPolicy": "ClusterFirst", "hostNetwork": True}, NODE),
        ({"dnsPolicy": "ClusterFirstWithHostNet", "hostNetwork": True}, CLUSTER),
        ({"dnsPolicy": "Default"}, NODE),
        (
            {"dnsPolicy": "None", "dnsConfig": {"nameservers": ["1.1.1.1"], "options": [{"name": "edns0"}]}},
            "nameserver 1.1.1.1\noptions edns0\n",
        ),
        (
            {
                "dnsConfig": {
                    "options": [{"name": "ndots", "value": "2"}],
                    "searches": ["svc.cluster.local", "x.y"],
                }
            },
            CLUSTER.replace("corp.example", "corp.example x.y").replace("ndots:5", "ndots:2"),
        ),
    ],
    ids=["cluster first", "host network trap", "with host net", "default", "none", "config"],
)
def test_resolver_file(spec: dict[str, Any], text: str) -> None:
    assert resolver_file(a_pod(**spec), "10.96.0.10", "cluster.local", NODE_FILE) == text


def test_live_ports() -> None:
    ports = [
        {"name": "http", "containerPort": 8080},
        {"name": "https", "containerPort": 8443},
        {"name": "dead", "containerPort": 9},
        {"name": "dns", "containerPort": 53, "protocol": "UDP"},
        {"containerPort": 7, "protocol": "SCTP"},
    ]
    pod = a_pod(container={"ports": ports}, metadata={"annotations": {podstatus.DEAD_PORTS: "9"}})
    found = {(port["protocol"], port["port"], port["tls"]) for port in podstatus.live_ports(pod, "0.0.0.0")}
    assert found == {("TCP", 8080, False), ("TCP", 8443, True), ("UDP", 53, False)}


@pytest.mark.parametrize(("sleep", "grace", "seconds"), [(0, 30, 0), (8, 30, 8), (8, 2, 2), (8, 0, 0)])
def test_a_deleted_pod_lingers_for_its_pre_stop_sleep(sleep: int, grace: int, seconds: int) -> None:
    hook = {"lifecycle": {"preStop": {"sleep": {"seconds": sleep}}}} if sleep else {}
    pod = a_pod(container=hook, metadata={"deletionGracePeriodSeconds": grace})
    assert podstatus.linger_s(pod) == seconds


def test_conditions_keep_their_time_until_they_change() -> None:
    pod = a_pod()
    first = podstatus.running({}, pod, "t1", "t0", "10.244.1.2", "192.0.2.11")
    assert podstatus.running(first, pod, "t2", "t0", "10.244.1.2", "192.0.2.11") == first
    pod["metadata"]["annotations"] = {podstatus.READY: "false"}
    unready = podstatus.running(first, pod, "t2", "t0", "10.244.1.2", "192.0.2.11")
    times = {each["type"]: (each["status"], each["lastTransitionTime"]) for each in unready["conditions"]}
    assert times["Ready"] == ("False", "t2") and times["Initialized"] == ("True", "t1")
    assert not unready["containerStatuses"][0]["ready"]
