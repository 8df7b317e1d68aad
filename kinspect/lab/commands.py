"""What a running lab does for the commands that find it: the requests of `control`."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any

from kinspect.errors import UsageError
from kinspect.lab import faults, places
from kinspect.lab.supervisor import Lab

Json = dict[str, Any]


class Commands:
    """Answers requests about one lab. `ended` is set when somebody asks for its end."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.ended = asyncio.Event()
        self._broken: dict[str, str] = {}
        self._one_at_a_time = asyncio.Lock()

    async def __call__(self, request: Json) -> Any:
        """The answer to one request. Raises KinspectError."""
        answers: dict[str, Callable[[Json], Awaitable[Any]]] = {
            "status": self._status,
            "place": self._place,
            "break": self._break,
            "heal": self._heal,
            "down": self._down,
        }
        answer = answers.get(str(request.get("do")))
        if answer is None:
            raise UsageError(f"a lab does not know the request {request.get('do')!r}")
        return await answer(request)

    async def _status(self, _: Json) -> Json:
        means = self.lab.means
        return {
            "lab": os.getpid(),
            "kubeconfig": str(self.lab.kubeconfig),
            "nodes": [node.name for node in self.lab.nodes],
            "pods": len(self.lab.kubelet.running),
            "cni": means.cni,
            "proxy": means.proxy,
            "note": means.note,
            "broken": self._broken,
        }

    async def _place(self, request: Json) -> int:
        """The process, as this machine numbers it, that holds a place."""
        place = places.parse(request["name"])
        if place not in self.lab.ground.places:
            known = sorted(str(each) for each in self.lab.ground.places)
            raise UsageError(f"the lab has no place {place}", f"one of: {', '.join(known)}")
        return self.lab.ground.host_pid(place)

    async def _break(self, request: Json) -> str:
        fault = faults.named(request["name"])
        async with self._one_at_a_time:
            if fault.name not in self._broken:
                self._broken[fault.name] = await fault.breaks(self.lab)
            return self._broken[fault.name]

    async def _heal(self, request: Json) -> list[str]:
        """Heals what is named, or all that is broken; answers the names."""
        names = [request["name"]] if request.get("name") else list(self._broken)
        async with self._one_at_a_time:
            for name in names:
                await faults.named(name).heals(self.lab)
                self._broken.pop(name, None)
        return names

    async def _down(self, _: Json) -> None:
        self.ended.set()
