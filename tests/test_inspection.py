"""The inspection folds, publishes, judges, and hands on what went wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kinspect.errors import Unreachable
from kinspect.inspection import PUBLISH_S, Inspection
from kinspect.judge import judged
from kinspect.lab.apiserver import ApiServer
from kinspect.lab.store import Store
from kinspect.model.change import Change, Covered, Remove, Retain, Upsert
from kinspect.model.coverage import Coverage
from kinspect.model.endpointslice import SERVICE_NAME, Endpoint, EndpointPort, EndpointSlice
from kinspect.model.index import RELATIONS
from kinspect.model.kinds import KINDS
from kinspect.model.meta import Key, Meta, Object, Ref
from kinspect.model.pod import Pod, PodStatus
from kinspect.model.service import Service, ServicePort, ServiceSpec
from kinspect.model.snapshot import Snapshot, snapshot_of
from kinspect.sources import Detail
from kinspect.sources.kube import open_cluster
from kinspect.sources.manifests import read_manifests
from kinspect.sources.options import ClusterOptions
from tests.sources.rig import SERVICE_CIDR, namespace, service

STORY = Path(__file__).parent / "sources" / "data" / "story.yaml"
ALL_GIVEN: tuple[Change, ...] = tuple(Covered(kind, Coverage("given")) for kind in KINDS)


class Script:
    """A source that says its lines, one batch after the other, and then stays silent until it is closed."""

    title, live, namespace, kinds = "script", True, "default", tuple(KINDS)

    def __init__(self, *batches: tuple[Change, ...], error: Exception | None = None) -> None:
        self.batches, self.error, self.asked = batches, error, 0
        self.closed = asyncio.Event()

    async def changes(self) -> AsyncIterator[tuple[Change, ...]]:
        for batch in self.batches:
            yield batch
        if self.error is not None:
            raise self.error
        await self.closed.wait()

    async def detail(self, ref: Ref) -> Detail:
        self.asked += 1
        return Detail(f"name: {ref.name}", (), ref.name == "partial", "")

    async def aclose(self) -> None:
        self.closed.set()


def web(version: int = 1, name: str = "web", **spec: object) -> Service:
    meta = Meta(name=name, namespace="a", resource_version=str(version), uid=f"uid-{name}")
    return Service(metadata=meta, spec=ServiceSpec(selector={"app": name}, **spec))  # type: ignore[arg-type]


async def read(source: Script) -> Snapshot:
    inspection = Inspection(source)
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        running = group.create_task(inspection.run())
        snapshot = await inspection.loaded()
        await source.aclose()
        running.cancel()
    return snapshot


def test_a_file_is_judged_and_then_the_run_ends() -> None:
    snapshot = read_manifests([str(STORY)])

    async def run() -> Inspection:
        inspection = Inspection(None, snapshot)
        async with asyncio.timeout(10), asyncio.TaskGroup() as group:
            group.create_task(inspection.run())
            assert await inspection.loaded() is inspection.snapshot
        return inspection

    inspection = asyncio.run(run())
    assert inspection.snapshot == judged(snapshot)
    assert inspection.snapshot.index is snapshot.index


def test_the_yaml_of_a_file_is_partial_and_says_so() -> None:
    inspection = Inspection(None, read_manifests([str(STORY)]))
    detail = asyncio.run(inspection.detail(Ref("Service", "shop", "web")))
    assert detail.yaml.startswith("apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n")
    assert detail.partial
    assert "Only the fields" in detail.note
    assert "is not there any more" in asyncio.run(inspection.detail(Ref("Service", "shop", "x"))).note


def test_what_the_source_says_is_published_judged_and_live() -> None:
    async def run() -> Snapshot:
        return await read(Script((Upsert("Service", (web(),)),), ALL_GIVEN))

    snapshot = asyncio.run(run())
    assert snapshot.live
    assert snapshot.source == "script"
    assert snapshot.taken_at.year >= 2024
    assert snapshot.judgments[Ref("Service", "a", "web")].state == "broken"


def test_nothing_is_loaded_while_a_kind_is_on_its_way() -> None:
    async def run() -> None:
        source = Script(ALL_GIVEN[1:], (Covered("Service", Coverage("loading", count=1)),))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await read(source)

    asyncio.run(run())


def test_what_is_read_of_few_kinds_is_loaded_when_they_are_and_need_not_be_judged() -> None:
    async def run() -> Snapshot:
        source = Script((Upsert("Service", (web(),)), *ALL_GIVEN[:2]))
        source.kinds = tuple(KINDS)[:2]
        inspection = Inspection(source, judging=False)
        async with asyncio.timeout(10), asyncio.TaskGroup() as group:
            running = group.create_task(inspection.run())
            loaded = await inspection.loaded()
            running.cancel()
        return loaded

    snapshot = asyncio.run(run())
    assert list(snapshot.services) == [Key("a", "web")]
    assert snapshot.coverage_of("Pod").state == "not given"
    assert snapshot.judgments == {}


def test_an_old_snapshot_never_changes_and_what_did_not_change_is_shared() -> None:
    async def run() -> None:
        inspection = Inspection(None)
        folder = inspection._folder
        pod = Pod(metadata=Meta(name="p"))
        folder.fold((Upsert("Service", (web(1),)), Upsert("Pod", (pod,)), *ALL_GIVEN), _NO_INDEX)
        first = folder.publish(Snapshot(live=True), 0.0)
        folder.fold((Upsert("Service", (web(2), web(3, "api"))),), first.index)
        second = folder.publish(first, 0.0)
        assert first.services == {Key("a", "web"): web(1)}
        assert second.services == {Key("a", "web"): web(2), Key("a", "api"): web(3, "api")}
        assert second.pods is first.pods
        assert second.index.pods_by_namespace is first.index.pods_by_namespace
        assert set(second.recent) == {Ref("Service", "a", "web"), Ref("Service", "a", "api")}

    asyncio.run(run())


_NO_INDEX = Snapshot().index


def test_the_same_version_again_is_no_change() -> None:
    async def run() -> None:
        folder = Inspection(None)._folder
        folder.fold((Upsert("Service", (web(1),)), *ALL_GIVEN), _NO_INDEX)
        first = folder.publish(Snapshot(), 0.0)
        folder.fold((Upsert("Service", (web(1),)),), first.index)
        second = folder.publish(first, 0.0)
        assert second.services is first.services
        assert not second.recent

    asyncio.run(run())


def test_what_ends_the_reading_is_raised_to_whoever_waits() -> None:
    async def run() -> None:
        inspection = Inspection(Script(error=Unreachable("gone")))
        async with asyncio.timeout(5), asyncio.TaskGroup() as group:
            group.create_task(inspection.run())
            with pytest.raises(Unreachable, match="gone"):
                await inspection.loaded()
            with pytest.raises(Unreachable, match="gone"):
                await inspection.changed(inspection.snapshot)

    asyncio.run(run())


def test_a_detail_is_asked_once_for_each_version() -> None:
    async def run() -> None:
        source = Script(
            (Upsert("Service", (web(1), web(1, "partial"))),), ALL_GIVEN, (Upsert("Service", (web(2),)),)
        )
        inspection = Inspection(source)
        ref = Ref("Service", "a", "web")
        async with asyncio.timeout(5), asyncio.TaskGroup() as group:
            running = group.create_task(inspection.run())
            await inspection.loaded()
            await inspection.detail(ref)
            await inspection.detail(ref)
            assert source.asked == 1
            await inspection.detail(Ref("Service", "a", "partial"))
            await inspection.detail(Ref("Service", "a", "partial"))
            assert source.asked == 3
            running.cancel()

    asyncio.run(run())


def test_it_publishes_at_most_twenty_times_a_second() -> None:
    async def run() -> None:
        inspection = Inspection(Script(ALL_GIVEN))
        published, dirty = 0, inspection._dirty
        async with asyncio.TaskGroup() as group:
            running = group.create_task(inspection.run())
            snapshot = await inspection.loaded()
            loop = asyncio.get_running_loop()
            end = loop.time() + 1
            while loop.time() < end:
                inspection._folder.fold((Upsert("Service", (web(published),)),), snapshot.index)
                dirty.set()
                await asyncio.sleep(0.002)
                if inspection.snapshot is not snapshot:
                    snapshot, published = inspection.snapshot, published + 1
            running.cancel()
        assert 5 <= published <= 21

    asyncio.run(run())


NAMES = st.sampled_from(["a", "b", "c"])


@st.composite
def changes(draw: st.DrawFn) -> Change:
    kind = draw(st.sampled_from(["Service", "EndpointSlice", "Pod"]))
    name, number = draw(NAMES), draw(st.integers(1, 9))
    place = draw(st.sampled_from(["x", "y"]))
    made: dict[str, Object] = {
        "Service": Service(
            metadata=Meta(name=name, namespace=place, resource_version=str(number)),
            spec=ServiceSpec(selector={"app": name}, ports=(ServicePort(port=number),)),
        ),
        "Pod": Pod(
            metadata=Meta(name=name, namespace=place, labels={"app": draw(NAMES)}),
            status=PodStatus(pod_ip=f"10.0.0.{number}"),
        ),
        "EndpointSlice": EndpointSlice(
            metadata=Meta(name=name, namespace=place, labels={SERVICE_NAME: draw(NAMES)}),
            endpoints_or_null=(Endpoint(addresses=(f"10.0.0.{number}",)),),
            ports_or_null=(EndpointPort(port=number),),
        ),
    }
    what = draw(st.sampled_from(["put", "put", "put", "remove", "retain", "cover"]))
    if what == "put":
        return Upsert(kind, (made[kind],))
    if what == "remove":
        return Remove(kind, (Key(place, name),))
    if what == "retain":
        return Retain(kind, draw(st.sampled_from([None, "x"])), frozenset({Key(place, name)}))
    return Covered(kind, draw(st.sampled_from([Coverage("given"), Coverage("denied", "no")])))


def folded(batches: list[list[Change]]) -> Snapshot:
    """What the changes mean, by the shortest way."""
    objects: dict[str, dict[Key, Object]] = {kind: {} for kind in KINDS}
    coverage = {kind: Coverage("given") for kind in KINDS}
    for change in (each for batch in batches for each in batch):
        of_kind = objects[change.kind]
        match change:
            case Upsert(objects=new):
                for each in new:
                    version = each.metadata.resource_version
                    if not version or of_kind.get(each.key, Object()).metadata.resource_version != version:
                        of_kind[each.key] = each
            case Remove(keys=keys):
                for key in keys:
                    of_kind.pop(key, None)
            case Retain(namespace=place, keys=keys):
                for key in of_kind.keys() - keys:
                    if place in (None, key.namespace):
                        del of_kind[key]
            case Covered(kind=kind, coverage=told):
                coverage[kind] = told
    return judged(
        snapshot_of(((k, each) for k, found in objects.items() for each in found.values()), coverage)
    )


def as_sets(snapshot: Snapshot) -> dict[str, dict[object, set[object]]]:
    """The index with real sets, which have no order."""
    index = snapshot.index
    return {name: {key: set(members) for key, members in getattr(index, name).items()} for name in RELATIONS}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.lists(changes(), max_size=6), max_size=8))
def test_any_changes_end_as_a_fresh_reading_would(batches: list[list[Change]]) -> None:
    async def run() -> Snapshot:
        return await read(Script(ALL_GIVEN, *(tuple(batch) for batch in batches)))

    found, expected = asyncio.run(run()), folded(batches)
    for kind in KINDS:
        assert found.of(kind) == expected.of(kind)
    assert found.coverage == expected.coverage
    assert as_sets(found) == as_sets(expected)
    assert found.judgments == expected.judgments


def test_a_real_cluster_from_end_to_end(tmp_path: Path) -> None:
    async def run() -> None:
        store = Store()
        for each in (SERVICE_CIDR, namespace("shop"), service("web")):
            store.create(each)
        async with ApiServer(store, tmp_path) as server:
            source = open_cluster(ClusterOptions(kubeconfig=str(server.kubeconfig)), None)
            inspection = Inspection(source)
            async with asyncio.timeout(20), asyncio.TaskGroup() as group:
                running = group.create_task(inspection.run())
                snapshot = await inspection.loaded()
                ref = Ref("Service", "shop", "web")
                assert snapshot.judgments[ref].state == "broken"
                assert not snapshot.recent
                detail = await inspection.detail(ref)
                assert "kind: Service" in detail.yaml
                assert not detail.partial
                store.create(service("late"))
                while Key("shop", "late") not in snapshot.services:
                    snapshot = await inspection.changed(snapshot)
                assert Ref("Service", "shop", "late") in snapshot.recent
                running.cancel()
                await source.aclose()

    asyncio.run(run())


def test_what_is_said_while_the_judge_works_is_judged_by_the_snapshot_that_has_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("kinspect.inspection.JUDGE_S", 0.0)  # one subject at a time, with a rest after each
    first = (Upsert("Service", tuple(web(name=f"web{n}") for n in range(40))), *ALL_GIVEN)
    pods = tuple(
        Pod(metadata=Meta(name=f"p{n}", namespace="a", labels={"app": f"web{n}"})) for n in range(40)
    )
    unknown, known = Covered("Pod", Coverage("lost", "gone")), Covered("Pod", Coverage("given"))

    class Talker(Script):
        async def changes(self) -> AsyncIterator[tuple[Change, ...]]:
            yield (*first, unknown)
            await asyncio.sleep(
                PUBLISH_S * 1.3
            )  # the first snapshot was empty; now the judge works on the second
            yield (known, Upsert("Pod", pods))
            await self.closed.wait()

    async def run() -> Snapshot:
        source = Talker()
        inspection = Inspection(source)
        async with asyncio.timeout(10), asyncio.TaskGroup() as group:
            running = group.create_task(inspection.run())
            while len(inspection.snapshot.pods) < 40 or inspection.snapshot.pending:
                await inspection.changed(inspection.snapshot)
            await source.aclose()
            running.cancel()
        return inspection.snapshot

    snapshot = asyncio.run(run())
    assert snapshot.judgments == judged(snapshot).judgments
