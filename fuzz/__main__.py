"""`python -m fuzz [SECONDS [TARGET …]] [--seed N] [--inputs N]`: every target for its share of the time.

Exit code 1: a rule was broken.
"""

from __future__ import annotations

import argparse
import resource
import sys
from random import SystemRandom

from fuzz.run import fuzz, keep, report
from fuzz.targets import TARGETS

MEMORY_BYTES = 4 << 30  # what an input makes a reader ask for beyond that ends in a MemoryError, which is a finding


def main() -> int:
    """Fuzz as long as is asked for."""
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description=__doc__)
    parser.add_argument("seconds", nargs="?", type=float, default=60.0, help="for all targets together (default: 60)")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"only these of {', '.join(TARGETS)}")
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(1 << 32), help="repeat a run")
    parser.add_argument("--inputs", type=int, metavar="N", help="try no more than N inputs of each target")
    arguments = parser.parse_args()
    if unknown := set(arguments.targets) - set(TARGETS):
        parser.error(f"there is no target {', '.join(sorted(unknown))}")
    chosen = [TARGETS[name] for name in arguments.targets or TARGETS]
    if "libasan" not in open("/proc/self/maps").read():  # noqa: SIM115, PTH123 - ASan reserves terabytes of addresses
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    print(f"seed {arguments.seed}", flush=True)
    is_broken = False
    for target in chosen:
        seconds = arguments.seconds / len(chosen)
        finding = fuzz(target, seconds, arguments.seed, lambda words: print(words, flush=True), inputs=arguments.inputs)
        if finding:
            report(target, finding, keep(target, finding))
            is_broken = True
    return int(is_broken)


if __name__ == "__main__":
    sys.exit(main())
