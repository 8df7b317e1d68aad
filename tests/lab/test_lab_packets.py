"""Packets flow in the lab as they do in a cluster, in both proxy modes and both ways to join pods."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lab.labcommand import THIS_USER, LabCommand, unprivileged, up

pytestmark = pytest.mark.lab

GROUND = Path(__file__).with_name("ground.yaml")
TOOLBOX = "pod/shop/toolbox"
# What the pod of one node answers, asked through something that could also have chosen another node's.
TRIES = 12


NOBODY = unprivileged()
LABS = {
    "iptables-vxlan": ("iptables", "vxlan", THIS_USER),
    "nftables-routed": ("nftables", "routed", THIS_USER),
} | ({"nobody": ("nftables", "vxlan", NOBODY)} if NOBODY else {})


@pytest.fixture(scope="module", params=LABS.values(), ids=LABS)
def lab(request: pytest.FixtureRequest) -> Iterator[LabCommand]:
    proxy, cni, kinspect = request.param
    with up("--proxy", proxy, "--cni", cni, manifests=[GROUND], kinspect=kinspect) as booted:
        yield booted


@pytest.fixture(scope="module")
def web(lab: LabCommand) -> dict[str, Any]:
    return lab.get("services")["web"]


def test_boots_fast(lab: LabCommand, capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print(f"\n  lab: 3 nodes and 22 pods booted in {lab.boot_s:.2f} s, Python's start included")
    assert all(pod["status"]["phase"] == "Running" for pod in lab.get("pods").values())
    assert lab.boot_s < 30  # the figure to hold is in the bench: tests share their machine


def test_cluster_ip_leads_to_every_node(lab: LabCommand, web: dict[str, Any]) -> None:
    answers = [lab.fetch(TOOLBOX, f"http://{web['spec']['clusterIP']}/") for _ in range(TRIES)]
    assert {answer and answer["node"] for answer in answers} == {"node1", "node2", "node3"}
    # A pod that asks through a cluster IP is seen with its own address.
    address = lab.get("pods")["toolbox"]["status"]["podIP"]
    assert {answer and answer["client"].partition(":")[0] for answer in answers} == {address}


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_names_resolve_and_tls_answers(lab: LabCommand, scheme: str) -> None:
    answer = lab.fetch(TOOLBOX, f"{scheme}://web/path")
    assert answer and answer["path"] == "/path"
    assert (answer["tls"] is not None) == (scheme == "https")


def test_a_dead_port_refuses(lab: LabCommand, web: dict[str, Any]) -> None:
    told = lab.exec(TOOLBOX, "curl", "-s", "-m", "2", f"http://{web['spec']['clusterIP']}:99/")
    assert told.returncode == 7  # curl: connection refused


def test_udp_is_echoed(lab: LabCommand, web: dict[str, Any]) -> None:
    script = (
        "import socket, sys; s = socket.socket(type=socket.SOCK_DGRAM); s.settimeout(2);"
        "s.sendto(b'token', (sys.argv[1], 81)); print(s.recv(4096).decode())"
    )
    told = lab.exec(TOOLBOX, "python3", "-c", script, web["spec"]["clusterIP"])
    assert '"proto": "udp"' in told.stdout and '"raw": "token"' in told.stdout, told.stderr


@pytest.mark.parametrize("node", ["192.0.2.11", "192.0.2.13"])
def test_node_ports_answer_outside_and_hide_the_client(lab: LabCommand, node: str) -> None:
    answer = lab.fetch("client", f"http://{node}:30080/")
    assert answer and not answer["client"].startswith("203.0.113.")


def test_balancer_passes_the_address_on(lab: LabCommand, web: dict[str, Any]) -> None:
    [entry] = web["status"]["loadBalancer"]["ingress"]
    assert entry["ipMode"] == "VIP"
    assert lab.fetch("client", f"http://{entry['ip']}/")
    # Seen on the nodes with the balancer's address: the rules there know it, so a pod never leaves for it.
    assert lab.fetch(TOOLBOX, f"http://{entry['ip']}/")


def test_proxying_balancer_rewrites_to_a_node_port(lab: LabCommand) -> None:
    [entry] = lab.get("services")["proxied"]["status"]["loadBalancer"]["ingress"]
    assert entry["ipMode"] == "Proxy"
    assert lab.fetch("client", f"http://{entry['ip']}/")
    assert lab.fetch(TOOLBOX, f"http://{entry['ip']}/")


def test_local_policy_keeps_the_client_and_uses_only_healthy_nodes(lab: LabCommand) -> None:
    address = lab.get("services")["single"]["status"]["loadBalancer"]["ingress"][0]["ip"]
    answers = [lab.fetch("client", f"http://{address}/") for _ in range(6)]
    assert {answer and answer["node"] for answer in answers} == {"node2"}
    assert {answer and answer["client"].partition(":")[0] for answer in answers} == {"203.0.113.9"}
    status = ["curl", "-s", "-m", "2", "-o", "/dev/null", "-w", "%{http_code}"]
    health = [lab.exec("client", *status, f"http://192.0.2.1{node}:30085/").stdout for node in (1, 2, 3)]
    assert health == ["503", "200", "503"]
    told = lab.exec("client", "curl", "-s", "-m", "2", "-i", "http://192.0.2.12:30085/").stdout
    assert "X-Load-Balancing-Endpoint-Weight: 1" in told and '"localEndpoints": 1' in told
    silent = lab.exec("client", "curl", "-s", "-m", "0.5", "http://192.0.2.11:30084/")
    assert silent.returncode == 28


def test_a_pod_reaches_itself(lab: LabCommand, web: dict[str, Any]) -> None:
    pod = next(name for name in lab.get("pods") if name.startswith("web"))
    answers = [lab.fetch(f"pod/shop/{pod}", f"http://{web['spec']['clusterIP']}/") for _ in range(TRIES)]
    assert pod in {answer and answer["pod"] for answer in answers}


def test_ingress_routes_and_tells_the_client(lab: LabCommand) -> None:
    controller = lab.get("services", "ingress-nginx")["ingress-nginx-controller"]
    [entry] = controller["status"]["loadBalancer"]["ingress"]
    there = f"web.example.test:443:{entry['ip']}"
    answer = lab.fetch("client", "https://web.example.test/app/x", "--resolve", there)
    assert answer and answer["path"] == "/app/x"
    assert answer["headers"]["x-forwarded-proto"] == "https"
    assert answer["headers"]["x-forwarded-for"]
    status = ["-o", "/dev/null", "-w", "%{http_code}", "-H", "Host: web.example.test"]
    missed = lab.exec("client", "curl", "-s", "-m", "2", *status, f"http://{entry['ip']}/apple")
    assert missed.stdout == "404"


def test_environment_is_that_of_the_start(lab: LabCommand) -> None:
    variables = lab.exec(TOOLBOX, "env").stdout
    assert "WEB_SERVICE_PORT_HTTP=80" in variables
    assert "LATE_SERVICE_HOST" not in variables


def test_proxy_health_answers(lab: LabCommand) -> None:
    told = lab.exec("client", "curl", "-s", "-m", "2", "http://192.0.2.11:10256/healthz")
    assert '"healthy": true' in told.stdout


def test_nobody_answers_for_addresses_of_nobody(lab: LabCommand) -> None:
    told = lab.exec("client", "curl", "-s", "-m", "0.5", "http://198.51.100.200/")
    assert told.returncode == 28  # curl: timed out


def test_faults_are_broken_told_and_healed(lab: LabCommand, web: dict[str, Any]) -> None:
    url = f"http://{web['spec']['clusterIP']}/"
    broken = lab.lab("break", "forward-drop")
    assert broken.returncode == 0 and "on node1" in broken.stdout and "firewall" in broken.stderr
    assert lab.exec(TOOLBOX, "curl", "-s", "-m", "0.5", url).returncode == 28
    assert "broken: forward-drop" in lab.lab("status").stdout
    assert "healed: forward-drop" in lab.lab("heal").stderr
    assert lab.fetch(TOOLBOX, url)
    unknown = lab.lab("break", "everything")
    assert unknown.returncode == 2 and "lost-jump" in unknown.stderr


def test_api_is_reached_from_pods_too(lab: LabCommand) -> None:
    told = lab.exec(TOOLBOX, "curl", "-s", "-k", "-m", "2", "https://kubernetes.default/version")
    assert '"gitVersion"' in told.stdout
