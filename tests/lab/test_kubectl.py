"""Real kubectl against the lab's API server, with the paper cluster behind it."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from kinspect.lab import manifests, paper
from tests.kubectl import required

STORY = Path(__file__).parents[2] / "snapshots" / "service-apis" / "manifests.yaml"


@pytest.fixture(autouse=True, scope="module")
def _kubectl() -> None:
    required()


class Kubectl:
    """Runs kubectl with one kubeconfig and a discovery cache of its own."""

    def __init__(self, kubeconfig: Path, cache: str) -> None:
        self.flags = ("--kubeconfig", str(kubeconfig), "--cache-dir", cache, "--request-timeout=20s")

    async def run(self, *args: str, stdin: str | None = None) -> tuple[int, str, str]:
        process = await asyncio.create_subprocess_exec(
            *("kubectl", *self.flags, *args),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate(stdin.encode() if stdin is not None else b"")
        return process.returncode or 0, out.decode(), err.decode()

    async def __call__(self, line: str, stdin: str | None = None) -> str:
        code, out, err = await self.run(*line.split(), stdin=stdin)
        assert code == 0, f"kubectl {line}: {err}"
        return out

    async def refused(self, line: str, stdin: str | None = None) -> str:
        code, out, err = await self.run(*line.split(), stdin=stdin)
        assert code != 0, f"kubectl {line}: {out}"
        return err


def with_story(test: Callable[[Kubectl], Awaitable[None]]) -> None:
    async def within() -> None:
        items = manifests.read([str(STORY)])
        with tempfile.TemporaryDirectory() as cache:
            async with asyncio.timeout(60), paper.paper_cluster(items) as kubeconfig:
                await test(Kubectl(kubeconfig, cache))

    asyncio.run(within())


def columns(table: str) -> list[list[str]]:
    return [line.split() for line in table.splitlines()]


def test_get_prints_the_columns_that_a_real_server_makes():
    async def test(kubectl: Kubectl) -> None:
        services = columns(await kubectl("get svc -n shop -o wide"))
        assert services[0] == [*("NAME", "TYPE", "CLUSTER-IP", "EXTERNAL-IP", "PORT(S)", "AGE", "SELECTOR")]
        by_name = {row[0]: row for row in services}
        assert by_name["kiosk"][4] == "80:30080/TCP" and by_name["kiosk"][6] == "app=kiosk"
        assert by_name["front-pending"][3] == "<pending>"
        assert by_name["payments"][1:5] == ["ExternalName", "<none>", "payments.example.com", "<none>"]
        pods = columns(await kubectl("get pods -n infra -o wide"))
        assert ["queue-0", "0/1", "Running"] in [row[:3] for row in pods]
        nodes = columns(await kubectl("get nodes -o wide"))
        assert [row[:2] for row in nodes[1:]] == [[f"node{n}", "Ready"] for n in (1, 2, 3)]
        assert "<unset>" in await kubectl("get endpointslices -n shop")
        assert "deployment.apps/web" in await kubectl("get all -n shop")
        paged = await kubectl("get pods -A --chunk-size=5 -o name")
        assert sorted(paged.split()) == sorted((await kubectl("get pods -A -o name")).split())

    with_story(test)


def test_describe_finds_endpoints_and_events():
    async def test(kubectl: Kubectl) -> None:
        told = await kubectl("describe svc -n shop divided")
        assert "TargetPort:" in told and told.count(":8080") == 3
        assert "TopologyAwareHintsEnabled" in told
        ingress = await kubectl("describe ing -n shop shop")
        assert "shop-tls terminates" in ingress and "fallback:http" in ingress
        assert "PodCIDR:" in await kubectl("describe node node2")
        assert "Status:           Running" in await kubectl("describe pod -n shop blue")

    with_story(test)


def test_a_deployment_from_creation_to_deletion():
    async def test(kubectl: Kubectl) -> None:
        await kubectl("create namespace demo")
        await kubectl("create deployment hello --image=echo --port=8080 -n demo")
        await kubectl("wait -n demo deploy/hello --for=condition=Available --timeout=10s")
        await kubectl("expose deployment hello -n demo --port=80 --target-port=8080")
        await kubectl("scale deploy/hello -n demo --replicas=3")
        await kubectl("rollout status deploy/hello -n demo --timeout=10s")
        (found,) = json.loads(await kubectl("get endpointslices -n demo -o json"))["items"]
        assert len(found["endpoints"]) == 3
        await kubectl("label pods -n demo -l app=hello colour=red")
        assert len((await kubectl("get pods -n demo -l colour=red -o name")).split()) == 3
        await kubectl("set image deploy/hello -n demo echo=echo:2")
        await kubectl("rollout status deploy/hello -n demo --timeout=10s")
        assert await kubectl("get pods -n demo -l colour=red -o name") == ""
        await kubectl("delete deployment hello -n demo")
        await kubectl("wait pods --all -n demo --for=delete --timeout=10s")
        await kubectl("delete namespace demo --timeout=10s")
        assert "demo" not in await kubectl("get ns")

    with_story(test)


def test_every_way_to_create():
    async def test(kubectl: Kubectl) -> None:
        await kubectl("create service clusterip late -n shop --tcp=80:8080")
        await kubectl("create service externalname out --external-name=example.com")
        await kubectl("create configmap c --from-literal=a=b")
        await kubectl("create secret generic s --from-literal=a=b")
        await kubectl("create serviceaccount bot")
        await kubectl("create ingress i --rule=a.example.com/*=web:80 -n shop")
        await kubectl("run one --image=echo --port=80 -n shop")
        pod = json.loads(await kubectl("get pod one -n shop -o json"))
        assert pod["spec"]["containers"][0]["ports"] == [{"containerPort": 80, "protocol": "TCP"}]
        rule = json.loads(await kubectl("get ing i -n shop -o json"))["spec"]["rules"][0]
        assert rule["http"]["paths"][0] == {
            "path": "/",
            "pathType": "Prefix",
            "backend": {"service": {"name": "web", "port": {"number": 80}}},
        }
        assert json.loads(await kubectl("get secret s -o json"))["data"] == {"a": "Yg=="}

    with_story(test)


def test_a_list_of_manifests_is_applied(tmp_path: Path) -> None:
    one = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}, "data": {"a": "b"}}
    two = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "two"},
        "spec": {"ports": [{"port": 80}]},
    }
    manifest = tmp_path / "list.json"
    manifest.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": [one, two]}))

    async def test(kubectl: Kubectl) -> None:
        assert "service/two created" in await kubectl(f"apply -f {manifest}")
        assert (await kubectl("get svc,cm -o name")).split() == [
            "service/kubernetes",
            "service/two",
            "configmap/kube-root-ca.crt",
            "configmap/one",
        ]

    with_story(test)


def test_apply_makes_changes_and_prunes_fields():
    async def test(kubectl: Kubectl) -> None:
        service = """
