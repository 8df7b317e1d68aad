"""Several namespaces of one kind are told as one coverage."""

from __future__ import annotations

import pytest

from kinspect.model.change import Covered, Upsert
from kinspect.model.coverage import Coverage
from kinspect.sources.scopes import Scopes, merge


def part(state: str, namespace: str, reason: str = "", **more: object) -> Coverage:
    return Coverage(state, reason, (namespace,), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("parts", "missing", "expected"),
    [
        ((part("given", "b"), part("given", "a")), 0, Coverage("given", namespaces=("a", "b"))),
        ((part("given", "a"),), 1, Coverage("loading", namespaces=("a",))),
        (
            (part("given", "a"), part("loading", "b", count=3, expected=9)),
            0,
            Coverage("loading", namespaces=("a",), count=3, expected=9),
        ),
        (
            (part("given", "a"), part("denied", "b", "no")),
            0,
            Coverage("given", "no", ("a",)),
        ),
        ((part("denied", "a", "no"), part("denied", "b", "no")), 0, Coverage("denied", "no", ())),
        (
            (
                part("given", "a", as_of="2026-01-01T00:00:02Z"),
                part("given", "b", as_of="2026-01-01T00:00:01Z"),
            ),
            0,
            Coverage("given", namespaces=("a", "b"), as_of="2026-01-01T00:00:01Z"),
        ),
    ],
)
def test_merged(parts: tuple[Coverage, ...], missing: int, expected: Coverage) -> None:
    assert merge(parts, missing) == expected


def test_only_coverage_of_shared_kinds_is_rewritten() -> None:
    scopes = Scopes({"Pod": 2, "Node": 1})
    put = Upsert("Pod", ())
    assert list(scopes.merged(0, (put, Covered("Pod", part("given", "a"))))) == [
        put,
        Covered("Pod", Coverage("loading", namespaces=("a",))),
    ]
    assert list(scopes.merged(1, (Covered("Pod", part("given", "b")),))) == [
        Covered("Pod", Coverage("given", namespaces=("a", "b")))
    ]
    assert list(scopes.merged(2, (Covered("Node", Coverage("given")),))) == [
        Covered("Node", Coverage("given"))
    ]
