"""Makes the container images of the cluster from files of this machine: no registry is asked.

An image is one layer in an OCI image archive, as `ctr images import` takes it.
Source: OCI image format specification 1.1 (image-layout, manifest, config).
"""

import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import h11

from kinspect.lab import echo
from kinspect.lab.isolation import die_with_parent

from . import layout, programs

_UNUSED_LIBRARY = ("site-packages", "test", "tests", "idlelib", "tkinter", "ensurepip", "__pycache__")
_MACHINE = {"x86_64": "amd64", "aarch64": "arm64"}


def build(say: Callable[[str], None]) -> None:
    """Writes pause.tar, echo.tar and coredns.tar into the folder of images."""
    layout.IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        for name, fill, image, entrypoint in (
            ("pause", _pause, layout.PAUSE_IMAGE, ["/pause"]),
            ("echo", _echo, layout.ECHO_IMAGE, [_python_path(), "/container.py"]),
            ("coredns", _coredns, layout.DNS_IMAGE, ["/coredns"]),
        ):
            say(f"image {image}")
            tree = root / name
            for inside in ("tmp", "proc", "sys", "dev", "etc"):
                (tree / inside).mkdir(parents=True)
            fill(tree)
            _archive(tree, image, entrypoint, layout.IMAGES / f"{name}.tar")


def _pause(tree: Path) -> None:
    subprocess.run(
        ["go", "build", "-trimpath", "-ldflags=-s -w", "-o", tree / "pause", layout.HERE / "tools/pause.go"],
        env=os.environ | {"CGO_ENABLED": "0", "GO111MODULE": "off"},
        check=True,
        preexec_fn=die_with_parent,
    )


def _coredns(tree: Path) -> None:
    program = programs.folders()["coredns"] / "coredns"
    shutil.copy2(program, tree / "coredns")
    _add_libraries(tree, [program])


def _echo(tree: Path) -> None:
    """The lab's echo server with all that it runs on: this very interpreter, its library, and h11."""
    interpreter = Path(_python_path())
    library = Path(sysconfig.get_path("stdlib"))
    _copy(tree, interpreter)
    shutil.copytree(
        library, tree / library.relative_to("/"), ignore=shutil.ignore_patterns(*_UNUSED_LIBRARY, "config-*")
    )
    _add_libraries(tree, [interpreter, *library.glob("lib-dynload/*.so")])
    shutil.copytree(Path(h11.__file__).parent, tree / "h11")
    shutil.copy2(str(echo.__file__), tree)
    shutil.copy2(layout.HERE / "container.py", tree)


def _python_path() -> str:
    return str(Path(sys.executable).resolve())


def _add_libraries(tree: Path, files: Iterable[Path]) -> None:
    told = subprocess.run(["ldd", *files], capture_output=True, text=True, check=False).stdout
    for library in sorted(set(re.findall(r"(/\S+\.so\S*)\s+\(0x", told))):
        _copy(tree, Path(library))


def _copy(tree: Path, file: Path) -> None:
    inside = tree / file.relative_to("/")
    inside.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(file, inside)


def _archive(tree: Path, image: str, entrypoint: list[str], out: Path) -> None:
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        tar.add(tree, ".", filter=_without_owner)
    blobs: dict[str, bytes] = {}

    def blob(media: str, content: bytes) -> dict[str, object]:
        digest = hashlib.sha256(content).hexdigest()
        blobs[f"blobs/sha256/{digest}"] = content
        return {
            "mediaType": f"application/vnd.oci.image.{media}",
            "digest": f"sha256:{digest}",
            "size": len(content),
        }

    layer_blob = blob("layer.v1.tar", layer.getvalue())
    config = {
        "architecture": _MACHINE[os.uname().machine],
        "os": "linux",
        "config": {"Entrypoint": entrypoint},
        "rootfs": {"type": "layers", "diff_ids": [layer_blob["digest"]]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": blob("config.v1+json", json.dumps(config).encode()),
        "layers": [layer_blob],
    }
    named = blob("manifest.v1+json", json.dumps(manifest).encode()) | {
        "annotations": {"io.containerd.image.name": image}
    }
    index = {"schemaVersion": 2, "manifests": [named]}
    files = blobs | {
        "oci-layout": b'{"imageLayoutVersion": "1.0.0"}',
        "index.json": json.dumps(index).encode(),
    }
    with tarfile.open(out, "w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))


def _without_owner(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member
