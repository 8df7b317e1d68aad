"""A live cluster as a Source: one thread reads, with an event loop of its own; the screen's loop only folds.

The libraries (aiohttp, the official client) are imported in that thread, after the first screen has been
painted. Kinds are listed a few at a time in the order of `kinds.KINDS`: what fills the first screen comes
first, pods stream in behind. The number of requests depends on the number of kinds, never of objects.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from kinspect.errors import KinspectError, Unreachable
from kinspect.model.change import Change, Covered
from kinspect.model.decoding import NOT_JSON
from kinspect.model.kinds import KINDS
from kinspect.model.meta import Ref
from kinspect.model.sharing import Sharing
from kinspect.sources import Detail, details, memory
from kinspect.sources.following import Turns, follow
from kinspect.sources.handover import Handover
from kinspect.sources.kubeconfig import Access, Context, access, contexts
from kinspect.sources.options import ClusterOptions
from kinspect.sources.scopes import Scopes
from kinspect.sources.watcher import PACE, Pace, Watcher

if TYPE_CHECKING:
    from kinspect.sources.transport import Transport

__all__ = ["Cluster", "Context", "contexts", "open_cluster"]

GC_PAUSE_S = 60.0

T = TypeVar("T")


def open_cluster(
    options: ClusterOptions,
    namespaces: tuple[str, ...] | None,
    pace: Pace = PACE,
    kinds: tuple[str, ...] = tuple(KINDS),
) -> Cluster:
    """The cluster that the options mean; nothing is sent yet. `namespaces` None = all, () = the context's.

    Raises: UsageError, Unreadable, Unreachable for a configuration that cannot be used.
    """
    where = access(options)
    return Cluster(
        where, (where.namespace,) if namespaces == () else namespaces, options.request_timeout_s, pace, kinds
    )


class Cluster:
    """One cluster, read by one user."""

    live = True

    def __init__(
        self,
        where: Access,
        namespaces: tuple[str, ...] | None,
        request_timeout_s: float | None = None,
        pace: Pace = PACE,
        kinds: tuple[str, ...] = tuple(KINDS),
    ) -> None:
        self.kinds = kinds
        self.access = where
        self.title = f"cluster {where.context}" if where.context else where.server
        self.namespace = where.namespace
        self.namespaces = namespaces
        self._request_timeout_s = request_timeout_s
        self._watchers = tuple(_watchers(kinds, namespaces, where.namespace, pace))
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._reading: asyncio.Task[None] | None = None
        self._transport: Transport | None = None
        self._closing = False

    async def changes(self) -> AsyncIterator[tuple[Change, ...]]:
        """What is read, in batches. Ends when closed. Raises: KinspectError if the server cannot be asked."""
        handover = Handover(asyncio.get_running_loop())
        self._thread = threading.Thread(
            target=self._main, args=(handover,), name="kinspect-reader", daemon=True
        )
        self._thread.start()
        try:
            async for changes in handover:
                yield changes
        finally:
            self._stop()

    async def detail(self, ref: Ref) -> Detail:
        """The object as YAML and its events: one GET and one list. Bad news is in `note`."""
        if self._loop is None or self._transport is None:
            return Detail("", (), True, "The cluster is not connected yet.")
        try:
            return await self._in_reader(self._detail(self._transport, ref))
        except KinspectError as error:
            return Detail("", (), True, error.message)
        except NOT_JSON as error:
            return Detail("", (), True, f"The answer is not the JSON that was asked for: {error}")

    async def aclose(self) -> None:
        """Ends the reading and waits for its thread."""
        self._stop()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)

    # In the consumer's loop

    def _stop(self) -> None:
        self._closing = True  # for a reader that has not come so far that it can be cancelled
        if self._loop is not None and self._reading is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._reading.cancel)

    async def _in_reader(self, work: Coroutine[Any, Any, T]) -> T:
        assert self._loop is not None
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    # In the reader's thread

    def _main(self, handover: Handover) -> None:
        try:
            asyncio.run(self._supervise(handover))
        except asyncio.CancelledError:
            handover.close()
        except BaseExceptionGroup as group:
            handover.close(group.exceptions[0])
        except BaseException as error:  # noqa: BLE001 - a thread's last supervisor: the consumer gets to know it
            handover.close(error)
        else:
            handover.close()

    async def _supervise(self, handover: Handover) -> None:
        self._loop = asyncio.get_running_loop()
        self._reading = asyncio.current_task()
        if self._closing:
            return
        memory.collect_later()
        limit = self._loop.call_later(GC_PAUSE_S, memory.collect_again)
        try:
            from kinspect.sources.transport import Transport

            self._transport = Transport(self.access, self._request_timeout_s)
            await self._read(self._transport, handover)
        finally:
            limit.cancel()
            memory.collect_again()
            if self._transport is not None:
                await self._transport.aclose()
            await _close_lost_connections(self._loop)

    async def _greet(self, transport: Transport) -> None:
        """Asks for the version: a wrong address or an expired login ends the reading with one clear error."""
        status, body = await transport.ask("/version")
        if status == 401:
            raise Unreachable(
                f"{self.title}: the server does not accept the credentials",
                "If the login has expired, renew it as you do for kubectl.",
            )
        if status == 200:
            try:
                msgspec.json.decode(body, type=dict[str, Any])
            except NOT_JSON as error:
                raise Unreachable(
                    f"{self.access.server} is not a Kubernetes API server", "Check the server's address."
                ) from error

    async def _read(self, transport: Transport, handover: Handover) -> None:
        turns = Turns(each.kind.name for each in self._watchers)
        scopes = Scopes(Counter(each.kind.name for each in self._watchers))
        sharing, unsettled = Sharing(), set(range(len(self._watchers)))
        greeted = asyncio.Event()

        async def greet() -> None:
            await self._greet(transport)
            greeted.set()

        async def publish(machine: int, changes: tuple[Change, ...]) -> None:
            await greeted.wait()  # the lists do not: a far server answers all of them at once
            if changes:
                await handover.put(tuple(scopes.merged(machine, changes)))
            if machine in unsettled and _settles(changes):
                unsettled.discard(machine)
                if not unsettled:
                    sharing.forget()
                    memory.collect_again(loaded=True)

        async with asyncio.TaskGroup() as group:
            group.create_task(greet())
            for machine, watcher in enumerate(self._watchers):
                group.create_task(follow(group, machine, watcher, transport, turns, sharing, publish))

    async def _detail(self, transport: Transport, ref: Ref) -> Detail:
        from kinspect.sources.transport import path_of

        kind = KINDS[ref.kind]
        version = next((each.version for each in self._watchers if each.kind is kind), kind.versions[0])
        status, body = await transport.ask(path_of(kind, version, ref.namespace, ref.name))
        if status != 200:
            return Detail("", (), True, _refusal(ref, status, body))
        uid = _uid(body)
        where = f"/api/v1/namespaces/{ref.namespace}/events" if ref.namespace else "/api/v1/events"
        status, found = await transport.ask(where, details.events_query(ref, uid))
        if status != 200:
            return Detail(details.shown_yaml(body), (), True, f"Its events: {_refusal(ref, status, found)}")
        return Detail(details.shown_yaml(body), details.events(found), False, "")


def _watchers(
    kinds: tuple[str, ...], namespaces: tuple[str, ...] | None, own: str, pace: Pace
) -> list[Watcher]:
    """A machine for each kind, in the order of reading; several where only some namespaces are wanted."""
    made = []
    for kind in (each for name, each in KINDS.items() if name in kinds):
        if namespaces is None or not kind.namespaced:
            made.append(Watcher(kind, None, own, pace))
        else:
            made += [Watcher(kind, namespace, None, pace) for namespace in dict.fromkeys(namespaces)]
    return made


def _settles(changes: tuple[Change, ...]) -> bool:
    return any(isinstance(each, Covered) and each.coverage.state != "loading" for each in changes)


async def _close_lost_connections(loop: asyncio.AbstractEventLoop) -> None:
    """Closes what a cancelled request has left in the reader's own loop.

    asyncio loses a TLS connection whose making is cancelled in its first turn: nobody else would close it.
    """
    for lost in list(getattr(loop, "_transports", {}).values()):
        if lost.get_extra_info("peername") is not None:
            lost.abort()
    await asyncio.sleep(0)


def _uid(body: bytes) -> str:
    metadata = msgspec.json.decode(body, type=dict[str, Any]).get("metadata")
    return str(metadata.get("uid", "")) if isinstance(metadata, dict) else ""


def _refusal(ref: Ref, status: int, body: bytes) -> str:
    from kinspect.sources.decoding import failure

    if status == 404:
        return f"{ref} is gone."
    return failure(status, body, None).message
