"""What the lab's kubelet reports of a pod, and what the lab reads from one.

Annotations under `lab.kinspect/` are the lab's own switches; a real cluster ignores them.
"""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

DEAD_PORTS = "lab.kinspect/dead-ports"
"""Declared ports, comma separated, behind which nothing listens."""
READY = "lab.kinspect/ready"
""""false" makes the pod report that it is not ready, at any time."""
RUNS = "lab.kinspect/runs"
"""What runs instead of the echo server: "dns", "ingress" or "network-policies"."""


def annotation(pod: Json, name: str) -> str:
    """The annotation's value, "" when there is none."""
    value: str = (pod["metadata"].get("annotations") or {}).get(name, "")
    return value


def wants_ready(pod: Json) -> bool:
    return annotation(pod, READY) != "false"


def containers(pod: Json) -> list[Json]:
    """The containers that run: the ordinary ones and sidecars."""
    sidecars = [c for c in pod["spec"].get("initContainers") or () if c.get("restartPolicy") == "Always"]
    return [*pod["spec"]["containers"], *sidecars]


def live_ports(pod: Json, address: str) -> list[Json]:
    """The ports on which the pod's echo server listens: the declared ones that are not said to be dead."""
    dead = {number.strip() for number in annotation(pod, DEAD_PORTS).split(",")}
    ports: dict[tuple[str, int], Json] = {}
    for container in containers(pod):
        for port in container.get("ports") or ():
            protocol, number = port.get("protocol", "TCP"), port["containerPort"]
            if str(number) in dead or protocol not in ("TCP", "UDP"):
                continue
            tls = protocol == "TCP" and port.get("name", "").startswith(("https", "tls"))
            ports[protocol, number] = {"protocol": protocol, "port": number, "address": address, "tls": tls}
    return list(ports.values())


def linger_s(pod: Json) -> int:
    """How long a deleted pod goes on serving: its preStop sleep, within its grace period."""
    meta = pod["metadata"]
    sleeps = [
        ((container.get("lifecycle") or {}).get("preStop") or {}).get("sleep", {}).get("seconds", 0)
        for container in pod["spec"]["containers"]
    ]
    return min(max(map(int, sleeps)), int(meta.get("deletionGracePeriodSeconds") or 0))


def running(status: Json, pod: Json, now: str, started: str, address: str, host_address: str) -> Json:
    """The status of a pod that runs. `status` is the one before: times of unchanged conditions are kept."""
    ready = wants_ready(pod)
    told = {"PodReadyToStartContainers": True, "Initialized": True, "Ready": ready, "ContainersReady": ready}
    told["PodScheduled"] = True
    before = {condition["type"]: condition for condition in status.get("conditions") or ()}
    conditions = []
    for kind, holds in told.items():
        state = "True" if holds else "False"
        condition = {"type": kind, "status": state, "lastProbeTime": None, "lastTransitionTime": now}
        if not holds:
            condition["reason"] = "ContainersNotReady"
            condition["message"] = "containers with unready status: [" + _names(pod) + "]"
        if before.get(kind, {}).get("status") == state:
            condition["lastTransitionTime"] = before[kind]["lastTransitionTime"]
        conditions.append(condition)
    return {
        **status,
        "phase": "Running",
        "conditions": conditions,
        "hostIP": host_address,
        "hostIPs": [{"ip": host_address}],
        "podIP": address,
        "podIPs": [{"ip": address}],
        "startTime": status.get("startTime") or started,
        "containerStatuses": [_container(pod, c, started, ready) for c in pod["spec"]["containers"]],
        "qosClass": status.get("qosClass", "BestEffort"),
    }


def refused(status: Json, pod: Json, why: str) -> Json:
    """The status of a pod that could not be started."""
    waiting = {"waiting": {"reason": "CreateContainerError", "message": why}}
    statuses = [
        {**_container(pod, container, "", ready=False), "state": waiting, "started": False, "containerID": ""}
        for container in pod["spec"]["containers"]
    ]
    return {**status, "phase": "Pending", "containerStatuses": statuses}


def started(pod: Json) -> bool:
    """Whether the kubelet has done what it can: the pod runs, or is said not to be startable."""
    status = pod.get("status") or {}
    return status.get("phase") == "Running" or any(
        "message" in (each.get("state") or {}).get("waiting", {})
        for each in status.get("containerStatuses") or ()
    )


def _container(pod: Json, container: Json, started: str, ready: bool) -> Json:
    return {
        "name": container["name"],
        "state": {"running": {"startedAt": started}},
        "lastState": {},
        "ready": ready,
        "restartCount": 0,
        "image": container.get("image", ""),
        "imageID": "",
        "containerID": f"lab://{pod['metadata']['uid']}/{container['name']}",
        "started": True,
    }


def _names(pod: Json) -> str:
    return " ".join(container["name"] for container in pod["spec"]["containers"])
