"""`python -m tests.make_story`: writes a story's objects.yaml, what the API says when the cluster settled.

Always the same for the same manifests, on every machine: times, random parts and the machine's own properties
are fixed. Only the kinds that kinspect reads are kept.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from kinspect.lab import manifests, paper
from kinspect.lab.status import Json
from kinspect.model import yaml
from kinspect.model.kinds import KINDS

STORIES = Path(__file__).parent.parent / "snapshots"
NOW = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)
HEADER = "# What the API says when manifests.yaml has settled. Made by: python -m tests.make_story\n"


def objects(story: Path) -> str:
    """The text of a story's objects.yaml."""
    items = paper.settled(manifests.read([str(story / "manifests.yaml")]), now=NOW)
    read = [_of_no_machine(item) for item in items if item["kind"] in KINDS]
    return HEADER + yaml.dump({"apiVersion": "v1", "kind": "List", "items": read})


def _of_no_machine(item: Json) -> Json:
    """The object; a Node without the properties of the machine on which this runs."""
    if item["kind"] != "Node":
        return item
    labels = {**item["metadata"]["labels"], "kubernetes.io/arch": "amd64"}
    info = {**item["status"]["nodeInfo"], "architecture": "amd64", "kernelVersion": "6.18.0"}
    return {
        **item,
        "metadata": {**item["metadata"], "labels": labels},
        "status": {**item["status"], "nodeInfo": info},
    }


if __name__ == "__main__":
    for manifest in sorted(STORIES.glob("*/manifests.yaml")):
        target = manifest.parent / "objects.yaml"
        target.write_text(objects(manifest.parent))
        print(target)
