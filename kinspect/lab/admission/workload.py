"""Deployments, ReplicaSets, StatefulSets and DaemonSets. Source: apis/apps/v1 and apis/apps/validation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kinspect.lab.admission import causes, pod
from kinspect.lab.selectors import label_selector_test
from kinspect.lab.status import Cause, Json

if TYPE_CHECKING:
    from kinspect.lab.store import Store

_REVISIONS_KEPT = 10
_STATEFUL_MAY_CHANGE = (
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
)
_STATEFUL_FIXED = (
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
    "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
)


def default(store: Store, old: Json | None, new: Json) -> None:
    spec: Json = new.setdefault("spec", {})
    template = spec.setdefault("template", {})
    template.setdefault("metadata", {})
    pod.default_spec(template.setdefault("spec", {}))
    kind = new["kind"]
    if kind != "DaemonSet" and spec.get("replicas") is None:
        spec["replicas"] = 1
    if kind != "ReplicaSet":
        spec.setdefault("revisionHistoryLimit", _REVISIONS_KEPT)
    if kind == "Deployment":
        _default_rolling(spec.setdefault("strategy", {}), {"maxUnavailable": "25%", "maxSurge": "25%"})
        spec.setdefault("progressDeadlineSeconds", 600)
    if kind == "DaemonSet":
        _default_rolling(spec.setdefault("updateStrategy", {}), {"maxUnavailable": 1, "maxSurge": 0})
    if kind == "StatefulSet":
        spec.setdefault("podManagementPolicy", "OrderedReady")
        _default_rolling(spec.setdefault("updateStrategy", {}), {"partition": 0})
        retention = spec.setdefault("persistentVolumeClaimRetentionPolicy", {})
        retention.setdefault("whenDeleted", "Retain")
        retention.setdefault("whenScaled", "Retain")
    new.setdefault("status", {})


def validate(store: Store, old: Json | None, new: Json) -> list[Cause]:
    spec = new["spec"]
    selector, labels = spec.get("selector"), spec["template"]["metadata"].get("labels") or {}
    found: list[Cause] = []
    if (spec.get("replicas") or 0) < 0:
        found.append(causes.invalid("spec.replicas", spec["replicas"], "must be greater than or equal to 0"))
    if not selector:
        found.append(causes.required("spec.selector"))
    elif not label_selector_test(selector)(labels):
        told = "`selector` does not match template `labels`"
        found.append(causes.invalid("spec.template.metadata.labels", labels, told))
    found += pod.spec_problems(spec["template"]["spec"], "spec.template.spec")
    if old is not None:
        found += _immutable(new["kind"], old["spec"], spec)
    return found


def _immutable(kind: str, old: Json, spec: Json) -> list[Cause]:
    if kind == "StatefulSet":
        before = {key: value for key, value in old.items() if key not in _STATEFUL_MAY_CHANGE}
        after = {key: value for key, value in spec.items() if key not in _STATEFUL_MAY_CHANGE}
        return [] if before == after else [causes.forbidden("spec", _STATEFUL_FIXED)]
    if old["selector"] == spec.get("selector"):
        return []
    return [causes.invalid("spec.selector", spec.get("selector"), "field is immutable")]


def _default_rolling(strategy: Json, defaults: Json) -> None:
    strategy.setdefault("type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        for key, value in defaults.items():
            rolling.setdefault(key, value)
