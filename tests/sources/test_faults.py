"""Every fault of a real server as one named case, over real HTTPS; each ends equal to a fresh list."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from kinspect.errors import Unreachable
from kinspect.lab.api.requests import RequestInfo
from kinspect.model.coverage import Coverage
from kinspect.model.meta import Key
from kinspect.sources import transport
from tests.sources.rig import SERVICE_CIDR, Fault, Rig, namespace, service

EXPIRED_EVENT = (Path(__file__).parent / "data" / "watch-410.jsonl").read_bytes()
EXPIRED_LIST = (Path(__file__).parent / "data" / "list-410.json").read_bytes()


def play(story: Callable[[Rig], Coroutine[Any, Any, None]], directory: Path, **server: Any) -> None:
    """Runs the story with a server that has seven Services."""

    async def run() -> None:
        async with Rig(directory, **server) as rig:
            rig.store.create(SERVICE_CIDR)
            rig.store.create(namespace("shop"))
            rig.store.create(namespace("other"))
            for each in range(7):
                rig.store.create(service(f"s{each}"))
            await story(rig)

    asyncio.run(run())


def answer(status: int, body: bytes | dict[str, Any] = b"", **headers: str) -> web.Response:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return web.Response(status=status, body=data, headers={"Content-Type": "application/json", **headers})


def on(plural: str, times: int, do: Callable[[web.Request], Awaitable[Any]], watch: bool = False) -> Fault:
    """Lets the first `times` lists (or watches) of a kind meet a fault."""
    left = times

    async def fault(request: web.Request) -> web.StreamResponse | None:
        nonlocal left
        if left and request.path.endswith(f"/{plural}") and ("watch" in request.query) is watch:
            left -= 1
            found: web.StreamResponse | None = await do(request)
            return found
        return None

    return fault


def saying(status: int, body: bytes | dict[str, Any] = b"trouble", **headers: str) -> Callable[..., Any]:
    async def do(_: web.Request) -> web.Response:
        return answer(status, body, **headers)

    return do


async def stir(rig: Rig) -> None:
    """Changes of every sort."""
    rig.store.create(service("new"))
    rig.store.delete("Service", "shop", "s1")
    found = dict(rig.store.get("Service", "shop", "s2"))
    rig.store.replace({**found, "metadata": {**found["metadata"], "labels": {"stirred": "yes"}}})


def test_pages_and_then_a_watch(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        rig.read()
        await rig.settled()
        assert [("continue" in query, query["limit"]) for query in rig.lists("services")] == [
            (False, "500"),
            (True, "500"),
            (True, "500"),
            (True, "500"),
        ]
        assert all("resourceVersion" not in query for query in rig.lists("services"))
        await stir(rig)
        await rig.equal_to_a_fresh_list()
        assert len(rig.lists("services")) == 4

    play(story, tmp_path)


def test_the_first_screen_is_read_before_anything_else(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        rig.read()
        await rig.settled()
        order = [path.rsplit("/", 1)[1] for path, query in rig.seen if "watch" not in query]
        last = max(at for at, plural in enumerate(order) if plural in ("services", "endpointslices"))
        assert last < order.index("pods")
        assert last < order.index("nodes")

    play(story, tmp_path)


def test_a_first_screen_that_fails_holds_nobody_up(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        rig.fault = on("services", 1_000, saying(503))
        rig.read()
        await rig.until(lambda: rig.coverage.get("Pod") == Coverage("given"))
        assert not rig.objects["Service"]

    play(story, tmp_path)


def test_writes_between_pages_are_not_lost(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        async def write(_: web.Request) -> None:
            if len(rig.lists("services")) == 2:
                await stir(rig)

        rig.fault = on("services", 4, write)
        rig.read()
        await rig.equal_to_a_fresh_list()

    play(story, tmp_path)


def test_a_page_token_that_expired(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        async def compact(request: web.Request) -> None:
            if "continue" in request.query:
                await stir(rig)
                rig.store.compact()

        rig.fault = on("services", 2, compact)
        rig.read()
        await rig.equal_to_a_fresh_list()
        assert "limit" not in rig.lists("services")[-1]

    play(story, tmp_path)


def test_the_recorded_410_of_a_list(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        rig.fault = on("services", 2, saying(410, EXPIRED_LIST))
        rig.read()
        await rig.equal_to_a_fresh_list()

    play(story, tmp_path)


def test_a_watch_whose_version_expired(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        async def expired(request: web.Request) -> web.StreamResponse:
            await stir(rig)
            return answer(200, EXPIRED_EVENT)

        rig.fault = on("services", 1, expired, watch=True)
        rig.read()
        await rig.equal_to_a_fresh_list()
        assert len(rig.lists("services")) == 8

    play(story, tmp_path)


def test_too_many_requests(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        rig.fault = on("services", 1, saying(429, b"", **{"Retry-After": "1"}))
        rig.read()
        began = asyncio.get_running_loop().time()
        await rig.equal_to_a_fresh_list()
        assert asyncio.get_running_loop().time() - began >= 1

    play(story, tmp_path)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_in_trouble(tmp_path: Path, status: int) -> None:
    async def story(rig: Rig) -> None:
        rig.fault = on("services", 6, saying(status))
        rig.read()
        await rig.until(lambda: rig.coverage.get("Service", Coverage()).state == "lost")
        assert rig.coverage["Service"].reason == "reconnecting: trouble"
        await rig.equal_to_a_fresh_list()

    play(story, tmp_path)


def test_the_log_tells_requests_failures_and_warnings_but_no_secret(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(rig: Rig) -> None:
        rig.fault = on("services", 2, saying(503, b"trouble", Warning='299 - "old and tired"'))
        rig.read()
        await rig.equal_to_a_fresh_list()
        assert rig.server.token not in caplog.text

    with caplog.at_level("DEBUG", "kinspect.sources"):
        play(story, tmp_path)
    assert "GET /api/v1/services" in caplog.text
    assert "Service: Failed(status=503, message='trouble'" in caplog.text
    assert caplog.text.count("old and tired") == 1


def test_a_page_that_is_cut(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "kinspect.sources.following")

    async def story(rig: Rig) -> None:
        async def cut(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse(headers={"Content-Length": "100000"})
            await response.prepare(request)
            await response.write(b'{"kind":"ServiceList","items":[{"metadata"')
            assert request.transport is not None
            request.transport.abort()
            return response

        rig.fault = on("services", 2, cut)
        rig.read()
        await rig.equal_to_a_fresh_list()

    play(story, tmp_path)
    assert "Service: Failed(status=None, message='the answer was cut off'" in caplog.text


def test_a_page_that_is_something_else(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        rig.fault = on("services", 2, saying(200, b"<html>please log in</html>"))
        rig.read()
        await rig.equal_to_a_fresh_list()

    play(story, tmp_path)


def test_a_server_that_does_not_answer(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        async def silent(_: web.Request) -> None:
            await asyncio.sleep(1)

        rig.fault = on("services", 1, silent)
        rig.read(request_timeout_s=0.3)
        await rig.equal_to_a_fresh_list()

    play(story, tmp_path)


def test_a_watch_that_is_cut_in_the_middle_of_an_event(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        async def cut(request: web.Request) -> web.StreamResponse:
            await stir(rig)
            lines = [
                json.dumps({"type": event.type, "object": event.object}).encode() + b"\n"
                for event in rig.store.events_since("Service", int(request.query["resourceVersion"]))
            ]
            response = web.StreamResponse()
            await response.prepare(request)
            await response.write(lines[0] + lines[1][:40])
            await asyncio.sleep(0.05)
            assert request.transport is not None
            request.transport.abort()
            return response

        rig.fault = on("services", 1, cut, watch=True)
        rig.read()
        await rig.equal_to_a_fresh_list()
        assert len(rig.lists("services")) == 4

    play(story, tmp_path)


def test_a_watch_that_ends_at_once_again_and_again(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        rig.fault = on("services", 8, saying(200, b""), watch=True)
        rig.read()
        await rig.settled()
        await stir(rig)
        await rig.equal_to_a_fresh_list()

    play(story, tmp_path)


def test_a_watch_that_reports_a_storage_error(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        error = {
            "type": "ERROR",
            "object": {"kind": "Status", "code": 500, "message": "storage is (re)initializing"},
        }
        rig.fault = on("services", 7, saying(200, error), watch=True)
        rig.read()
        await rig.settled()
        await stir(rig)
        await rig.equal_to_a_fresh_list()

    play(story, tmp_path)


def test_a_server_that_restarts(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        rig.read()
        await rig.settled()
        await rig.server.stop()
        await rig.until(lambda: rig.coverage["Service"].as_of is not None)
        assert rig.coverage["Service"].reason.startswith("reconnecting: ")
        assert len(rig.objects["Service"]) == 7
        await stir(rig)
        await rig.server.start()
        await rig.equal_to_a_fresh_list()

    play(story, tmp_path)


def test_a_server_that_was_restored_from_an_old_backup(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        rig.read()
        await rig.settled()
        await rig.server.stop()
        for each in ("s3", "s4", "s5"):
            rig.store.delete("Service", "shop", each)
        rig.store.compact()
        rig.store.version = 3  # its clock stands where it stood long ago
        await rig.server.start()
        await rig.equal_to_a_fresh_list()

    play(story, tmp_path)


def test_credentials_that_expire(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        token = tmp_path / "token"
        token.write_text(rig.server.token)
        config = json.loads(rig.server.kubeconfig.read_text())
        config["users"][0]["user"] = {"tokenFile": "token"}
        mine = tmp_path / "config"
        mine.write_text(json.dumps(config))
        rig.read(kubeconfig=str(mine))
        await rig.settled()
        rig.server.token = "the-next-token"
        token.write_text("the-next-token\n")
        await rig.server.stop()
        await rig.server.start()
        await stir(rig)
        await rig.equal_to_a_fresh_list()

    play(story, tmp_path)


def test_credentials_that_stay_expired_are_told_and_tried_again(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        rig.read()
        await rig.settled()
        token, rig.server.token = rig.server.token, "another"
        await rig.server.stop()
        await rig.server.start()
        await rig.until(lambda: "credentials are not accepted" in rig.coverage["Service"].reason)
        assert rig.coverage["Service"].as_of is not None
        rig.server.token = token
        await stir(rig)
        await rig.equal_to_a_fresh_list()

    play(story, tmp_path)


def test_a_login_that_expired_before_the_start_is_one_clear_error(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        rig.read(token="expired")
        with pytest.raises(Unreachable) as caught:
            await rig.until(lambda: False)
        assert "does not accept the credentials" in caught.value.message
        assert "renew" in caught.value.hint

    play(story, tmp_path)


def test_a_user_of_one_namespace(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        rig.store.create(service("elsewhere", "other"))
        rig.read(namespace="shop")
        await rig.settled()
        told = rig.coverage["Service"]
        assert (told.state, told.namespaces) == ("given", ("shop",))
        assert 'only namespace shop: services is forbidden: User "tester" cannot list' in told.reason
        assert rig.coverage["Node"].state == "denied"
        await stir(rig)
        mine = {key: each for key, each in rig.fresh("Service").items() if key.namespace == "shop"}
        await rig.until(lambda: rig.objects["Service"] == mine)

    play(story, tmp_path, allows=lambda info: info.namespace == "shop")


def test_two_namespaces_that_were_asked_for(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        rig.store.create(service("elsewhere", "other"))
        rig.store.create(namespace("third"))
        rig.store.create(service("unseen", "third"))
        rig.read(("shop", "other"))
        await rig.settled()
        assert rig.coverage["Service"] == Coverage("given", namespaces=("other", "shop"))
        assert len(rig.objects["Service"]) == 8
        rig.store.delete("Service", "other", "elsewhere")
        await rig.until(lambda: Key("other", "elsewhere") not in rig.objects["Service"])
        assert len(rig.objects["Service"]) == 7

    play(story, tmp_path)


def test_a_kind_that_may_be_listed_but_not_watched(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        rig.read()
        await rig.settled()
        await rig.until(lambda: "listed but not watched" in rig.coverage["Service"].reason)
        await stir(rig)
        await rig.until(lambda: rig.objects["Service"] == rig.fresh("Service"))

    play(story, tmp_path, allows=lambda info: info.verb != "watch")


def test_a_right_that_is_given_later(tmp_path: Path) -> None:
    granted = asyncio.Event()

    async def story(rig: Rig) -> None:
        rig.read()
        await rig.settled()
        assert rig.coverage["Ingress"].state == "denied"
        granted.set()
        await rig.until(lambda: rig.coverage["Ingress"] == Coverage("given"))

    play(story, tmp_path, allows=lambda info: info.resource != "ingresses" or granted.is_set())


def test_a_right_that_is_given_between_the_refusal_and_the_question_about_one_namespace(
    tmp_path: Path,
) -> None:
    asked: list[str | None] = []

    def allows(info: RequestInfo) -> bool:
        if info.resource == "services":
            asked.append(info.namespace)
        return info.resource != "services" or len(asked) > 1

    async def story(rig: Rig) -> None:
        rig.store.create(service("elsewhere", "other"))
        rig.read(namespace="shop")
        await rig.until(lambda: rig.coverage.get("Service", Coverage()).namespaces == ("shop",))
        assert Key("other", "elsewhere") not in rig.objects["Service"]
        await rig.equal_to_a_fresh_list()
        await stir(rig)
        await rig.equal_to_a_fresh_list()

    play(story, tmp_path, allows=allows)


def test_a_right_to_the_whole_cluster_that_is_given_later_and_taken_again(tmp_path: Path) -> None:
    everywhere, refused_again = asyncio.Event(), asyncio.Event()
    refused = 0

    def allows(info: RequestInfo) -> bool:
        nonlocal refused
        allowed = info.namespace == "shop" or everywhere.is_set()
        refused += info.resource == "services" and not allowed
        if refused > 1:
            refused_again.set()
        return allowed

    async def story(rig: Rig) -> None:
        rig.store.create(service("elsewhere", "other"))
        rig.read(namespace="shop")
        await rig.settled()
        await refused_again.wait()
        rig.store.create(service("new"))
        await rig.until(lambda: Key("shop", "new") in rig.objects["Service"])
        assert rig.coverage["Service"].namespaces == ("shop",)
        everywhere.set()
        await rig.equal_to_a_fresh_list()
        everywhere.clear()
        await rig.server.stop()
        await rig.server.start()
        await rig.until(lambda: rig.coverage["Service"].namespaces == ("shop",))
        assert Key("other", "elsewhere") not in rig.objects["Service"]

    play(story, tmp_path, allows=allows)


def test_a_kind_that_appears_later_and_goes_again(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        installed = False

        async def not_there(request: web.Request) -> web.Response | None:
            if "gateway.networking.k8s.io" in request.path and not installed:
                return web.Response(status=404, text="404 page not found")
            return None

        rig.fault = not_there
        rig.read()
        await rig.settled()
        assert rig.coverage["HTTPRoute"] == Coverage("absent")
        installed = True
        rig.store.create(
            {
                "apiVersion": "gateway.networking.k8s.io/v1",
                "kind": "HTTPRoute",
                "metadata": {"name": "r", "namespace": "shop"},
                "spec": {"rules": [{"backendRefs": [{"name": "s1", "port": 80}]}]},
            }
        )
        await rig.until(lambda: rig.coverage["HTTPRoute"] == Coverage("given"))
        assert Key("shop", "r") in rig.objects["HTTPRoute"]
        installed = False
        await rig.server.stop()
        await rig.server.start()
        await rig.until(lambda: rig.coverage["HTTPRoute"] == Coverage("absent"))
        assert not rig.objects["HTTPRoute"]

    play(story, tmp_path)


def test_a_malformed_object_among_good_ones(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        async def spoiled(request: web.Request) -> web.Response:
            items = rig.store.list("Service")
            bad = {"metadata": {"name": "bad", "namespace": "shop"}, "spec": {"ports": "none"}}
            odd = {**items[0], "metadata": {**items[0]["metadata"], "labels": None}}
            metadata = {"resourceVersion": str(rig.store.version)}
            return answer(200, {"metadata": metadata, "items": [bad, odd, *items[1:]]})

        rig.fault = on("services", 1, spoiled)
        rig.read()
        await rig.settled()
        assert rig.objects["Service"] == rig.fresh("Service")
        assert rig.coverage["Service"].reason.startswith(
            "not readable: shop/bad (Expected `array`, got `str`"
        )

    play(story, tmp_path)


def test_a_whole_list_that_is_cut_between_its_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "PART", 2)

    async def story(rig: Rig) -> None:
        async def slow_then_cut(request: web.Request) -> web.StreamResponse | None:
            if "limit" in request.query:
                await asyncio.sleep(0.4)
                return None
            items = [json.dumps(each, separators=(",", ":")).encode() for each in rig.store.list("Service")]
            response = web.StreamResponse()
            await response.prepare(request)
            await response.write(b'{"metadata":{"resourceVersion":"1"},"items":[' + b",".join(items[:5]))
            await stir(rig)
            await asyncio.sleep(0.1)
            assert request.transport is not None
            request.transport.abort()
            return response

        rig.fault = on("services", 2, slow_then_cut)
        rig.read()
        await rig.equal_to_a_fresh_list()
        assert rig.lists("services")[1:] == [{"resourceVersion": "0"}] * 2

    play(story, tmp_path)


def test_a_slow_server_is_asked_for_its_cache(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        async def slow(request: web.Request) -> None:
            await asyncio.sleep(0.4)

        rig.fault = on("services", 1, slow)
        rig.read()
        await rig.equal_to_a_fresh_list()
        assert rig.lists("services")[1] == {"resourceVersion": "0"}
        assert len(rig.lists("services")) == 2

    play(story, tmp_path)


def test_the_number_of_requests_does_not_grow_with_the_number_of_services(tmp_path: Path) -> None:
    counts = []

    async def story(rig: Rig) -> None:
        rig.server.limits = rig.server.limits._replace(largest_page=None)
        for each in range(len(counts) * 200):
            rig.store.create(service(f"more-{each}"))
        rig.read()
        await rig.equal_to_a_fresh_list()
        await rig.settled()
        counts.append(len([path for path, query in rig.seen if "watch" not in query]))

    play(story, tmp_path)
    play(story, tmp_path)
    assert counts[0] == counts[1]
