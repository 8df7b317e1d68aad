"""The API server over real HTTPS: answers beside recorded ones of a real server, lists, watches, writes."""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path

import pytest

from kinspect.lab.apiserver import Limits
from kinspect.lab.store import Store
from tests.lab.serving import Client, serving

RECORDED = json.loads((Path(__file__).parent / "recorded-answers.json").read_text())
VIEWER = "system:serviceaccount:shop:viewer"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"


def config(name: str, namespace: str = "shop", **labels: str) -> dict:
    meta = {"name": name, "namespace": namespace, "labels": labels}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta}


@pytest.fixture
def store() -> Store:
    store = Store()
    for name in ("kube-system", "shop"):
        store.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    return store


def names(found: dict) -> list[str]:
    return [item["metadata"]["name"] for item in found["items"]]


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda each: each["name"])
def test_an_answer_is_the_recorded_one(store, recorded):
    """The bytes of a real server's refusals; only versions and the form of a token differ."""

    async def run() -> None:
        denied = recorded["name"].startswith("viewer")
        options = {"allows": lambda info: False, "user": VIEWER} if denied else {}
        async with serving(store, **options) as client:
            if recorded["name"].startswith("410"):
                store.compact()
            headers = {}
            if recorded["name"] == "err-401-token":
                headers["Authorization"] = "Bearer not-ours"
            if recorded["name"] == "err-403-anonymous":
                headers["Authorization"] = ""
            code, about, text = await client.raw(recorded["method"], recorded["path"], **headers)
            assert (code, about["Content-Type"]) == (recorded["code"], recorded["contentType"])
            expected = recorded["body"]
            if isinstance(expected, str):
                assert text == expected
                return
            found = json.loads(text)
            if "resourceVersion" in expected.get("metadata", {}):
                expected["metadata"]["resourceVersion"] = found["metadata"]["resourceVersion"]
            if "message" in expected:
                expected["message"] = expected["message"].replace("1568", str(store.version))
            assert list(found) == list(expected), "the order of the keys"
            assert found == expected

    asyncio.run(run())


def test_pages_agree_with_each_other_while_the_world_changes(store):
    async def run(client: Client) -> None:
        for name in "abcdef":
            store.create(config(name))
        first = await client.get("/api/v1/configmaps?limit=2")
        assert names(first) == ["a", "b"]
        assert first["metadata"]["remainingItemCount"] == 4
        store.delete("ConfigMap", "shop", "d")
        store.create(config("bb"))
        token = first["metadata"]["continue"]
        second = await client.get(f"/api/v1/configmaps?limit=2&continue={token}")
        assert names(second) == ["c", "d"]
        assert second["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
        store.compact()
        token = second["metadata"]["continue"]
        code, gone = await client.ask("GET", f"/api/v1/configmaps?limit=2&continue={token}")
        assert (code, gone["reason"]) == (410, "Expired")
        rest = await client.get(f"/api/v1/configmaps?limit=5&continue={gone['metadata']['continue']}")
        assert names(rest) == ["e", "f"] and "continue" not in rest["metadata"]

    _with(store, run)


def test_the_server_may_make_smaller_pages_than_asked(store):
    async def run(client: Client) -> None:
        for name in "abc":
            store.create(config(name))
        assert names(await client.get("/api/v1/configmaps?limit=500")) == ["a"]
        assert len(names(await client.get("/api/v1/configmaps"))) == 3
        assert len(names(await client.get("/api/v1/configmaps?limit=1&resourceVersion=0"))) == 3

    _with(store, run, limits=Limits(largest_page=1))


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("labelSelector=app%3Da", ["one", "two"]),
        ("labelSelector=app!%3Da", ["three"]),
        ("labelSelector=app%20in%20(a,b),tier", ["one"]),
        ("labelSelector=!tier", ["three", "two"]),
        ("labelSelector=app%20notin%20(a)", ["three"]),
        ("fieldSelector=metadata.name%3Dtwo", ["two"]),
        ("fieldSelector=metadata.namespace!%3Dshop", []),
    ],
)
def test_selectors(store, selector, expected):
    store.create(config("one", app="a", tier="front"))
    store.create(config("two", app="a"))
    store.create(config("three", app="b"))

    async def run(client: Client) -> None:
        found = await client.get(f"/api/v1/namespaces/shop/configmaps?{selector}&limit=10")
        assert names(found) == expected
        assert "remainingItemCount" not in found["metadata"]

    _with(store, run)


