"""Files of every shape, what they make given, and how a broken one is told."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from kinspect.errors import Unreadable
from kinspect.model.meta import Key
from kinspect.model.snapshot import Snapshot
from kinspect.sources import open_file
from kinspect.sources.manifests import read_manifests

SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: web, labels: , annotations: {example.test/owner: me}}
spec:
  selector: {app: web}
  ports: [{port: 80, targetPort: http}]
"""


def read(text: str) -> Snapshot:
    return read_manifests(["-"], text.encode())


def test_a_hand_written_object_lies_in_default() -> None:
    snapshot = read(SERVICE)
    service = snapshot.services[Key("default", "web")]
    assert service.spec.ports[0].target_port == "http"
    assert service.metadata.labels == {}
    assert snapshot.coverage_of("Service").state == "given"


def test_a_cluster_scoped_kind_has_no_namespace() -> None:
    node = "apiVersion: v1\nkind: Node\nmetadata: {name: n1, namespace: oops}\n"
    assert list(read(node).nodes) == [Key("", "n1")]


def test_a_kind_that_no_file_contains_is_not_given() -> None:
    snapshot = read(SERVICE)
    assert snapshot.coverage_of("Pod").state == "not given"
    assert not snapshot.covers("Pod", "default")


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ('{"kind":"ServiceList","apiVersion":"v1","items":[]}', {"Service"}),
        ('{"kind":"EndpointSliceList","apiVersion":"discovery.k8s.io/v1","items":null}', {"EndpointSlice"}),
        ('{"kind":"List","apiVersion":"v1","items":[]}', set()),
        (
            '{"kind":"List","apiVersion":"v1","items":[{"kind":"Pod","apiVersion":"v1","metadata":{"name":"p"}}]}',
            {"Pod"},
        ),
        ('{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"p"}}]}', {"Pod"}),
    ],
)
def test_a_list_makes_its_kind_given(text: str, given: set[str]) -> None:
    assert set(read(text).coverage) == given


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}", "not read: 1 × ConfigMap (v1)"),
        # The same word of another group is another thing.
        (
            "apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: s}",
            "not read: 1 × Service (serving.knative.dev/v1)",
        ),
        (
            "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: g}",
            "not read: 1 × Gateway (networking.istio.io/v1)",
        ),
        ("replicas: 2", "not read: 1 × document without a kind (standard input)"),
        ("kind: Service\nmetadata: {name: s}", "not read: 1 × Service (no apiVersion)"),
    ],
)
def test_what_is_not_read_is_counted(text: str, note: str) -> None:
    snapshot = read(text)
    assert snapshot.notes == (note,)
    assert not snapshot.objects


def test_several_documents_and_json_in_a_row() -> None:
    second = SERVICE.replace("web", "api")
    assert set(read(f"{SERVICE}---\n{second}").services) == {Key("default", "web"), Key("default", "api")}
    one = json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a"}})
    two = one.replace('"a"', '"b"')
    assert set(read(f"{one}\n---\n{two}\n").namespaces) == {Key("", "a"), Key("", "b")}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: b: c", "standard input, line 1: not YAML"),
        ('{"kind": "Service", ', "standard input, line 2: not YAML"),
        (
            SERVICE.replace("port: 80", "port: eighty"),
            "standard input: Service web: Expected `int`, got `str`",
        ),
        (SERVICE.replace("app: web", "app: 1"), "Expected `str`, got `int` - at `$.spec.selector[...]`"),
        (SERVICE.replace("name: web", "x: y"), "a Service has no metadata.name"),
    ],
)
def test_a_broken_file_is_one_clear_line(text: str, says: str) -> None:
    with pytest.raises(Unreadable) as caught:
        read(text)
    assert says in caught.value.message
    assert "\n" not in caught.value.message


def test_a_folder_is_read_and_never_left(tmp_path: Path) -> None:
    outside = tmp_path / "outside.yaml"
    outside.write_text(SERVICE.replace("web", "outside"))
    root = tmp_path / "root"
    (root / "below").mkdir(parents=True)
    (root / ".git").mkdir()
    (root / ".git" / "x.yaml").write_text(SERVICE.replace("web", "hidden"))
    (root / "a.yaml").write_text(SERVICE)
    (root / "README.md").write_text("# not: yaml: at all")
    (root / "below" / "b.yml.gz").write_bytes(gzip.compress(SERVICE.replace("web", "api").encode()))
    (root / "inside.yaml").symlink_to(root / "a.yaml")
    (root / "leak.yaml").symlink_to(outside)
    (root / "folder").symlink_to(tmp_path)
    snapshot = read_manifests([str(root)])
    assert set(snapshot.services) == {Key("default", "web"), Key("default", "api")}
    assert snapshot.notes == (f"not read: {root / 'leak.yaml'} leads out of {root}",)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="No such file"):
        open_file([str(tmp_path / "absent.yaml")])


def test_standard_input_can_be_opened() -> None:
    assert open_file(["-"], SERVICE.encode()).services


DEEP = '{"kind": "Service", "apiVersion": "v1", "metadata": {"name": "web"}, "x": %s}'


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"[" * 100_000, "line 1: not read: nested deeper than 100 levels"),
        ((DEEP % ("[" * 5000 + "]" * 5000)).encode(), "nested"),
        (b'{"kind":"List","items":[' * 3000 + b"]}" * 3000, "nested"),
        (b'{"kind": "Service", "name": "caf\xe9"}', "not YAML: invalid trailing UTF-8 octet"),
        (b"", "there is no object in it"),
        (b"\n---\n---\n", "there is no object in it"),
        (b'{"written": 1, "schema": "kinspect/snapshot/v1"}', "a snapshot is opened by itself"),
    ],
)
def test_hostile_bytes_are_one_clear_line(data: bytes, says: str) -> None:
    with pytest.raises(Unreadable) as caught:
        read_manifests(["-"], data)
    assert says in caught.value.message
    assert "\n" not in caught.value.message


def test_links_that_lead_nowhere_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(SERVICE)
    (tmp_path / "loop.yaml").symlink_to("loop.yaml")
    (tmp_path / "nothing.yaml").symlink_to("absent")
    found = read_manifests([str(tmp_path)])
    assert set(found.services) == {Key("default", "web")}
    assert found.notes == tuple(f"not read: {tmp_path / n}.yaml leads nowhere" for n in ("loop", "nothing"))


def test_a_folder_without_manifests_is_no_proof(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="there is no object in it"):
        open_file([str(tmp_path)])


def test_a_name_that_is_too_long_is_told() -> None:
    with pytest.raises(Unreadable, match="File name too long"):
        open_file(["a" * 5000])
