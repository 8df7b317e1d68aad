"""The entry points kinspect, kubectl-kinspect and kubectl_complete-kinspect. Import as little as they can."""

from __future__ import annotations

import sys


def main() -> None:
    from kinspect.cli import run

    sys.exit(run(sys.argv[1:]))


def complete() -> None:
    """Completion for kubectl: the words so far and the one being typed, one candidate a line."""
    from kinspect.cli import run

    sys.exit(run(["complete", "--", *sys.argv[1:]]))


if __name__ == "__main__":
    main()
