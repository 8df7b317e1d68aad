"""Pods, and the pod templates of workloads: what the server writes into them, and what it refuses.

Source: apis/core/v1/defaults.go; the admission plug-ins Priority, DefaultTolerationSeconds, ServiceAccount;
and ValidatePodCreate, ValidatePodUpdate in apis/core/validation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kinspect.lab.admission import causes
from kinspect.lab.status import Cause, Json

if TYPE_CHECKING:
    from kinspect.lab.store import Store

_GRACE_S = 30
_FILE_MODE = 0o644
_UNREACHABLE_FOR_S = 300
_MAY_CHANGE = ("activeDeadlineSeconds", "terminationGracePeriodSeconds", "tolerations", "nodeName")
_FIXED = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


def default(store: Store, old: Json | None, new: Json) -> None:
    spec: Json = new.setdefault("spec", {})
    default_spec(spec)
    spec.setdefault("enableServiceLinks", True)
    if spec.get("hostNetwork"):
        for container in spec.get("containers") or ():
            for port in container.get("ports") or ():
                port.setdefault("hostPort", port.get("containerPort"))
    if old is None:
        spec["serviceAccount"] = spec.setdefault("serviceAccountName", "default")
        spec.setdefault("priority", 0)
        spec.setdefault("preemptionPolicy", "PreemptLowerPriority")
        tolerations = spec.setdefault("tolerations", [])
        for key in ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"):
            if not any(each.get("key") in (key, None) for each in tolerations):
                tolerations.append(
                    {
                        "key": key,
                        "operator": "Exists",
                        "effect": "NoExecute",
                        "tolerationSeconds": _UNREACHABLE_FOR_S,
                    }
                )
        new["status"] = {"phase": "Pending", "qosClass": _quality(spec)}


def default_spec(spec: Json) -> None:
    """The fields that a pod and a template have alike."""
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("securityContext", {})
    spec.setdefault("terminationGracePeriodSeconds", _GRACE_S)
    spec.setdefault("schedulerName", "default-scheduler")
    if spec.get("serviceAccountName"):
        spec["serviceAccount"] = spec["serviceAccountName"]
    for volume in spec.get("volumes") or ():
        for source in ("configMap", "secret", "projected", "downwardAPI"):
            if source in volume:
                volume[source].setdefault("defaultMode", _FILE_MODE)
    for container in (spec.get("containers") or []) + (spec.get("initContainers") or []):
        container.setdefault("resources", {})
        container.setdefault("terminationMessagePath", "/dev/termination-log")
        container.setdefault("terminationMessagePolicy", "File")
        container.setdefault("imagePullPolicy", _pull_policy(container.get("image", "")))
        for port in container.get("ports") or ():
            port.setdefault("protocol", "TCP")
        for probe in ("readinessProbe", "livenessProbe", "startupProbe"):
            if container.get(probe):
                _default_probe(container[probe])


def validate(store: Store, old: Json | None, new: Json) -> list[Cause]:
    if old is not None:
        return _immutable(old["spec"], new["spec"])
    return spec_problems(new["spec"], "spec")


def spec_problems(spec: Json, path: str) -> list[Cause]:
    """What is wrong with a pod's or a template's spec."""
    containers = spec.get("containers") or []
    found = [] if containers else [causes.required(f"{path}.containers")]
    names: set[str] = set()
    for index, container in enumerate(containers):
        here = f"{path}.containers[{index}]"
        name = container.get("name") or ""
        found += causes.label(f"{here}.name", name) if name else [causes.required(f"{here}.name")]
        if name in names:
            found.append(causes.duplicate(f"{here}.name", name))
        names.add(name)
        if not container.get("image"):
            found.append(causes.required(f"{here}.image"))
        for number, port in enumerate(container.get("ports") or ()):
            found += causes.port_number(f"{here}.ports[{number}].containerPort", port.get("containerPort", 0))
            if port.get("name"):
                found += causes.port_name(f"{here}.ports[{number}].name", port["name"])
    return found


def _immutable(old: Json, new: Json) -> list[Cause]:
    if old.get("nodeName") not in (None, "", new.get("nodeName")):
        return [causes.forbidden("spec", _FIXED)]
    return [] if _fixed_part(old) == _fixed_part(new) else [causes.forbidden("spec", _FIXED)]


def _fixed_part(spec: Json) -> Json:
    kept = {key: value for key, value in spec.items() if key not in _MAY_CHANGE}
    for field in ("containers", "initContainers"):
        if field in kept:
            kept[field] = [{**container, "image": ""} for container in kept[field] or ()]
    return kept


def _default_probe(probe: Json) -> None:
    probe.setdefault("timeoutSeconds", 1)
    probe.setdefault("periodSeconds", 10)
    probe.setdefault("successThreshold", 1)
    probe.setdefault("failureThreshold", 3)
    if probe.get("httpGet"):
        probe["httpGet"].setdefault("path", "/")
        probe["httpGet"].setdefault("scheme", "HTTP")


def _pull_policy(image: str) -> str:
    """Always for the tag `latest`, which an image without tag and digest has."""
    if "@" in image:
        return "IfNotPresent"
    tag = image.rpartition("/")[2].partition(":")[2] or "latest"
    return "Always" if tag == "latest" else "IfNotPresent"


def _quality(spec: Json) -> str:
    resources = [container.get("resources") or {} for container in spec.get("containers") or ()]
    if not any(each.get("requests") or each.get("limits") for each in resources):
        return "BestEffort"
    bounded = all({"cpu", "memory"} <= set(each.get("limits") or ()) for each in resources)
    equal = all((each.get("requests") or each.get("limits")) == each.get("limits") for each in resources)
    return "Guaranteed" if bounded and equal else "Burstable"
