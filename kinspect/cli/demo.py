"""`kinspect demo`: the story of a small shop, in a lab of its own, open in the interactive session."""

from __future__ import annotations

import sys

from kinspect.errors import EXIT_OK, NotPermitted

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from kinspect.lab.supervisor import Wishes

HELP = "a small shop with everything in it, and everything wrong with it: look around, without a cluster"

STORY = "service-apis"


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--paper", action="store_true", help="only the objects, without a network")
    parser.add_argument("--theme", metavar="NAME", help="a theme by name")


def run(args: argparse.Namespace) -> int:
    import asyncio

    from kinspect.lab import manifests
    from kinspect.lab.supervisor import Wishes
    from kinspect.shipped import shipped

    wishes = Wishes(objects=manifests.read([str(shipped("snapshots") / STORY / "manifests.yaml")]))
    flags = ["--theme", args.theme] if args.theme else []
    return asyncio.run(_demo(wishes, args.paper, flags))


async def _demo(wishes: Wishes, paper: bool, flags: list[str]) -> int:
    """Shows the story in a lab with a network; where that is not possible, in one of paper."""
    from kinspect.lab.paper import open_paper
    from kinspect.lab.session import open_controlled

    if not paper:
        try:
            async with open_controlled(wishes) as commands:
                return await _show(commands.lab.kubeconfig, flags)
        except NotPermitted as error:
            print(f"kinspect: {error.message}", file=sys.stderr)
            print("  so the story is shown without packets: nothing can be probed or traced", file=sys.stderr)
    async with open_paper(wishes) as kubeconfig:
        return await _show(kubeconfig, flags)


async def _show(kubeconfig: Path, flags: list[str]) -> int:
    """The interactive session; without a terminal, the same as text."""
    from kinspect.cli._reading import interactive
    from kinspect.lab.session import run_with

    this = [sys.executable, "-P", "-m", "kinspect"]
    if interactive():
        return await run_with(kubeconfig, [*this, *flags])
    for words in (["tree", "-A"], ["check", "-A", "--fail-on", "never"]):
        code = await run_with(kubeconfig, [*this, *words])
        if code != EXIT_OK:
            return code
    return EXIT_OK