apiVersion: v1
kind: Service
metadata: {name: applied, namespace: shop, labels: {a: "1", b: "2"}}
spec:
  selector: {app: web}
  ports: [{name: http, port: 80}, {name: https, port: 443}]
"""
        assert "created" in await kubectl("apply -f -", service)
        assert "unchanged" in await kubectl("apply -f -", service)
        changed = service.replace(', b: "2"', "").replace(", {name: https, port: 443}", "")
        assert "configured" in await kubectl("apply -f -", changed)
        found = json.loads(await kubectl("get svc applied -n shop -o json"))
        assert found["metadata"]["labels"] == {"a": "1"}
        assert [port["name"] for port in found["spec"]["ports"]] == ["http"]
        told = await kubectl.refused("apply -f -", changed.replace("port: 80", "port: 0"))
        assert "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535" in told

    with_story(test)


def test_patches():
    async def test(kubectl: Kubectl) -> None:
        async def patch(kind: str, given: str) -> dict:
            code, out, err = await kubectl.run(
                *("patch", "svc", "kiosk", "-n", "shop", "-o", "json", f"--type={kind}", "-p", given)
            )
            assert code == 0, err
            return json.loads(out)["spec"]

        given = '[{"op":"replace","path":"/spec/ports/0/port","value":81}]'
        assert (await patch("json", given))["ports"][0]["port"] == 81
        assert (await patch("merge", '{"spec":{"externalTrafficPolicy":"Local"}}'))[
            "externalTrafficPolicy"
        ] == "Local"
        spec = await patch("strategic", '{"spec":{"ports":[{"port":82,"name":"more"}]}}')
        assert [port["port"] for port in spec["ports"]] == [82, 81]
        assert spec["ports"][1]["nodePort"] == 30080

    with_story(test)


def test_watch_shows_what_changes():
    async def test(kubectl: Kubectl) -> None:
        process = await asyncio.create_subprocess_exec(
            *("kubectl", *kubectl.flags, "get", "svc", "-n", "shop", "-w", "-o", "name"),
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        try:
            for _ in json.loads(await kubectl("get svc -n shop -o json"))["items"]:
                await process.stdout.readline()
            await kubectl("create service clusterip new -n shop --tcp=80")
            assert await process.stdout.readline() == b"service/new\n"
        finally:
            process.terminate()
            await process.wait()

    with_story(test)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("get svc absent", 'Error from server (NotFound): services "absent" not found'),
        ("get things", "the server doesn't have a resource type"),
        ("create service nodeport n --tcp=80 --node-port=30080", "provided port is already allocated"),
        ("create service clusterip n --tcp=80 --clusterip=10.96.0.50", "provided IP is already allocated"),
        ("create ns shop", 'namespaces "shop" already exists'),
        ("create configmap c --from-literal=a=b -n gone", 'namespaces "gone" not found'),
        ("delete ns default", "this namespace may not be deleted"),
        ("logs -n shop blue", "no container is run here"),
        ("exec -n shop blue -- ls", "kinspect lab exec"),
        ("get pods --field-selector=spec.image=x", "field label not supported: spec.image"),
        ("apply --server-side -f -", "application/strategic-merge-patch+json"),
    ],
)
def test_what_is_refused_is_refused_as_a_server_would(line, told):
    async def test(kubectl: Kubectl) -> None:
        given = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"}}'
        assert told in await kubectl.refused(line, given)

    with_story(test)


def test_a_field_that_is_gone_is_refused_or_dropped_with_a_warning():
    async def test(kubectl: Kubectl) -> None:
        given = """{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "t"},
                    "spec": {"topologyKeys": ["*"], "ports": [{"port": 80}]}}"""
        told = await kubectl.refused("create -f -", given)
        assert 'strict decoding error: unknown field "spec.topologyKeys"' in told
        _, out, err = await kubectl.run("create", "-f", "-", "--validate=warn", stdin=given)
        assert (out, err) == ("service/t created\n", 'Warning: unknown field "spec.topologyKeys"\n')
        assert "topologyKeys" not in await kubectl("get svc t -o yaml")

    with_story(test)


def test_a_deprecated_field_is_taken_with_a_warning():
    async def test(kubectl: Kubectl) -> None:
        given = """{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "e"},
                    "spec": {"externalIPs": ["192.0.2.11"], "ports": [{"port": 80}]}}"""
        _, out, err = await kubectl.run("create", "-f", "-", stdin=given)
        assert out == "service/e created\n"
        assert err == (
            "Warning: spec.externalIPs is deprecated and may no longer be implemented in some clusters\n"
        )

    with_story(test)


def test_the_old_endpoints_are_there_with_a_warning():
    async def test(kubectl: Kubectl) -> None:
        _, out, err = await kubectl.run("get", "endpoints", "-n", "shop", "colours")
        assert columns(out)[0] == ["NAME", "ENDPOINTS", "AGE"]
        assert sorted(columns(out)[1][1].split(",")) == ["10.244.1.3:80", "10.244.2.3:81"]
        assert err == "Warning: v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice\n"

    with_story(test)


def test_who_may_do_what():
    async def test(kubectl: Kubectl) -> None:
        assert await kubectl("auth can-i create pods") == "yes\n"
        assert "services" in await kubectl("auth can-i --list")
        assert "kinspect" in await kubectl("auth whoami")
        assert "gateways" not in await kubectl("api-resources")

    with_story(test)
