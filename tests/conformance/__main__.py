"""`python -m tests.conformance build | up | run -- CMD | down`: a real Kubernetes on this machine.

build   makes the programs and images (16 minutes on two cores when nothing is cached)
run     boots the cluster, runs CMD beside its control plane with KUBECONFIG set, ends it;
            the exit code is that of CMD
up      boots the cluster and keeps it until it is interrupted
down    ends and removes what a killed run has left
"""

import argparse
import os
import signal
import subprocess
import sys
import time

from . import cluster, images, programs, requirements

IMPOSSIBLE = 77
_BEGAN = time.monotonic()


def main() -> int:
    """Exit codes: those of CMD; 77 when the cluster cannot be had on this machine."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("command", choices=("build", "up", "run", "down"))
    parser.add_argument("cmd", nargs=argparse.REMAINDER, help="after --")
    given = parser.parse_args()
    if given.command == "down":
        cluster.down()
        return 0
    if reason := requirements.missing():
        print(f"The conformance run is not possible here: {reason}.", file=sys.stderr)
        return IMPOSSIBLE
    requirements.install(say)
    programs.build(say)
    images.build(say)
    if given.command == "build":
        return 0
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with cluster.booted(say) as machine:
        if given.command == "up":
            print(f"export KUBECONFIG={cluster.environment(machine)['KUBECONFIG']}")
            print(" ".join([*cluster.within(machine, "control-plane"), "kubectl get pods -A"]), flush=True)
            signal.pause()
        command = [*cluster.within(machine, "control-plane"), *given.cmd[given.cmd[:1] == ["--"] :]]
        code = subprocess.run(command, env=os.environ | cluster.environment(machine), check=False).returncode
        say("the command has ended")
    say("everything is removed")
    return code


def say(reached: str) -> None:
    """One phase, with the time it was reached."""
    print(f"{time.monotonic() - _BEGAN:7.1f} s  {reached}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
