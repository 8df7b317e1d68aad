"""Kubeconfig files → how to reach a cluster and as whom. Only reads files; knows nothing of HTTP.

The rules are clientcmd's (k8s.io/client-go/tools/clientcmd/loader.go):

- `--kubeconfig` is exactly that file and must exist. Else the files of KUBECONFIG, missing ones skipped; else
  ~/.kube/config.
- Of several files the first that has a cluster, user or context of a name wins, with the whole entry;
  `current-context` is that of the first file that sets it. Relative paths are relative to their own file.
- With nothing usable: the service account of the pod that this runs in.
- The namespace is the flag's, else the context's, else "default".
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from kinspect.errors import Unreachable, Unreadable, UsageError
from kinspect.model import yaml
from kinspect.sources.kubeconfig_shape import problem_of
from kinspect.sources.options import ClusterOptions

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")

Entry = dict[str, Any]


class Context(NamedTuple):
    """One context, for a person to choose from."""

    name: str
    cluster: str
    user: str
    namespace: str
    current: bool


@dataclass
class Kubeconfig:
    """All files merged. Paths in the entries are absolute."""

    clusters: dict[str, Entry] = field(default_factory=dict)
    users: dict[str, Entry] = field(default_factory=dict)
    contexts: dict[str, Entry] = field(default_factory=dict)
    current: str = ""


@dataclass(frozen=True)
class Access:
    """One cluster and one identity. `cluster` and `user` are kubeconfig entries with the flags applied."""

    context: str
    cluster: Entry
    user: Entry
    namespace: str
    impersonation: tuple[tuple[str, str], ...] = ()

    @property
    def server(self) -> str:
        return str(self.cluster["server"])


def contexts(options: ClusterOptions, environ: Mapping[str, str] = os.environ) -> tuple[Context, ...]:
    """All contexts, by name. Raises: Unreadable."""
    config = read(options, environ)
    current = options.context or config.current
    return tuple(
        Context(
            name,
            str(entry.get("cluster") or ""),
            str(entry.get("user") or ""),
            str(entry.get("namespace") or "default"),
            name == current,
        )
        for name, entry in sorted(config.contexts.items())
    )


def read(options: ClusterOptions, environ: Mapping[str, str] = os.environ) -> Kubeconfig:
    """The merged configuration; empty when there is no file. Raises: Unreadable."""
    config = Kubeconfig()
    for path in _paths(options, environ):
        _merge(config, path)
    return config


def access(options: ClusterOptions, environ: Mapping[str, str] = os.environ) -> Access:
    """How to reach the cluster that the options mean.

    Raises: UsageError for a context or cluster that is not there, Unreachable when there is no configuration.
    """
    config = read(options, environ)
    context = options.context or config.current
    if context and context not in config.contexts:
        raise _no_such("context", context, config.contexts)
    if not context and not options.server and not options.cluster:
        return _in_cluster(options, environ)
    chosen = config.contexts.get(context, {})
    cluster = dict(_named("cluster", options.cluster or chosen.get("cluster"), config.clusters))
    user = dict(_named("user", options.user or chosen.get("user"), config.users))
    return _with_flags(options, context, cluster, user, str(chosen.get("namespace") or ""))


def _named(what: str, name: str | None, entries: dict[str, Entry]) -> Entry:
    if not name:
        return {}
    if name not in entries:
        raise _no_such(what, name, entries)
    return entries[name]


def _with_flags(options: ClusterOptions, context: str, cluster: Entry, user: Entry, namespace: str) -> Access:
    overrides = {
        "server": options.server,
        "tls-server-name": options.tls_server_name,
        "insecure-skip-tls-verify": options.insecure_skip_tls_verify or None,
        "certificate-authority": options.certificate_authority,
    }
    cluster.update({key: value for key, value in overrides.items() if value is not None})
    if options.certificate_authority or options.insecure_skip_tls_verify:
        cluster.pop("certificate-authority-data", None)
    if options.insecure_skip_tls_verify:
        cluster.pop("certificate-authority", None)
    if not cluster.get("server"):
        raise UsageError(f"context {context!r} names no server", "Look at: kubectl config view")
    if "://" not in cluster["server"]:
        secure = any(key.startswith(("certificate", "insecure")) for key in cluster)
        cluster["server"] = f"{'https' if secure else 'http'}://{cluster['server']}"
    cluster["server"] = cluster["server"].rstrip("/")
    if not _is_url(cluster["server"]):
        raise UsageError(f"the server {cluster['server']!r} is no URL", "Write it as https://HOST:PORT.")
    if options.token is not None:
        user = {"token": options.token}
    namespace = options.namespace or namespace or "default"
    return Access(context, cluster, user, namespace, tuple(_impersonation(options, user)))


def _is_url(server: str) -> bool:
    """Whether requests can be sent there. Python finds a wrong port only when it is asked for."""
    try:
        parts = urlsplit(server)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _impersonation(options: ClusterOptions, user: Entry) -> list[tuple[str, str]]:
    """The headers of `--as`: the flags', else the kubeconfig user's own."""
    extra: dict[str, list[str]] = {}
    if options.as_user or options.as_groups or options.as_uid:
        name, groups, uid = options.as_user, options.as_groups, options.as_uid
    else:
        name, groups, uid = user.get("as"), user.get("as-groups") or (), user.get("as-uid")
        extra = user.get("as-user-extra") or {}
    if not name:
        if groups or uid:
            raise UsageError("impersonating a group or a UID needs a user too", "Add --as USER.")
        return []
    headers = [("Impersonate-User", str(name)), *(("Impersonate-Group", str(group)) for group in groups)]
    if uid:
        headers.append(("Impersonate-Uid", str(uid)))
    headers += [(f"Impersonate-Extra-{key}", str(value)) for key, values in extra.items() for value in values]
    return headers


def _paths(options: ClusterOptions, environ: Mapping[str, str]) -> list[Path]:
    if options.kubeconfig:
        path = Path(options.kubeconfig).expanduser()
        if not _is_file(path):
            raise Unreadable(f"{path}: no such kubeconfig file")
        return [path]
    named = [part for part in environ.get("KUBECONFIG", "").split(os.pathsep) if part]
    candidates = [Path(part).expanduser() for part in named] or [Path.home() / ".kube" / "config"]
    return [path for path in candidates if _is_file(path)]


def _is_file(path: Path) -> bool:
    """Whether it is there. Raises Unreadable where this user may not even look."""
    try:
        return path.is_file()
    except OSError as error:
        raise Unreadable(f"{path}: {error.strerror or error}") from error


def _merge(config: Kubeconfig, path: Path) -> None:
    try:
        documents = list(yaml.documents(path.read_bytes(), str(path), last_wins=True))
    except OSError as error:
        raise Unreadable(f"{path}: {error.strerror or error}") from error
    content = documents[0] if documents else None
    if content is None:
        return
    if not isinstance(content, dict):
        raise Unreadable(f"{path}: not a kubeconfig file")
    config.current = config.current or str(content.get("current-context") or "")
    for target, plural, singular in (
        (config.clusters, "clusters", "cluster"),
        (config.users, "users", "user"),
        (config.contexts, "contexts", "context"),
    ):
        for item in content.get(plural) or ():
            if not isinstance(item, dict) or not isinstance(item.get("name"), str):
                raise Unreadable(f"{path}: an entry of {plural} has no name")
            entry = item.get(singular) or {}
            if problem := problem_of(singular, entry):
                raise Unreadable(f"{path}: the {singular} {item['name']!r}: {problem}")
            entry = {key: value for key, value in entry.items() if value is not None}
            target.setdefault(item["name"], _with_absolute_paths(entry, path.parent))


def _with_absolute_paths(entry: Entry, folder: Path) -> Entry:
    for key in ("certificate-authority", "client-certificate", "client-key", "tokenFile"):
        if entry.get(key):
            entry[key] = str((folder / entry[key]).absolute())
    command = entry["exec"].get("command") if isinstance(entry.get("exec"), dict) else None
    if command and os.sep in command:
        entry["exec"] = {**entry["exec"], "command": str((folder / command).absolute())}
    return entry


def _in_cluster(options: ClusterOptions, environ: Mapping[str, str]) -> Access:
    host, port = environ.get("KUBERNETES_SERVICE_HOST"), environ.get("KUBERNETES_SERVICE_PORT")
    token = SERVICE_ACCOUNT / "token"
    if not host or not port or not token.is_file():
        raise Unreachable(
            "no cluster is configured: there is no kubeconfig with a current context",
            "Choose one with --context NAME or --kubeconfig FILE, or read files with -f.",
        )
    server = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
    namespace = SERVICE_ACCOUNT / "namespace"
    return _with_flags(
        options,
        "in-cluster",
        {"server": server, "certificate-authority": str(SERVICE_ACCOUNT / "ca.crt")},
        {"tokenFile": str(token)},
        namespace.read_text().strip() if namespace.is_file() else "",
    )


def _no_such(what: str, name: str, entries: Mapping[str, Entry]) -> UsageError:
    known = ", ".join(sorted(entries)) or "none"
    return UsageError(f"no {what} {name!r} in the kubeconfig", f"There are: {known}.")
