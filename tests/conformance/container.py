"""What a container of the conformance cluster runs: the lab's own echo server, so that answers read alike.

Arguments: the ports to serve, as `tcp/8080`. Who answers is told by the downward API: POD_NAME,
POD_NAMESPACE, NODE_NAME. SIGUSR1 makes it listen on 127.0.0.1 only, SIGUSR2 on all addresses again, as it
does from the start. Copied into the image beside `echo.py` and `h11`.
"""

import asyncio
import os
import signal
import socket
import sys

import echo  # type: ignore[import-not-found]  # only in the image

LISTENS = {signal.SIGUSR1: "127.0.0.1", signal.SIGUSR2: "0.0.0.0"}
ENDS = (signal.SIGTERM, signal.SIGINT)


async def main(ports: list[str]) -> None:
    """Serves until it is told to end."""
    about = echo.About(
        os.environ["POD_NAME"],
        os.environ["POD_NAMESPACE"],
        os.environ["NODE_NAME"],
        tuple(f"{name}={value}" for name, value in sorted(os.environ.items())),
    )
    signals: asyncio.Queue[int] = asyncio.Queue()
    for each in (*ENDS, *LISTENS):
        asyncio.get_running_loop().add_signal_handler(each, signals.put_nowait, each)
    told = signal.SIGUSR2
    while told in LISTENS:
        servers = echo.Servers()
        for port in ports:
            await servers.serve(about, bound(LISTENS[told], *port.split("/")), None)
        told = await signals.get()
        servers.close()


def bound(address: str, protocol: str, number: str) -> socket.socket:
    """A socket on this port."""
    kind = socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM
    opened = socket.socket(socket.AF_INET, kind)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    opened.bind((address, int(number)))
    opened.setblocking(False)
    return opened


asyncio.run(main(sys.argv[1:]))
