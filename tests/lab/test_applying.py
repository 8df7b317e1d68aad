"""Manifests into the Store: the order, the certificates, and the words for what cannot be had."""

from __future__ import annotations

import random
from base64 import b64decode

import pytest

from kinspect.errors import UsageError
from kinspect.lab.applying import apply
from kinspect.lab.certificates import Authority
from kinspect.lab.controllers.bootstrap import bootstrap
from kinspect.lab.store import Store

AUTHORITY = Authority()


@pytest.fixture
def store() -> Store:
    store = Store(rng=random.Random(1))
    bootstrap(store, "192.0.2.1", 6443)
    return store


def test_what_others_need_comes_first(store):
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p", "namespace": "shop"},
        "spec": {"containers": [{"name": "c", "image": "x"}]},
    }
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "s", "namespace": "shop"},
        "spec": {"ports": [{"port": 80}]},
    }
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
    apply(store, [pod, service, namespace], AUTHORITY.issue)
    versions = {
        kind: int(store.list(kind, "shop")[0]["metadata"]["resourceVersion"]) for kind in ("Service", "Pod")
    }
    assert versions["Service"] < versions["Pod"]


def test_a_tls_secret_gets_the_certificate_that_it_asks_for(store):
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "t", "annotations": {"lab.kinspect/tls-hosts": "a.example, *.a.example"}},
        "type": "kubernetes.io/tls",
    }
    apply(store, [secret], AUTHORITY.issue)
    data = store.get("Secret", "default", "t")["data"]
    assert b64decode(data["tls.crt"]).startswith(b"-----BEGIN CERTIFICATE-----")
    assert b64decode(data["tls.key"]).startswith(b"-----BEGIN PRIVATE KEY-----")


def test_what_is_there_already_is_replaced(store):
    labelled = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "default", "labels": {"a": "b"}},
    }
    apply(store, [labelled], AUTHORITY.issue)
    assert store.get("Namespace", "", "default")["metadata"]["labels"]["a"] == "b"


@pytest.mark.parametrize(
    ("item", "message", "hint"),
    [
        (
            {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j"}},
            "Job j: the lab has no kind Job",
            "leave it out; there are ConfigMap",
        ),
        (
            {"apiVersion": "extensions/v1beta1", "kind": "Ingress", "metadata": {"name": "i"}},
            "Ingress i: the lab serves Ingress as networking.k8s.io/v1, not as extensions/v1beta1",
            "write apiVersion: networking.k8s.io/v1",
        ),
        (
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": "s"},
                "spec": {"topologyKeys": ["*"]},
            },
            'Service s: unknown field "spec.topologyKeys"',
            "mend the manifest; fields of old versions may be gone",
        ),
        (
            {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {}},
            'Service s: Service "s" is invalid: spec.ports: Required value',
            "mend the manifest",
        ),
    ],
)
def test_what_cannot_be_had_is_told_with_what_to_do(store, item, message, hint):
    with pytest.raises(UsageError) as caught:
        apply(store, [item], AUTHORITY.issue)
    assert caught.value.message == message
    assert caught.value.hint.startswith(hint)
