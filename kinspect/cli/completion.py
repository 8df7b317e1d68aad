"""`kinspect completion`: a script that teaches bash the commands, flags and targets."""

from __future__ import annotations

from kinspect.errors import EXIT_OK

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

HELP = "a completion script for bash: source <(kinspect completion bash)"

_BASH = """\
_kinspect() {
    local IFS=$'\\n'
    COMPREPLY=($(kinspect complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null | cut -f1 | grep -v '^:'))
}
complete -o default -F _kinspect kinspect
"""


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=("bash",))


def run(args: argparse.Namespace) -> int:
    print(_BASH, end="")
    return EXIT_OK
