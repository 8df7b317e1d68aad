"""What the entries of a kubeconfig must look like (client-go tools/clientcmd/api/v1), as far as we read them.

kubectl refuses a file in which a field has another type, and so do we: behind this door nobody asks again.
"""

from __future__ import annotations

from typing import Any

import msgspec

Text = str | None


class _Entry(msgspec.Struct, rename="kebab"):
    pass


class _Cluster(_Entry):
    server: Text = None
    tls_server_name: Text = None
    insecure_skip_tls_verify: bool | None = None
    certificate_authority: Text = None
    certificate_authority_data: Text = None
    proxy_url: Text = None
    disable_compression: bool | None = None


class _Context(_Entry):
    cluster: Text = None
    user: Text = None
    namespace: Text = None


class _Variable(msgspec.Struct):
    name: str
    value: Text = None


class _Plugin(msgspec.Struct, rename="camel"):
    command: Text = None
    args: list[str] | None = None
    env: list[_Variable] | None = None
    api_version: Text = None
    install_hint: Text = None
    provide_cluster_info: bool | None = None
    interactive_mode: Text = None


class _Provider(msgspec.Struct):
    name: Text = None
    config: dict[str, str] | None = None


class _User(_Entry):
    client_certificate: Text = None
    client_certificate_data: Text = None
    client_key: Text = None
    client_key_data: Text = None
    token: Text = None
    token_file: Text = msgspec.field(default=None, name="tokenFile")
    as_: Text = msgspec.field(default=None, name="as")
    as_uid: Text = None
    as_groups: list[str] | None = None
    as_user_extra: dict[str, list[str]] | None = None
    username: Text = None
    password: Text = None
    exec: _Plugin | None = None
    auth_provider: _Provider | None = None


_SHAPES: dict[str, type[_Entry]] = {"cluster": _Cluster, "context": _Context, "user": _User}


def problem_of(what: str, entry: Any) -> str:
    """Why this is no entry of a `cluster`, `context` or `user`; "" = it is one."""
    try:
        msgspec.convert(entry, _SHAPES[what])
    except msgspec.ValidationError as error:
        return str(error)
    return ""
