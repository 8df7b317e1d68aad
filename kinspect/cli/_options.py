"""Flags that several commands share, spelled as kubectl spells them."""

from __future__ import annotations

from kinspect.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from kinspect.sources.options import ClusterOptions

_CLUSTER_FLAGS: tuple[tuple[str, str, str], ...] = (
    ("--kubeconfig", "FILE", "this kubeconfig and no other"),
    ("--context", "NAME", "the kubeconfig context"),
    ("--cluster", "NAME", "the kubeconfig cluster"),
    ("--user", "NAME", "the kubeconfig user"),
    ("--server", "URL", "the address of the API server"),
    ("--token", "TOKEN", "a bearer token"),
    ("--certificate-authority", "FILE", "the CA of the API server"),
    ("--tls-server-name", "NAME", "the name that the server's certificate must have"),
    ("--as", "USER", "act as this user"),
    ("--as-uid", "UID", "act as this UID"),
    ("--request-timeout", "TIME", "the time that one request may take, as in 5s or 1m; 0 = no limit"),
)

VALUE_FLAGS = frozenset(
    {name for name, _, _ in _CLUSTER_FLAGS}
    | {"-s", "-n", "--namespace", "-l", "--selector", "-o", "--output", "-f", "--filename"}
    | {"--as-group", "--log", "--theme", "--color", "--fail-on"}
    | {"--from", "--repeat", "--method", "--pcap", "--lab", "--nodes", "--cni", "--proxy"}
)
"""Flags of any command that are followed by a value, so that the command word is not looked for there."""


def takes_next(word: str) -> bool:
    """Whether the next word is the value of this flag: of `-n`, `-An` and `--namespace`, not of `-nshop`."""
    if word.startswith("--"):
        return word in VALUE_FLAGS
    return next((at for at, letter in enumerate(word) if f"-{letter}" in VALUE_FLAGS), 0) == len(word) - 1


def add_cluster(parser: argparse.ArgumentParser) -> None:
    """The flags that choose a cluster and a user, and `--log`."""
    group = parser.add_argument_group("cluster")
    for name, metavar, help_ in _CLUSTER_FLAGS:
        names = ("-s", name) if name == "--server" else (name,)
        group.add_argument(*names, metavar=metavar, help=help_)
    group.add_argument(
        "--as-group", metavar="GROUP", action="append", default=[], help="act as this group, too"
    )
    group.add_argument("--insecure-skip-tls-verify", action="store_true", help="do not check the certificate")
    parser.add_argument("--log", metavar="FILE", help="write what happens to FILE, for a bug report")


def add_scope(parser: argparse.ArgumentParser) -> None:
    """The flags that choose the objects."""
    parser.add_argument("-n", "--namespace", metavar="NAME", help="this namespace")
    parser.add_argument("-A", "--all-namespaces", action="store_true", help="all namespaces")
    parser.add_argument(
        "-l", "--selector", metavar="LABELS", default="", help="only Services with these labels"
    )


def add_files(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-f",
        "--filename",
        metavar="FILE",
        action="append",
        default=[],
        help="read a snapshot, manifests or Lists (file, folder, or - for stdin) instead of a cluster",
    )


def add_color(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--color",
        choices=("auto", "always", "never"),
        default="auto",
        help="auto = on a terminal without NO_COLOR",
    )


def cluster_options(args: argparse.Namespace) -> ClusterOptions:
    """The flags as the source wants them. Raises UsageError for a time that is not one."""
    from kinspect.sources.options import ClusterOptions

    return ClusterOptions(
        kubeconfig=args.kubeconfig,
        context=args.context,
        cluster=args.cluster,
        user=args.user,
        namespace=getattr(args, "namespace", None),
        as_user=getattr(args, "as"),
        as_groups=tuple(args.as_group),
        as_uid=args.as_uid,
        server=args.server,
        token=args.token,
        insecure_skip_tls_verify=args.insecure_skip_tls_verify,
        tls_server_name=args.tls_server_name,
        certificate_authority=args.certificate_authority,
        request_timeout_s=seconds(args.request_timeout),
    )


_UNITS = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds(text: str | None) -> float | None:
    """A Go duration as kubectl takes it ("5s", "1m30s", "10"), in seconds; None = no limit."""
    import re

    if text is None or text == "0":
        return None
    if text.isdigit():
        return float(text)
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|[smh])", text)
    if not parts or "".join(n + unit for n, unit in parts) != text:
        raise UsageError(f"--request-timeout {text!r} is not a time", "Write it as 5s, 1m30s or 0.")
    return sum(float(n) * _UNITS[unit] for n, unit in parts)
