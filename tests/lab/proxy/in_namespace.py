"""Runs inside a fresh network namespace: loads rules, connects, and prints what became of each connection.

Everything is local here: the addresses of all pods and nodes belong to loopback, so that the listener's own
address tells which backend the rules chose. Standard library only. Input and output are JSON.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys

PATIENCE_S = 0.3


def run(*argv: str, text: str | None = None) -> None:
    subprocess.run(argv, input=text, text=True, check=True, timeout=30, capture_output=True)


def prepare(order: dict[str, object]) -> None:
    run("ip", "link", "set", "lo", "up")
    run("ip", "link", "add", "uplink", "type", "veth", "peer", "name", "nobody")
    run("ip", "link", "set", "nobody", "up")
    run("ip", "link", "set", "uplink", "up")
    run("ip", "addr", "add", f"{order['node_ip']}/32", "dev", "uplink")
    for network in order["local"]:  # type: ignore[attr-defined]
        run("ip", "route", "add", "local", network, "dev", "lo")
    run("ip", "route", "add", "default", "dev", "uplink")
    run(*order["load"], text=str(order["rules"]))  # type: ignore[misc]


def connect(listeners: dict[int, socket.socket], address: str, port: int) -> list[object] | str:
    with socket.socket() as client:
        client.settimeout(PATIENCE_S)
        try:
            client.connect((address, port))
        except ConnectionRefusedError:
            return "reject"
        except OSError:
            return "drop"
        for listener in listeners.values():
            try:
                accepted, _ = listener.accept()
            except BlockingIOError:
                continue
            with accepted:
                return list(accepted.getsockname())
    return "nobody"


def main() -> None:
    order = json.load(sys.stdin)
    prepare(order)
    listeners = {}
    for port in order["listen"]:
        listeners[port] = socket.create_server(("0.0.0.0", port), backlog=8)
        listeners[port].setblocking(False)
    answers = []
    for address, port, times in order["connections"]:
        seen = [connect(listeners, address, port)]
        if isinstance(seen[0], list):
            seen += [connect(listeners, address, port) for _ in range(times - 1)]
        answers.append(seen)
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
