"""The ingress controller of the lab: nginx in its pod where it is installed, else our small proxy.

It watches the objects from outside, writes the configuration inside, and signals the proxy. The proxy dials
pods by the addresses in the slices, as real controllers do.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import signal
import sys

from kinspect.errors import VantageLost
from kinspect.lab import ingress_routes, programs
from kinspect.lab.addons import INGRESS_CLASS
from kinspect.lab.certificates import Authority, Pair
from kinspect.lab.fabric import ROOM
from kinspect.lab.facts import Facts
from kinspect.lab.ground import Ground
from kinspect.lab.ingress_nginx import PID_FILE, configuration
from kinspect.lab.ingress_routes import Host
from kinspect.lab.places import Place
from kinspect.lab.store import Store
from kinspect.model.ingress import Ingress
from kinspect.model.meta import Key

START_S = 10.0
START_STEP_S = 0.02


class IngressController:
    """The program of pods that run "ingress"."""

    def __init__(self, ground: Ground, store: Store, facts: Facts, authority: Authority) -> None:
        self.ground, self.store, self.facts = ground, store, facts
        self.nginx = programs.find("nginx")
        # What ingress-nginx serves where it has no certificate: one that fits nothing.
        self._default = authority.issue("ingress.local")
        self._pids: dict[Place, int] = {}
        self._written: dict[Place, str] = {}
        self._one_at_a_time = asyncio.Lock()

    async def run(self) -> None:
        """Follows the objects until cancelled."""
        async for _ in self.facts.changes("Ingress", "IngressClass", "Service", "EndpointSlice", "Secret"):
            for place in tuple(self._pids):
                await self._configure(place)

    async def start(self, place: Place) -> None:
        own_proxy = [sys.executable, "-P", "-m", "kinspect.lab.ingress_proxy"]
        program = [self.nginx, "-c"] if self.nginx else own_proxy
        pid = await self.ground.start(place, [*program, await self._configure(place)], {})
        await self._until_it_takes_signals(place)
        self._pids[place] = pid
        await self._configure(place)  # what has changed while it started

    async def _until_it_takes_signals(self, place: Place) -> None:
        """Returns when the proxy has written its pid: before that, a signal would end it.

        Raises VantageLost when it does not.
        """
        written = ["test", "-s", f"{_folder(place)}/{PID_FILE}"]
        for _ in range(round(START_S / START_STEP_S)):
            if (await self.ground.run(place, written)).code == 0:
                return
            await asyncio.sleep(START_STEP_S)
        raise VantageLost(f"the ingress proxy of {place} does not start")

    async def stop(self, place: Place) -> None:
        with contextlib.suppress(VantageLost):  # it has ended already
            await self.ground.signal(self._pids.pop(place), signal.SIGTERM)
        self._written.pop(place, None)

    async def _configure(self, place: Place) -> str:
        """Writes the configuration of one proxy and, where it is running and there is news, tells it."""
        async with self._one_at_a_time:
            folder = _folder(place)
            hosts = ingress_routes.hosts(self.facts.of(Ingress), INGRESS_CLASS, self.facts.world())
            pairs = {key: pair for key in ingress_routes.secrets(hosts) if (pair := self._secret(key))}
            default = await self._certificate(folder, "default", self._default)
            certificates = {
                key: await self._certificate(folder, f"{key.namespace}.{key.name}", pair)
                for key, pair in sorted(pairs.items())
            }
            text = self._text(hosts, certificates, default, folder)
            file = await self.ground.write(f"{folder}/configuration", text)
            news = f"{text}{pairs}"
            if place in self._pids and self._written.get(place) != news:
                with contextlib.suppress(VantageLost):  # it has ended: nobody to tell
                    await self.ground.signal(self._pids[place], signal.SIGHUP)
            self._written[place] = news
            return file

    def _text(self, hosts: tuple[Host, ...], certificates: dict[Key, str], default: str, room: str) -> str:
        if self.nginx:
            return configuration(hosts, certificates, default, room)
        told = [
            {
                "name": host.name,
                "routes": [route._asdict() for route in host.routes],
                "certificate": certificates.get(host.secret, default) if host.secret else default,
            }
            for host in hosts
        ]
        return json.dumps(told)

    async def _certificate(self, folder: str, name: str, pair: Pair) -> str:
        """Writes a certificate and its key; answers their path without the endings."""
        await self.ground.write(f"{folder}/{name}.key", pair.key.decode())
        path = await self.ground.write(f"{folder}/{name}.crt", pair.certificate.decode())
        return path.removesuffix(".crt")

    def _secret(self, key: Key) -> Pair | None:
        """The certificate in a Secret; None = there is none that could be used."""
        secret = self.store.find("Secret", *key)
        data = (secret or {}).get("data") or {}
        if not data.get("tls.crt") or not data.get("tls.key"):
            return None
        return Pair(base64.b64decode(data["tls.crt"]), base64.b64decode(data["tls.key"]))


def _folder(place: Place) -> str:
    """Where the files of a place's proxy lie inside."""
    return f"{ROOM}/ingress/{place.namespace}/{place.name}"
