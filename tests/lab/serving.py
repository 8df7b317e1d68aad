"""A served Store for tests: the API server on loopback and a client that trusts it."""

from __future__ import annotations

import json
import ssl
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from kinspect.lab.apiserver import ApiServer
from kinspect.lab.store import Store


class Client:
    """HTTP with the server's token."""

    def __init__(self, server: ApiServer, session: aiohttp.ClientSession) -> None:
        self.server, self.session = server, session

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """The status and the body: JSON decoded, other text as it is."""
        code, _, text = await self.raw(method, path, body, **headers)
        return code, json.loads(text) if text.startswith("{") else text

    async def raw(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any, str]:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        data = None if body is None else json.dumps(body)
        if body is not None:
            given.setdefault("Content-Type", "application/json")
        async with self.session.request(method, self.server.url + path, data=data, headers=given) as answer:
            return answer.status, answer.headers, await answer.text()

    async def get(self, path: str, **headers: str) -> Any:
        code, found = await self.ask("GET", path, **headers)
        assert code == 200, found
        return found

    async def lines(self, path: str, count: int, **headers: str) -> list[Any]:
        """The first lines of a watch."""
        async with self.session.get(self.server.url + path, headers=headers) as answer:
            assert answer.status == 200
            found: list[Any] = []
            async for line in answer.content:
                found.append(json.loads(line))
                if len(found) == count:
                    break
            return found


@asynccontextmanager
async def serving(store: Store, **options: Any) -> AsyncIterator[Client]:
    with tempfile.TemporaryDirectory() as directory:
        async with ApiServer(store, Path(directory), **options) as server:
            trust = ssl.create_default_context(cadata=server.certificate_authority.decode())
            connector = aiohttp.TCPConnector(ssl=trust)
            token = {"Authorization": f"Bearer {server.token}"}
            async with aiohttp.ClientSession(connector=connector, headers=token) as session:
                yield Client(server, session)