def test_a_watch_tells_what_enters_and_leaves_its_selection(store):
    async def run(client: Client) -> None:
        start = store.version
        store.create(config("a", app="x"))
        store.create(config("b"))
        store.update("ConfigMap", "shop", "a", lambda i: i["metadata"].update(labels={"app": "y"}))
        store.update("ConfigMap", "shop", "b", lambda i: i["metadata"].update(labels={"app": "x"}))
        store.delete("ConfigMap", "shop", "b")
        path = f"/api/v1/configmaps?watch=1&resourceVersion={start}&labelSelector=app%3Dx"
        found = await client.lines(path, 4)
        assert [(e["type"], e["object"]["metadata"]["name"]) for e in found] == [
            ("ADDED", "a"),
            ("DELETED", "a"),
            ("ADDED", "b"),
            ("DELETED", "b"),
        ]
        versions = [int(e["object"]["metadata"]["resourceVersion"]) for e in found]
        assert versions == sorted(versions) and len(set(versions)) == 4
        assert found[1]["object"]["metadata"]["labels"] == {"app": "x"}

    _with(store, run)


def test_a_watch_from_a_forgotten_version_is_an_error_event(store):
    async def run(client: Client) -> None:
        store.create(config("a"))
        store.compact()
        (found,) = await client.lines("/api/v1/configmaps?watch=1&resourceVersion=1", 5)
        assert found["type"] == "ERROR"
        assert found["object"] == {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": f"too old resource version: 1 ({store.version})",
            "reason": "Expired",
            "code": 410,
        }

    _with(store, run)


def test_bookmarks_say_how_far_a_watch_has_come_and_print_empty_members(store):
    async def run(client: Client) -> None:
        path = f"/api/v1/services?watch=1&allowWatchBookmarks=true&resourceVersion={store.version}"
        store.create(config("a"))
        (found,) = await client.lines(path, 1)
        assert found == {
            "type": "BOOKMARK",
            "object": {
                "kind": "Service",
                "apiVersion": "v1",
                "metadata": {"resourceVersion": str(store.version)},
                "spec": {},
                "status": {"loadBalancer": {}},
            },
        }

    _with(store, run, limits=Limits(bookmark_every_s=0.05))


