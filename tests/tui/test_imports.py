"""The screen is up before the cluster's client is there: nothing heavy is imported for the first paint."""

from __future__ import annotations

import json
import subprocess
import sys

HEAVY = (
    "kubernetes",
    "aiohttp",
    "scapy",
    "dns",
    "yaml",
    "kinspect.sources",
    "kinspect.judge",
    "kinspect.rules",
)


def test_the_first_paint_imports_no_client_and_no_rules() -> None:
    code = "import json, sys; import kinspect.tui.app; print(json.dumps(sorted(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    imported = json.loads(ran.stdout)
    assert "textual.app" in imported
    assert [
        name for name in imported if name.startswith(tuple(f"{heavy}." for heavy in HEAVY)) or name in HEAVY
    ] == []
