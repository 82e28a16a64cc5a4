"""The fuzzer's corpus as regression tests, a short run of every target, and the fuzzer itself."""

import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from fuzz.mutate import mutated, mutated_json
from fuzz.run import CORPUS, Finding, corpus_of, fuzz, tried_once
from fuzz.target import Target
from fuzz.targets import TARGETS
from fuzz.targets.differences import table

pytestmark = pytest.mark.pure

ROOT = Path(__file__).parent.parent
# For all targets together, which is long enough on any machine: what ends the run is the number of inputs of each target,
# so that the same inputs are tried everywhere.
SECONDS, INPUTS = 560, 250


# One of them asks a server.
EACH = [pytest.param(name, marks=pytest.mark.timed) if name == "request" else name for name in TARGETS]


@pytest.mark.parametrize("name", EACH)
def test_what_was_found_once_is_mended(name):
    """Every input that ever broke a rule, and every seed, is read as it must be."""
    target = TARGETS[name]
    inputs = {path.name: path.read_bytes() for path in corpus_of(target)}
    inputs |= {f"seed {number}": seed for number, seed in enumerate(target.seeds)}
    for label, data in inputs.items():
        found = tried_once(target, data)
        assert not isinstance(found, Finding), f"{label}: {found.report}"


def test_the_corpus_belongs_to_targets():
    """A folder of another name would never be tried."""
    assert {path.name for path in CORPUS.iterdir() if path.is_dir()} <= set(TARGETS)


@pytest.mark.timed
def test_no_damaged_input_breaks_a_rule():
    """A short run with a fixed seed, in a process of its own with a limit of memory; `scripts/fuzz` goes on for longer."""
    done = subprocess.run(
        [sys.executable, "-m", "fuzz", str(SECONDS), "--seed", "0", "--inputs", str(INPUTS)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("none broke a rule") == len(TARGETS)


def test_the_readme_lists_every_difference():
    """The table of the other parsers is the one that the fuzzer goes by; a new line is written there too."""
    assert table() in (ROOT / "fuzz" / "README.md").read_text(encoding="utf-8")


def planted(data):
    """A reader with a fault: two words in one input, which no seed has."""
    assert not (b"left" in data and b"right" in data), "both"
    return b"left" in data, b"right" in data


def test_the_fuzzer_finds_a_fault_and_repeats_it():
    """It needs to keep an input that has the first word; the same seed comes to the same finding."""
    target = Target("planted", planted, [b"nothing"], [b"left", b"right"])
    found = [fuzz(target, 20.0, 5, print) for _ in range(2)]
    assert found[0] == found[1]
    assert isinstance(found[0], Finding)
    assert "AssertionError: both" in found[0].report
    assert isinstance(tried_once(target, found[0].data), Finding)


def test_an_input_that_takes_for_ever_is_a_finding(monkeypatch):
    """No rule is needed for that."""

    def endless(_):
        while True:
            pass

    monkeypatch.setattr("fuzz.run.LONGEST_S", 0.2)
    assert "TookTooLongError" in tried_once(Target("endless", endless, [b""], [b"x"]), b"").report


def test_damage_is_decided_by_its_seed():
    """And changes what it is given."""
    words, document = [b"word"], b'{"a": [1, {"b": "text"}]}'
    for damage in (lambda rng: mutated(rng, document, words, b"other"), lambda rng: mutated_json(rng, document, words)):
        made = [damage(Random(seed)) for seed in range(200)]
        assert made == [damage(Random(seed)) for seed in range(200)]
        assert len(set(made)) > 100
    assert mutated_json(Random(0), b"{", words) is None