def test_a_streaming_list_ends_with_a_marked_bookmark_and_goes_on(store):
    store.create(config("a"))
    store.create(config("b"))

    async def run(client: Client) -> None:
        query = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
        asyncio.get_running_loop().call_later(0.1, lambda: store.create(config("c")))
        found = await client.lines(f"/api/v1/configmaps?{query}", 4)
        assert [e["type"] for e in found] == ["ADDED", "ADDED", "BOOKMARK", "ADDED"]
        assert found[2]["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}

    _with(store, run)


def test_a_watch_ends_by_its_timeout_and_by_the_server_stopping(store):
    async def run(client: Client) -> None:
        assert await client.lines("/api/v1/configmaps?watch=1&timeoutSeconds=1", 1) == []
        watching = asyncio.create_task(client.ask("GET", "/api/v1/configmaps?watch=1"))  # noqa: TID251
        await asyncio.sleep(0.1)
        port = client.server.port
        await client.server.stop()
        with pytest.raises(Exception, match=r"payload|disconnected|reset|closed"):
            await watching
        await client.server.start()
        assert client.server.port == port
        assert await client.get("/version")

    _with(store, run)


def test_stopping_ends_connections_that_have_not_greeted_yet(store):
    async def run(client: Client) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", client.server.port)  # and says nothing
        await client.get("/version")  # by now the server has taken that one, too
        await client.server.stop()
        try:
            async with asyncio.timeout(5):
                with contextlib.suppress(ConnectionResetError):
                    assert await reader.read() == b""
        finally:
            writer.close()

    _with(store, run)


def test_a_watch_whose_client_has_gone_is_forgotten(store):
    async def run(client: Client) -> None:
        store.create(config("a"))
        assert await client.lines("/api/v1/configmaps?watch=1", 1)
        async with asyncio.timeout(5):
            while store._listeners:  # noqa: ASYNC110 - the server has no event for what it forgets
                await asyncio.sleep(0.01)

    _with(store, run)


def test_an_interceptor_answers_first(store):
    from aiohttp import web

    asked = []

    async def interceptor(request: web.Request) -> web.StreamResponse | None:
        asked.append(request.path)
        return web.Response(status=429, headers={"Retry-After": "1"}) if len(asked) == 1 else None

    async def run(client: Client) -> None:
        code, about, _ = await client.raw("GET", "/api/v1/configmaps")
        assert (code, about["Retry-After"]) == (429, "1")
        assert names(await client.get("/api/v1/configmaps")) == []

    _with(store, run, interceptor=interceptor)


def test_writes_over_http(store):
    async def run(client: Client) -> None:
        path = "/api/v1/namespaces/shop/configmaps"
        code, made = await client.ask("POST", path, {"metadata": {"name": "a"}, "data": {"x": "1"}})
        assert code == 201 and made["kind"] == "ConfigMap"
        code, told = await client.ask("POST", path, {"metadata": {"name": "a"}})
        assert (code, told["reason"]) == (409, "AlreadyExists")
        code, told = await client.ask("PUT", f"{path}/a", {**made, "data": {"x": "2"}})
        assert code == 200 and told["data"] == {"x": "2"}
        code, told = await client.ask("PUT", f"{path}/a", made | {"data": {"x": "3"}})
        assert (code, told["reason"]) == (409, "Conflict")
        code, told = await client.ask("PUT", f"{path}/b", made)
        assert told["message"] == "the name of the object (a) does not match the name on the URL (b)"
        merge = {"Content_Type": "application/merge-patch+json"}
        code, told = await client.ask("PATCH", f"{path}/a", {"data": {"x": None, "y": "1"}}, **merge)
        assert told["data"] == {"y": "1"}
        code, told = await client.ask("PATCH", f"{path}/a", {}, Content_Type="application/apply-patch+yaml")
        assert (code, told["reason"]) == (415, "UnsupportedMediaType")
        code, told = await client.ask("DELETE", f"{path}/a?dryRun=All")
        assert code == 200 and store.find("ConfigMap", "shop", "a")
        uid = store.get("ConfigMap", "shop", "a")["metadata"]["uid"]
        code, told = await client.ask("DELETE", f"{path}/a", {"preconditions": {"uid": "other"}})
        assert (code, told["reason"]) == (409, "Conflict")
        code, told = await client.ask("DELETE", f"{path}/a")
        assert told["details"] == {"name": "a", "kind": "configmaps", "uid": uid}
        code, told = await client.ask("POST", "/api/v1/namespaces", {"metadata": {}})
        assert (code, told["reason"]) == (422, "Invalid")

    _with(store, run)


@pytest.mark.parametrize(
    ("method", "path", "body", "code"),
    [
        ("GET", "/api/v1/configmaps?limit=-1", None, 200),
        ("GET", "/api/v1/configmaps?resourceVersion=x", None, 422),
        ("GET", "/api/v1/configmaps?continue=x", None, 400),
        ("GET", "/api/v1/configmaps?labelSelector=a%20b", None, 400),
        ("GET", "/api/v1/configmaps?fieldSelector=x", None, 400),
        ("GET", "/api/v1/nodes/x/status", None, 404),
        ("GET", "/api/v1/namespaces/shop/nodes", None, 404),
        ("PUT", "/api/v1/namespaces/shop/configmaps", {}, 405),
        ("POST", "/api/v1/configmaps", {}, 404),
        ("POST", "/api/v1/namespaces/shop/configmaps", [], 400),
        ("POST", "/api/v1/namespaces/shop/configmaps", {"kind": "Pod"}, 400),
        ("POST", "/api/v1/namespaces/shop/configmaps", {"apiVersion": "v2"}, 400),
        ("POST", "/api/v1/namespaces/shop/configmaps", {"metadata": {"namespace": "x"}}, 400),
        ("POST", "/api/v1/namespaces/shop/configmaps?dryRun=Some", {"metadata": {"name": "x"}}, 400),
        ("POST", "/api/v1/namespaces/shop/services", {"metadata": {"name": "x"}, "spec": []}, 400),
        ("PATCH", "/api/v1/namespaces/shop/configmaps/a", {}, 415),
        ("DELETE", "/api/v1/namespaces/shop/configmaps/a?gracePeriodSeconds=x", None, 400),
        ("DELETE", "/api/v1/namespaces/shop/configmaps/a", {"gracePeriodSeconds": "x"}, 400),
        ("DELETE", "/api/v1/namespaces", None, 405),
        ("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", {"spec": 1}, 400),
        ("GET", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", None, 405),
    ],
)
def test_a_request_that_makes_no_sense_is_refused_with_a_status(store, method, path, body, code):
    store.create(config("a"))

    async def run(client: Client) -> None:
        found, told = await client.ask(method, path, body)
        assert found == code, told
        assert code == 200 or (told["kind"], told["code"]) == ("Status", code)

    _with(store, run)


@pytest.mark.parametrize("body", [{"spec": {"replicas": -1}}, {"spec": {"replicas": "x"}}, [], {"spec": 1}])
def test_a_scale_that_makes_no_sense_is_refused(store, body):
    spec = {"containers": [{"name": "c", "image": "x"}]}
    template = {"metadata": {"labels": {"a": "b"}}, "spec": spec}
    given = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d", "namespace": "shop"}}
    store.create(given | {"spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template}})

    async def run(client: Client) -> None:
        code, told = await client.ask("PUT", "/apis/apps/v1/namespaces/shop/deployments/d/scale", body)
        assert code in (400, 422) and told["kind"] == "Status"

    _with(store, run)


def test_delete_collection_takes_the_selection(store):
    for name, app in (("a", "x"), ("b", "y"), ("c", "x")):
        store.create(config(name, app=app))

    async def run(client: Client) -> None:
        code, told = await client.ask("DELETE", "/api/v1/namespaces/shop/configmaps?labelSelector=app%3Dx")
        assert code == 200 and names(told) == ["a", "c"]
        assert names(await client.get("/api/v1/configmaps")) == ["b"]

    _with(store, run)


def test_a_status_is_written_apart_from_the_rest(store):
    cidr = {"apiVersion": "networking.k8s.io/v1", "kind": "ServiceCIDR", "metadata": {"name": "kubernetes"}}
    store.create(cidr | {"spec": {"cidrs": ["10.96.0.0/16"]}})
    service = {"metadata": {"name": "s"}, "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]}}

    async def run(client: Client) -> None:
        path = "/api/v1/namespaces/shop/services"
        _, made = await client.ask("POST", path, service | {"status": {"loadBalancer": {"ingress": [{}]}}})
        assert made["status"] == {"loadBalancer": {}}
        changed = made | {"status": {"loadBalancer": {"ingress": [{"ip": "198.51.100.7"}]}}}
        changed["spec"] = made["spec"] | {"ports": [{"port": 99}]}
        _, told = await client.ask("PUT", f"{path}/s/status", changed)
        assert told["status"]["loadBalancer"]["ingress"][0]["ip"] == "198.51.100.7"
        assert told["spec"]["ports"][0]["port"] == 80
        _, told = await client.ask("PUT", f"{path}/s", told | {"status": {"loadBalancer": {}}})
        assert told["status"]["loadBalancer"]["ingress"]

    _with(store, run)


def test_discovery_plain_and_aggregated_tell_the_same(store):
    async def run(client: Client) -> None:
        aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"
        groups = await client.get("/apis")
        found = await client.get("/apis", Accept=aggregated)
        assert [g["name"] for g in groups["groups"]] == [i["metadata"]["name"] for i in found["items"]]
        for item in found["items"]:
            plain = await client.get(f"/apis/{item['metadata']['name']}/v1")
            resources = [r["name"] for r in plain["resources"] if "/" not in r["name"]]
            assert resources == [r["resource"] for r in item["versions"][0]["resources"]]
        core = await client.get("/api", Accept=aggregated)
        plain = await client.get("/api/v1")
        resources = [r["name"] for r in plain["resources"] if "/" not in r["name"]]
        assert resources == [r["resource"] for r in core["items"][0]["versions"][0]["resources"]]

    _with(store, run)


def test_gateway_api_is_there_only_when_installed():
    async def run(client: Client) -> None:
        found = await client.get("/apis/gateway.networking.k8s.io/v1/httproutes")
        assert found["kind"] == "HTTPRouteList"

    _with(Store(gateway_api=True), run)

    async def without(client: Client) -> None:
        code, told = await client.ask("GET", "/apis/gateway.networking.k8s.io/v1/httproutes")
        assert (code, told) == (404, "404 page not found\n")

    _with(Store(), without)


def test_reviews_answer_what_the_server_would_allow(store):
    def allows(info) -> bool:
        return info.verb in ("get", "list") and info.resource == "pods"

    async def run(client: Client) -> None:
        async def may(verb: str, resource: str) -> bool:
            asked = {"spec": {"resourceAttributes": {"verb": verb, "resource": resource}}}
            path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
            code, told = await client.ask("POST", path, asked)
            assert code == 201
            return told["status"]["allowed"]

        assert await may("list", "pods") and not await may("watch", "pods")
        path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
        _, told = await client.ask("POST", path, {"spec": {"namespace": "shop"}})
        assert told["status"]["resourceRules"] == [
            {"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods"]}
        ]
        code, _ = await client.ask("GET", "/api/v1/services")
        assert code == 403

    _with(store, run, allows=allows)


def test_large_lists_are_compressed_for_those_who_take_it(store):
    for number in range(600):
        store.create(config(f"config-{number:03}", text="x" * 60, other="y" * 60))

    async def run(client: Client) -> None:
        _, about, _ = await client.raw("GET", "/api/v1/configmaps", Accept_Encoding="gzip")
        assert about["Content-Encoding"] == "gzip"
        _, about, _ = await client.raw("GET", "/api/v1/configmaps?limit=5", Accept_Encoding="gzip")
        assert "Content-Encoding" not in about

    _with(store, run)


def test_metadata_only(store):
    store.create({**config("a"), "data": {"secret": "no"}})

    async def run(client: Client) -> None:
        accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
        found = await client.get("/api/v1/configmaps", Accept=accept)
        assert found["kind"] == "PartialObjectMetadataList"
        assert set(found["items"][0]) == {"kind", "apiVersion", "metadata"}

    _with(store, run)


def test_the_table_of_a_watch_tells_its_columns_once(store):
    store.create(config("a"))
    store.create(config("b"))

    async def run(client: Client) -> None:
        found = await client.lines("/api/v1/configmaps?watch=1", 2, Accept=TABLE)
        assert [c["name"] for c in found[0]["object"]["columnDefinitions"]] == ["Name", "Data", "Age"]
        assert found[1]["object"]["columnDefinitions"] is None

    _with(store, run)


def _with(store: Store, run, **options) -> None:
    async def within() -> None:
        async with asyncio.timeout(30), serving(store, **options) as client:
            await run(client)

    asyncio.run(within())
