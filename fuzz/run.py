"""The loop of the fuzzer: damage an input, read it, keep what is new, stop at what breaks a rule."""

from __future__ import annotations

import signal
import sys
import time
import traceback
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from fuzz.mutate import mutated, mutated_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from fuzz.target import Target

CORPUS = Path(__file__).parent / "corpus"
# CPU seconds that one input may take: the largest take a few thousandths.
LONGEST_S = 10.0
_MOST_KEPT = 5_000


class Finding(NamedTuple):
    """An input that breaks a rule, and how."""

    data: bytes
    report: str


class TookTooLongError(BaseException):
    """No reader may swallow it as a fault of the input."""


def corpus_of(target: Target) -> list[Path]:
    """The inputs that were found for a target, each a file."""
    return sorted((CORPUS / target.name).glob("*"))


def fuzz(
    target: Target, seconds: float, seed: int, say: Callable[[str], object], *, inputs: int | None = None
) -> Finding | None:
    """Try inputs for so long, `inputs` of them at most; returns the first that breaks a rule.

    The same seed tries the same inputs in the same order.
    """
    rng = Random(f"{target.name} {seed}")
    pool = [*target.seeds, *(path.read_bytes() for path in corpus_of(target))]
    kinds, tried, ends_s = set(), 0, time.monotonic() + seconds
    for data in pool:
        if isinstance(kind := tried_once(target, data), Finding):
            return kind
        kinds.add(kind)
    while time.monotonic() < ends_s and (inputs is None or tried < inputs):
        data = _damaged(rng, target, pool)
        kind = tried_once(target, data)
        tried += 1
        if isinstance(kind, Finding):
            return kind
        if kind not in kinds and len(pool) < _MOST_KEPT:
            kinds.add(kind)
            pool.append(data)
    say(f"{target.name}: {tried} inputs of {len(kinds)} kinds, none broke a rule")
    return None


def tried_once(target: Target, data: bytes) -> object:
    """What kind of input it is, or the finding that it is."""
    try:
        with _limited():
            return target.check(data)
    except (Exception, TookTooLongError):  # noqa: BLE001 - any exception is a finding: a reader's errors are its target's affair
        return Finding(data, "".join(traceback.format_exc(limit=-12)))


def keep(target: Target, finding: Finding) -> Path:
    """Put a finding into the corpus, where the tests try it from now on."""
    path = CORPUS / target.name / sha256(finding.data).hexdigest()[:16]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(finding.data)
    return path


def _damaged(rng: Random, target: Target, pool: list[bytes]) -> bytes:
    data, other = rng.choice(pool), rng.choice(pool)
    if target.is_json and rng.random() < 0.8:
        changed = mutated_json(rng, data, target.words)
        if changed is not None:
            return changed
    return mutated(rng, data, target.words, other)


@contextmanager
def _limited() -> Iterator[None]:
    def give_up(_: int, __: FrameType | None) -> None:
        raise TookTooLongError(f"more than {LONGEST_S:.0f} s of CPU for one input")

    former = signal.signal(signal.SIGVTALRM, give_up)
    signal.setitimer(signal.ITIMER_VIRTUAL, LONGEST_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, former)


def report(target: Target, finding: Finding, path: Path) -> None:
    """Say what was found, and where it lies."""
    print(f"{target.name}: an input breaks a rule; it is kept as {path}\n{finding.report}", file=sys.stderr)
