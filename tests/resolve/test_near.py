"""What a selector that matches nothing may have meant."""

from __future__ import annotations

from kinspect.model.meta import Labels, Meta, Object, Ref
from kinspect.model.pod import Deployment, Pod, PodTemplate, WorkloadSpec
from kinspect.model.snapshot import Snapshot, snapshot_of
from kinspect.resolve.near import NearLabel, near_misses


def pods(namespace: str, *labels: Labels) -> list[tuple[str, Object]]:
    return [("Pod", Pod(Meta(f"pod-{n}", namespace, labels=each))) for n, each in enumerate(labels)]


def world(*objects: tuple[str, Object]) -> Snapshot:
    return snapshot_of(objects, {})


def test_one_pair_away() -> None:
    seen = world(
        *pods("shop", {"app": "web", "tier": "frontend"}, {"app": "web", "tier": "frontend"}, {"app": "web"})
    )
    near = near_misses(seen, "shop", {"app": "web", "tier": "front"})
    assert near.labels == (
        NearLabel("tier", "front", "tier", "frontend", 2),
        NearLabel("tier", "front", "tier", None, 1),
    )


def test_slip_of_the_pen_in_a_single_pair() -> None:
    near = near_misses(world(*pods("shop", {"app": "Web"}, {"app": "api"})), "shop", {"app": "web"})
    assert near.labels == (NearLabel("app", "web", "app", "Web", 1),)


def test_same_value_under_another_key() -> None:
    seen = world(*pods("shop", {"app.kubernetes.io/name": "web"}))
    near = near_misses(seen, "shop", {"app": "web"})
    assert near.labels == (NearLabel("app", "web", "app.kubernetes.io/name", "web", 1),)


def test_other_namespace() -> None:
    seen = world(*pods("prod", {"app": "web", "x": "y"}), *pods("stage", {"app": "api"}))
    near = near_misses(seen, "shop", {"app": "web"})
    assert near.namespaces == ("prod",)
    assert near.labels == ()


def test_workload_that_runs_no_pod() -> None:
    seen = world(deployment("web", 0, {"app": "web", "extra": "label"}))
    assert near_misses(seen, "shop", {"app": "web"}).workloads == ((Ref("Deployment", "shop", "web"), 0),)
    assert near_misses(seen, "shop", {"app": "api"}).workloads == ()


def deployment(name: str, replicas: int | None, labels: Labels) -> tuple[str, Object]:
    template = PodTemplate(Meta(labels=labels))
    return "Deployment", Deployment(Meta(name, "shop"), WorkloadSpec(replicas, template=template))


def test_workload_that_fits_wholly_says_more_than_labels_that_come_near() -> None:
    seen = world(deployment("web", 0, {"app": "web"}), *pods("shop", {"app": "wev"}))
    assert near_misses(seen, "shop", {"app": "web"}).labels == ()


def test_template_that_comes_near_where_no_pod_does() -> None:
    seen = world(deployment("cart", None, {"app": "cart"}))
    assert near_misses(seen, "shop", {"app": "carts"}).labels == (
        NearLabel("app", "carts", "app", "cart", 0),
    )


def test_nothing_near() -> None:
    near = near_misses(world(*pods("shop", {"app": "database"})), "shop", {"app": "web"})
    assert (near.labels, near.namespaces, near.workloads) == ((), (), ())
