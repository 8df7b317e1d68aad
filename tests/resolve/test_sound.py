"""Where `is_sound` says that all is sound, none of the rules that rely on it has anything to say."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import msgspec
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from kinspect.model.coverage import Coverage
from kinspect.model.kinds import KINDS
from kinspect.model.snapshot import Snapshot, snapshot_of
from kinspect.resolve.backends import Behind
from kinspect.resolve.sound import is_sound
from kinspect.rules import load

RELYING = [rule for rule in load() if rule.holds_where_sound]


def pod(number: int) -> dict[str, Any]:
    ports = [{"name": "http", "containerPort": 8080}]
    return {
        "metadata": {"namespace": "a", "name": f"p{number}", "uid": f"u{number}", "labels": {"app": "web"}},
        "spec": {"containers": [{"name": "app", "ports": ports}]},
        "status": {
            "phase": "Running",
            "podIP": f"10.0.0.{number}",
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


def slice_(name: str, *numbers: int) -> dict[str, Any]:
    return {
        "metadata": {"namespace": "a", "name": name, "labels": {"kubernetes.io/service-name": "web"}},
        "addressType": "IPv4",
        "ports": [
            {"name": "http", "protocol": "TCP", "port": 8080},
            {"name": "dns", "protocol": "UDP", "port": 53},
        ],
        "endpoints": [
            {
                "addresses": [f"10.0.0.{number}"],
                "conditions": {"ready": True, "serving": True, "terminating": False},
                "targetRef": {"kind": "Pod", "namespace": "a", "name": f"p{number}", "uid": f"u{number}"},
                "hints": {"forZones": [{"name": "z"}]},
            }
            for number in numbers
        ],
    }


SERVICE = {
    "metadata": {"namespace": "a", "name": "web", "uid": "s"},
    "spec": {
        "type": "ClusterIP",
        "clusterIP": "10.96.0.1",
        "selector": {"app": "web"},
        "publishNotReadyAddresses": False,
        "ports": [
            {"name": "http", "protocol": "TCP", "port": 80, "targetPort": "http"},
            {"name": "dns", "protocol": "UDP", "port": 53, "targetPort": 53},
        ],
    },
}
WORLDS = [
    [("Service", SERVICE), *each, *(("Pod", pod(number)) for number in (1, 2, 3))]
    for each in (
        [("EndpointSlice", slice_("web-1", 1, 2, 3))],
        [("EndpointSlice", slice_("web-1", 1, 2)), ("EndpointSlice", slice_("web-2", 3))],
    )
]


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """(container, key) of everything inside."""
    entries = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, each in list(entries):
        yield value, key
        yield from places(each)


@st.composite
def worlds(draw: Any) -> list[tuple[str, dict[str, Any]]]:
    """A sound world after up to three accidents: something is gone, or there twice, or something else."""
    world = deepcopy(draw(st.sampled_from(WORLDS)))
    for _ in range(draw(st.integers(0, 3))):
        there = [place for _, body in world for place in places(body)]
        into, key = draw(st.sampled_from(there))
        elsewhere = [source[key] for source, name in there if name == key]
        opposite = not into[key] if isinstance(into[key], bool) else None
        other = draw(
            st.sampled_from(elsewhere) | st.sampled_from([opposite, "", 0, "None", "fd00::1", "IPv6"])
        )
        match draw(st.sampled_from(["gone", "twice", "else", "else"])):
            case "gone":
                del into[key]
            case "twice" if isinstance(into, list):
                into.append(deepcopy(into[key]))
            case _:
                into[key] = deepcopy(other)
    return world


def seen(world: list[tuple[str, dict[str, Any]]], pods: Coverage) -> Snapshot:
    try:
        objects = [(kind, msgspec.convert(body, KINDS[kind].type)) for kind, body in world]
    except msgspec.ValidationError:
        reject()
    return snapshot_of(objects, {kind: Coverage("given") for kind in KINDS} | {"Pod": pods})


@pytest.mark.parametrize("world", WORLDS)
def test_the_worlds_of_these_tests_are_sound(world: list[tuple[str, dict[str, Any]]]) -> None:
    snapshot = seen(world, Coverage("given"))
    (service,) = snapshot.services.values()
    assert is_sound(Behind(snapshot, service))


@settings(max_examples=1_000, deadline=None)
@given(worlds(), st.sampled_from([Coverage("given"), Coverage("given"), Coverage("loading")]))
def test_no_rule_that_relies_on_it_says_anything(
    world: list[tuple[str, dict[str, Any]]], pods: Coverage
) -> None:
    snapshot = seen(world, pods)
    for service in snapshot.services.values():
        behind = Behind(snapshot, service)
        if is_sound(behind):
            for rule in RELYING:
                if rule.applies(service):
                    assert list(rule.check(behind, snapshot)) == [], rule.name


@pytest.mark.parametrize("rule", RELYING, ids=lambda rule: rule.code)
def test_a_rule_that_relies_on_it_looks_behind(rule: Any) -> None:
    assert rule.looks_behind
