"""Access → what a connection needs: a TLS context and headers. The door of the official client.

The official client knows kubeconfig's certificates and auth providers. Three things it does not do
are done here: plugins without our terminal (`execplugin`), token files that are read again, and `--as`.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import importlib.util
import ssl
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

from kinspect.errors import KinspectError, Unreachable
from kinspect.sources import execplugin
from kinspect.sources.kubeconfig import Access

TOKEN_FILE_S = 60.0
"""A token file is read again after this time, as client-go does: kubelets rotate it."""


class Login(NamedTuple):
    """`ssl` None = plain HTTP."""

    ssl: ssl.SSLContext | None
    headers: tuple[tuple[str, str], ...]


class Credentials:
    """Gets a login, and a new one when the server does not take it any more."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._lock = asyncio.Lock()
        self._login: Login | None = None
        self._made_at = 0.0
        self._failure: KinspectError | None = None
        self._failed_at = 0.0

    async def login(self) -> Login:
        """The login to use now. Raises: Unreachable."""
        stale = "tokenFile" in self._access.user and time.monotonic() - self._made_at > TOKEN_FILE_S
        if self._login is None or stale:
            return await self.renewed(self._login)
        return self._login

    async def renewed(self, old: Login | None) -> Login:
        """A login newer than `old`: one that another task has just made will do. Raises: Unreachable.

        So does its failure: a plugin that asks a person is not run once for each list.
        """
        asked_at = time.monotonic()
        async with self._lock:
            if self._failure is not None and self._failed_at > asked_at:
                raise self._failure
            if self._login is None or self._login is old:
                try:
                    self._login = await _login(self._access)
                except KinspectError as error:
                    self._failure, self._failed_at = error, time.monotonic()
                    raise
                self._made_at = time.monotonic()
            return self._login


async def _login(access: Access) -> Login:
    user = {key: value for key, value in access.user.items() if key not in ("exec", "tokenFile")}
    if "exec" in access.user:
        given = await execplugin.run(access.user["exec"], access.cluster)
        if given.token:
            user["token"] = given.token
        if given.client_certificate_data and given.client_key_data:
            user["client-certificate-data"] = _base64(given.client_certificate_data)
            user["client-key-data"] = _base64(given.client_key_data)
    elif "tokenFile" in access.user:
        user["token"] = _token_in(Path(access.user["tokenFile"]))
    # Keys that are given as text must be files for a moment: OpenSSL reads them from nowhere else.
    with tempfile.TemporaryDirectory(prefix="kinspect-") as folder:
        cluster = _as_files(access.cluster, ("certificate-authority",), Path(folder))
        user = _as_files(user, ("client-certificate", "client-key"), Path(folder))
        return await _configured(access, cluster, user)


async def _configured(access: Access, cluster: dict[str, Any], user: dict[str, Any]) -> Login:
    """What the official client makes of it. Imported here: it takes longer than the first screen may."""
    _import_no_more_than_is_used()
    from kubernetes.aio.client import Configuration
    from kubernetes.aio.client.rest import RESTClientObject
    from kubernetes.aio.config import ConfigException
    from kubernetes.aio.config.kube_config import KubeConfigLoader

    document = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": _without_renewal(user)}],
    }
    configuration = Configuration()
    # The chains that Go accepts, and therefore kubectl, lack extensions that Python 3.13 asks for.
    configuration.disable_strict_ssl_verification = True
    try:
        await KubeConfigLoader(document, config_base_path="").load_and_set(configuration)
        secure = access.server.startswith("https")
        context = RESTClientObject(configuration).ssl_context if secure else None
    except ConfigException as error:
        raise Unreachable(f"the kubeconfig's credentials cannot be used: {error}", _RENEW) from error
    except (ValueError, TypeError, OSError) as error:  # ssl.SSLError is an OSError
        raise Unreachable(f"the kubeconfig's certificates cannot be used: {error}") from error
    bearer = configuration.api_key.get("BearerToken")
    headers = (("Authorization", bearer),) if bearer else ()
    return Login(context, headers + access.impersonation)


def _import_no_more_than_is_used() -> None:
    """Lets `kubernetes.aio` be imported by itself: its parent would import all of the synchronous client.

    That halves the time (0.15 s of every command). Whoever wants the other parts can still import them.
    """
    spec = importlib.util.find_spec("kubernetes") if "kubernetes" not in sys.modules else None
    if spec is not None:
        sys.modules["kubernetes"] = importlib.util.module_from_spec(spec)


_RENEW = "If a login has expired, kubectl renews it: run kubectl version once."


def _without_renewal(user: dict[str, Any]) -> dict[str, Any]:
    """An OIDC login without its refresh token. The client would use it up and not write the next one back."""
    provider = user.get("auth-provider")
    if not isinstance(provider, dict) or provider.get("name") != "oidc":
        return user
    config = {key: value for key, value in (provider.get("config") or {}).items() if key != "refresh-token"}
    return {**user, "auth-provider": {**provider, "config": config}}


def _as_files(entry: dict[str, Any], names: tuple[str, ...], folder: Path) -> dict[str, Any]:
    """The entry with each `NAME-data` written to a file of its own. Raises Unreachable for a missing file."""
    made = dict(entry)
    for name in names:
        data = made.pop(f"{name}-data", None)
        if not data:
            if made.get(name) and not Path(made[name]).is_file():
                raise Unreachable(f"the kubeconfig's {name} {made[name]}: there is no such file")
            continue
        try:
            content = base64.b64decode(data, validate=False)
        except (binascii.Error, ValueError) as error:
            raise Unreachable(f"the kubeconfig's {name}-data is not base64: {error}") from error
        made[name] = str(folder / name)
        (folder / name).write_bytes(content)
    return made


def _token_in(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError as error:
        raise Unreachable(f"the kubeconfig's token file {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise Unreachable(f"the kubeconfig's token file {path} holds no text") from error


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
