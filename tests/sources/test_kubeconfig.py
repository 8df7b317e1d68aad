"""Kubeconfig files by clientcmd's rules, and what the flags change."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from kinspect.errors import KinspectError, Unreachable, Unreadable, UsageError
from kinspect.sources import kubeconfig
from kinspect.sources.kubeconfig import Access, access, contexts
from kinspect.sources.options import ClusterOptions


def config(name: str, current: str = "", **user: Any) -> dict[str, Any]:
    return {
        "current-context": current,
        "clusters": [
            {"name": name, "cluster": {"server": f"https://{name}.test", "certificate-authority": "ca"}}
        ],
        "users": [{"name": name, "user": user or {"token": name}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": f"ns-{name}"}}],
    }


def write(path: Path, content: dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


@pytest.fixture
def two(tmp_path: Path) -> dict[str, str]:
    """KUBECONFIG with a missing file, one without a current context, and one that has everything again."""
    first = write(tmp_path / "one" / "config", config("a"))
    again = config("b", current="b")
    again["clusters"].append({"name": "a", "cluster": {"server": "https://never.test"}})
    second = write(tmp_path / "two" / "config", again)
    return {"KUBECONFIG": f"{tmp_path / 'absent'}:{first}:{second}:"}


def test_the_first_file_that_has_a_name_wins_and_paths_stay_beside_their_file(
    two: dict[str, str], tmp_path: Path
) -> None:
    chosen = access(ClusterOptions(context="a"), two)
    assert chosen.server == "https://a.test"
    assert chosen.cluster["certificate-authority"] == str(tmp_path / "one" / "ca")


def test_the_current_context_is_that_of_the_first_file_that_sets_it(two: dict[str, str]) -> None:
    chosen = access(ClusterOptions(), two)
    assert (chosen.context, chosen.server, chosen.namespace) == ("b", "https://b.test", "ns-b")
    assert [(each.name, each.current) for each in contexts(ClusterOptions(), two)] == [
        ("a", False),
        ("b", True),
    ]


def test_a_named_file_is_alone_and_must_exist(two: dict[str, str], tmp_path: Path) -> None:
    only = str(tmp_path / "one" / "config")
    assert [each.name for each in contexts(ClusterOptions(kubeconfig=only), two)] == ["a"]
    with pytest.raises(Unreadable, match="no such kubeconfig"):
        access(ClusterOptions(kubeconfig=str(tmp_path / "absent")), two)
    with pytest.raises(Unreadable, match="too long"):  # one that may not even be looked for
        access(ClusterOptions(), {"KUBECONFIG": "x" * 300})


def test_a_wrong_context_tells_which_there_are(two: dict[str, str]) -> None:
    with pytest.raises(UsageError) as caught:
        access(ClusterOptions(context="prod"), two)
    assert caught.value.message == "no context 'prod' in the kubeconfig"
    assert caught.value.hint == "There are: a, b."


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (ClusterOptions(namespace="shop"), {"namespace": "shop"}),
        (ClusterOptions(cluster="a"), {"server": "https://a.test"}),
        (ClusterOptions(user="a"), {"user": {"token": "a"}}),
        (ClusterOptions(token="t"), {"user": {"token": "t"}}),
        (ClusterOptions(server="https://other.test/"), {"server": "https://other.test"}),
        (ClusterOptions(server="127.0.0.1:8001"), {"server": "https://127.0.0.1:8001"}),
        (
            ClusterOptions(as_user="jane", as_groups=("dev", "ops"), as_uid="7"),
            {
                "impersonation": (
                    ("Impersonate-User", "jane"),
                    ("Impersonate-Group", "dev"),
                    ("Impersonate-Group", "ops"),
                    ("Impersonate-Uid", "7"),
                )
            },
        ),
    ],
)
def test_flags_win(two: dict[str, str], options: ClusterOptions, expected: dict[str, Any]) -> None:
    chosen = access(options, two)
    assert {key: getattr(chosen, key) for key in expected} == expected


def test_skipping_verification_forgets_the_authority(two: dict[str, str]) -> None:
    chosen = access(ClusterOptions(insecure_skip_tls_verify=True), two)
    assert "certificate-authority" not in chosen.cluster
    assert chosen.cluster["insecure-skip-tls-verify"] is True


def test_a_user_entry_may_impersonate(tmp_path: Path) -> None:
    user = {"token": "t", "as": "jane", "as-groups": ["dev"], "as-user-extra": {"scope": ["a", "b"]}}
    path = write(tmp_path / "config", config("a", "a", **user))
    assert access(ClusterOptions(kubeconfig=str(path)), {}).impersonation == (
        ("Impersonate-User", "jane"),
        ("Impersonate-Group", "dev"),
        ("Impersonate-Extra-scope", "a"),
        ("Impersonate-Extra-scope", "b"),
    )


def test_a_group_alone_cannot_be_impersonated(two: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="needs a user"):
        access(ClusterOptions(as_groups=("dev",)), two)


def test_inside_a_pod_the_service_account_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, content in {"token": "t", "ca.crt": "c", "namespace": "shop\n"}.items():
        (tmp_path / name).write_text(content)
    monkeypatch.setattr(kubeconfig, "SERVICE_ACCOUNT", tmp_path)
    environ = {
        "KUBERNETES_SERVICE_HOST": "fd00::1",
        "KUBERNETES_SERVICE_PORT": "443",
        "KUBECONFIG": "/absent",
    }
    assert access(ClusterOptions(), environ) == Access(
        "in-cluster",
        {"server": "https://[fd00::1]:443", "certificate-authority": str(tmp_path / "ca.crt")},
        {"tokenFile": str(tmp_path / "token")},
        "shop",
    )


def test_without_any_configuration_the_error_says_what_to_do() -> None:
    with pytest.raises(Unreachable) as caught:
        access(ClusterOptions(), {"KUBECONFIG": "/absent"})
    assert "--context" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: [", "line 2: not YAML"),
        ("- a", "not a kubeconfig file"),
        ("clusters: [{cluster: {}}]", "an entry of clusters has no name"),
        ("current-context: x", "no context 'x'"),
        ("contexts: [{name: x, context: {cluster: y}}]\ncurrent-context: x", "no cluster 'y'"),
        ("contexts: [{name: x}]\ncurrent-context: x", "names no server"),
    ],
)
def test_a_broken_kubeconfig_is_one_clear_line(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "config").write_text(text)
    with pytest.raises(KinspectError) as caught:
        access(ClusterOptions(kubeconfig=str(tmp_path / "config")), {})
    assert says in caught.value.message
    assert "\n" not in caught.value.message


def test_kubectl_reads_the_same_files_alike(two: dict[str, str], tmp_path: Path) -> None:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not installed")
    command = [kubectl, "config", "view", "--raw", "-o", "json"]
    environ = {**os.environ, **two, "HOME": str(tmp_path)}
    printed = subprocess.run(command, env=environ, capture_output=True, check=True).stdout
    theirs, ours = json.loads(printed), kubeconfig.read(ClusterOptions(), two)
    assert theirs["current-context"] == ours.current
    assert {each["name"]: each["user"] for each in theirs["users"]} == ours.users
    assert {each["name"]: each["context"] for each in theirs["contexts"]} == ours.contexts
    # It prints paths relative to their file again, so only the servers can be compared.
    servers = {name: entry["server"] for name, entry in ours.clusters.items()}
    assert {each["name"]: each["cluster"]["server"] for each in theirs["clusters"]} == servers


@pytest.mark.parametrize(
    "server", ["http://[::1", "ftp://127.0.0.1", "http://127.0.0.1:99999", "https://", "://", "http://a:0"]
)
def test_a_server_that_is_no_url_is_told(server: str) -> None:
    with pytest.raises(UsageError, match="is no URL"):
        access(ClusterOptions(server=server), {"KUBECONFIG": "/no/such/file"})


@pytest.mark.parametrize(
    ("part", "entry", "says"),
    [
        ("clusters", "text", "the cluster 'a': Expected `object`, got `str`"),
        ("clusters", {"server": 5}, "`$.server`"),
        ("clusters", {"server": "http://a", "proxy-url": ["x"]}, "`$.proxy-url`"),
        ("contexts", {"cluster": ["a"]}, "`$.cluster`"),
        ("users", {"tokenFile": ["x"]}, "`$.tokenFile`"),
        ("users", {"as": "a", "as-groups": 7}, "`$.as-groups`"),
        ("users", {"exec": {"command": "x", "env": [{"value": "y"}]}}, "missing required field `name`"),
    ],
)
def test_a_field_of_another_type_is_named(part: str, entry: Any, says: str, tmp_path: Path) -> None:
    content = {**config("a", "a"), part: [{"name": "a", part.removesuffix("s"): entry}]}
    path = write(tmp_path / "config", content)
    with pytest.raises(Unreadable) as caught:
        access(ClusterOptions(kubeconfig=str(path)))
    assert str(path) in caught.value.message
    assert says in caught.value.message
