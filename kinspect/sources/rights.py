"""What the user may do in a cluster, right by right, asked by access reviews (authorization.k8s.io/v1)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec

from kinspect.errors import Unreachable
from kinspect.model.decoding import NOT_JSON
from kinspect.model.kinds import KINDS, Kind
from kinspect.sources.kubeconfig import access
from kinspect.sources.options import ClusterOptions

if TYPE_CHECKING:
    from kinspect.sources.transport import Transport

ASKED_AT_ONCE = 4

Allowed = Literal["everywhere", "in the namespace", "no", "absent", "unknown"]


class Right(NamedTuple):
    """One right: the verbs that are needed together. `use` says what for."""

    verbs: tuple[str, ...]
    group: str
    resource: str
    use: str
    namespaced: bool = True
    namespace: str | None = None  # the only one in which it is needed

    @property
    def name(self) -> str:
        suffix = f".{self.group}" if self.group else ""
        return f"{' and '.join(self.verbs)} {self.resource}{suffix}"


class Answer(NamedTuple):
    right: Right
    allowed: Allowed
    reason: str


class Report(NamedTuple):
    """`user` and `version` are "" where the server does not tell them."""

    server: str
    context: str
    namespace: str
    version: str
    user: str
    answers: tuple[Answer, ...]


def rights() -> Iterator[Right]:
    """Everything that kinspect may want to do, reading first."""
    for kind in KINDS.values():
        yield Right(("list", "watch"), kind.group, kind.plural, "the tree and its rules", kind.namespaced)
    yield Right(("list",), "", "events", "the events of an object")
    yield Right(("get",), "", "configmaps", "the settings of DNS and kube-proxy", namespace="kube-system")
    # Connecting to exec is two rights: the WebSocket opens with a GET, the command is a create.
    yield Right(("get", "create"), "", "pods/exec", "looking and probing from inside a pod")
    yield Right(("patch",), "", "pods/ephemeralcontainers", "probing from a pod that has no tools")
    yield Right(("create", "delete"), "", "pods", "looking at a node from a debug pod")


async def ask(options: ClusterOptions) -> Report:
    """Asks the cluster about every right. Raises: KinspectError when it cannot be asked at all."""
    from kinspect.sources.transport import Transport

    where = access(options)
    transport = Transport(where, options.request_timeout_s)
    try:
        status, body = await transport.ask("/version")
        if status == 401:
            raise Unreachable(
                f"{where.server} does not accept the credentials of context {where.context!r}",
                "If the login has expired, renew it as you do for kubectl.",
            )
        slots = asyncio.Semaphore(ASKED_AT_ONCE)
        async with asyncio.TaskGroup() as group:
            user = group.create_task(_user(transport))
            asked = [group.create_task(_answer(transport, slots, each, where.namespace)) for each in rights()]
        found = tuple(each.result() for each in asked)
        version = _field(body, "gitVersion") if status == 200 else ""
        return Report(where.server, where.context, where.namespace, version, user.result(), found)
    finally:
        await transport.aclose()


async def _answer(transport: Transport, slots: asyncio.Semaphore, right: Right, namespace: str) -> Answer:
    async with slots:
        try:
            if not await _served(transport, right):
                return Answer(right, "absent", "the server has no such resource")
            if right.namespace is None and (refusal := await _refusal(transport, right, "")) is None:
                return Answer(right, "everywhere", "")
            if not right.namespaced:
                return Answer(right, "no", refusal or "")
            refusal = await _refusal(transport, right, right.namespace or namespace)
        except Unreachable as error:
            return Answer(right, "unknown", error.message)
        return Answer(right, "no", refusal) if refusal is not None else Answer(right, "in the namespace", "")


async def _served(transport: Transport, right: Right) -> bool:
    """Whether the server has the resource; only kinds that may be missing are looked for."""
    kind = next((each for each in KINDS.values() if each.plural == right.resource), None)
    if kind is None or not kind.group or kind.group != right.group:
        return True
    return any([await _has(transport, version, kind) for version in kind.versions])


async def _has(transport: Transport, version: str, kind: Kind) -> bool:
    status, body = await transport.ask(f"/apis/{version}")
    if status != 200:
        return status not in (404, 410)
    try:
        listed = msgspec.json.decode(body, type=_ResourceList)
    except NOT_JSON:
        return True
    return any(each.name == kind.plural for each in listed.resources)


class _Resource(msgspec.Struct):
    name: str = ""


class _ResourceList(msgspec.Struct):
    resources: tuple[_Resource, ...] = ()


class _ReviewStatus(msgspec.Struct):
    allowed: bool = False
    reason: str = ""


class _Review(msgspec.Struct):
    status: _ReviewStatus


async def _refusal(transport: Transport, right: Right, namespace: str) -> str | None:
    """None = all verbs are allowed there; else why not. Raises: Unreachable without an answer."""
    for verb in right.verbs:
        resource, _, subresource = right.resource.partition("/")
        wanted = {
            "verb": verb,
            "group": right.group,
            "resource": resource,
            "subresource": subresource,
            "namespace": namespace,
        }
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {key: value for key, value in wanted.items() if value}},
        }
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        status, body = await transport.ask(path, json=review)
        try:
            answer = msgspec.json.decode(body, type=_Review).status
        except NOT_JSON as error:
            raise Unreachable(f"the access review was answered with HTTP {status}") from error
        if not answer.allowed:
            return answer.reason or f"{verb} is not allowed" + (f" in {namespace}" if namespace else "")
    return None


class _UserInfo(msgspec.Struct):
    username: str = ""


class _SelfStatus(msgspec.Struct, rename="camel"):
    user_info: _UserInfo = msgspec.field(default_factory=_UserInfo)


class _SelfReview(msgspec.Struct):
    status: _SelfStatus


async def _user(transport: Transport) -> str:
    """Who the server thinks we are; "" from servers before 1.28."""
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    try:
        _, body = await transport.ask("/apis/authentication.k8s.io/v1/selfsubjectreviews", json=review)
        return msgspec.json.decode(body, type=_SelfReview).status.user_info.username
    except (Unreachable, *NOT_JSON):
        return ""


def _field(body: bytes, name: str) -> str:
    try:
        return str(msgspec.json.decode(body, type=dict[str, str]).get(name, ""))
    except NOT_JSON:
        return ""
