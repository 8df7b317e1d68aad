"""The cluster's own CA, a certificate and a kubeconfig for everyone in it. By openssl, on files.

Kubernetes reads who someone is from the certificate: CN is the user, O the group.
"""

import subprocess
from pathlib import Path

import yaml

from . import layout

_SERVER_NAMES = ",".join(
    (
        *(f"DNS:kubernetes{suffix}" for suffix in ("", ".default", ".default.svc")),
        f"DNS:kubernetes.default.svc.{layout.ZONE}",
        f"IP:{layout.API_SERVICE}",
        f"IP:{layout.CONTROL_PLANE}",
    )
)


def write() -> None:
    """Writes the CA, the service account key, and NAME.crt, .key and .kubeconfig of all into the state."""
    _openssl("genrsa", "-out", "sa.key", "2048")
    _openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "7", "-subj", "/CN=conformance-ca",
             "-keyout", "ca.key", "-out", "ca.crt")  # fmt: skip
    _issue("apiserver", "kube-apiserver", "", _SERVER_NAMES)
    _issue("apiserver-kubelet-client", "kube-apiserver-kubelet-client", "system:masters")
    _issue("admin", "admin", "system:masters")
    for component in ("kube-controller-manager", "kube-scheduler", "kube-proxy"):
        _issue(component, f"system:{component}")
    for node in layout.NODES:
        _issue(node.name, f"system:node:{node.name}", "system:nodes", f"DNS:{node.name},IP:{node.address}")


def _issue(name: str, user: str, group: str = "", alternative_names: str = "") -> None:
    subject = (f"/O={group}" if group else "") + f"/CN={user}"
    extensions = ["-addext", "extendedKeyUsage=serverAuth,clientAuth"]
    if alternative_names:
        extensions += ["-addext", f"subjectAltName={alternative_names}"]
    _openssl("req", "-x509", "-CA", "ca.crt", "-CAkey", "ca.key", "-newkey", "rsa:2048", "-nodes",
             "-days", "7", "-subj", subject, "-addext", "basicConstraints=CA:false", *extensions,
             "-keyout", f"{name}.key", "-out", f"{name}.crt")  # fmt: skip
    kubeconfig = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "conformance", "cluster": _cluster()}],
        "users": [
            {
                "name": user,
                "user": {"client-certificate": _at(f"{name}.crt"), "client-key": _at(f"{name}.key")},
            }
        ],
        "contexts": [{"name": "conformance", "context": {"cluster": "conformance", "user": user}}],
        "current-context": "conformance",
    }
    Path(_at(f"{name}.kubeconfig")).write_text(yaml.safe_dump(kubeconfig))


def _cluster() -> dict[str, str]:
    return {"server": layout.API, "certificate-authority": _at("ca.crt")}


def _at(file: str) -> str:
    return str(layout.STATE / file)


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=layout.STATE, check=True, capture_output=True)
