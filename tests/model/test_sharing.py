"""Sharing changes nothing that can be seen, and makes one object of equal parts."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import msgspec
import pytest

from kinspect.model.decoding import from_plain
from kinspect.model.kinds import KINDS
from kinspect.model.meta import Object
from kinspect.model.sharing import Sharing
from kinspect.sources.manifests import read_manifests

STORY = Path(__file__).parents[1] / "sources" / "data" / "story.yaml"
POD = {
    "metadata": {
        "name": "web-1",
        "namespace": "a",
        "labels": {"app": "web", "tier": "front"},
        "ownerReferences": [{"kind": "ReplicaSet", "name": "web"}],
    },
    "spec": {"nodeName": "n1", "dnsPolicy": "ClusterFirst", "containers": [{"name": "c", "image": "i"}]},
    "status": {
        "phase": "Running",
        "podIP": "10.0.0.1",
        "podIPs": [{"ip": "10.0.0.1"}],
        "hostIP": "192.0.2.1",
        "conditions": [{"type": "Ready", "status": "True"}],
    },
}


def pod(**changed: object) -> Object:
    plain = deepcopy(POD)
    for path, value in changed.items():
        *parents, last = path.split("__")
        at = plain
        for name in parents:
            at = at[name]  # type: ignore[assignment]
        at[last] = value  # type: ignore[assignment]
    found = from_plain(KINDS["Pod"], plain)
    assert isinstance(found, Object)
    return found


def copy(fact: Object) -> Object:
    return msgspec.json.decode(msgspec.json.encode(fact), type=type(fact))


def test_every_kind_of_fact_stays_equal() -> None:
    sharing = Sharing()
    for objects in read_manifests([str(STORY)]).objects.values():
        for fact in objects.values():
            assert sharing.share(copy(fact)) == fact
            assert sharing.share(copy(fact)) == fact


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"metadata__name": "web-2", "metadata__labels": {"app": "web"}},
        {"metadata__namespace": "b"},
        {"spec__containers": [{"name": "c", "image": "other"}]},
        {"spec__dnsPolicy": "Default"},
        {"spec__serviceAccountName": "mine"},
        {"status__phase": "Pending"},
        {"status__conditions": []},
        {"metadata__ownerReferences": []},
        {"status__podIPs": [{"ip": "10.0.0.1"}, {"ip": "fd00::1"}]},
    ],
)
def test_a_twin_keeps_its_own_difference(changed: dict[str, object]) -> None:
    sharing = Sharing()
    sharing.share(pod())
    assert sharing.share(pod(**changed)) == pod(**changed)


def test_equal_parts_are_one_object() -> None:
    sharing = Sharing()
    one, two = sharing.share(pod()), sharing.share(pod(metadata__name="web-2"))
    other = sharing.share(pod(metadata__ownerReferences=[], metadata__name="web-3"))
    for each in (two, other):
        assert each.spec.containers is one.spec.containers  # type: ignore[attr-defined]
        assert each.metadata.labels is one.metadata.labels
        assert each.status.conditions is one.status.conditions  # type: ignore[attr-defined]


def test_forgetting_takes_nothing_away() -> None:
    sharing = Sharing()
    one = sharing.share(pod())
    sharing.forget()
    assert sharing.share(pod()) == one
