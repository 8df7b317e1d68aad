"""What a container of the conformance cluster runs: the lab's own echo server, so that answers read alike.

Arguments: the ports to serve, as `tcp/8080`. Who answers is told by the downward API: POD_NAME,
POD_NAMESPACE, NODE_NAME. Copied into the image beside `echo.py` and `h11`.
"""

import asyncio
import os
import signal
import socket
import sys

import echo  # type: ignore[import-not-found]  # only in the image


async def main(ports: list[str]) -> None:
    """Serves until it is told to end."""
    about = echo.About(
        os.environ["POD_NAME"],
        os.environ["POD_NAMESPACE"],
        os.environ["NODE_NAME"],
        tuple(f"{name}={value}" for name, value in sorted(os.environ.items())),
    )
    servers = echo.Servers()
    for protocol, number in (port.split("/") for port in ports):
        kind = socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM
        opened = socket.socket(socket.AF_INET, kind)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(("0.0.0.0", int(number)))
        opened.setblocking(False)
        await servers.serve(about, opened, None)
    ended = asyncio.Event()
    for end in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(end, ended.set)
    await ended.wait()
    servers.close()


asyncio.run(main(sys.argv[1:]))
