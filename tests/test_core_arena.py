"""The arena: what one process writes, another reads, whole or not at all, and no killed writer holds it up."""

import os
import signal
import struct
import subprocess
import sys
from contextlib import contextmanager
from mmap import mmap
from pathlib import Path
from threading import Event, Thread

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tressi
from tressi._core import Arena, Histogram
from tressi.model import Window
from tressi.vocabulary import ERROR_KINDS

pytestmark = pytest.mark.pure

ROOT = str(Path(tressi.__file__).parents[1])
TIMES = ("service", "response", "success", "first_byte", "connect", "tls")
ATTEMPTS = st.tuples(
    st.integers(100, 999), st.integers(0, 10**7), st.integers(0, 10**7), st.booleans(), st.none() | st.integers(0, 10**7)
)


def all_of(arena, endpoints):
    """Everything an arena says, as a value."""
    return [
        (
            arena.counters(index),
            {name: histogram.encode() for name, histogram in arena.times(index).items()},
            arena.reasons(index),
            arena.samples(index),
        )
        for index in range(endpoints)
    ]


def block_offset(arena, endpoints, index):
    """Where an endpoint's block lies in the memory; its first field is the sequence number."""
    size = os.fstat(arena.fd).st_size
    with mmap(arena.fd, size) as memory:
        (block_bytes,) = struct.unpack_from("<q", memory, 16)
    return size - (endpoints - index) * block_bytes


def set_sequence(arena, endpoints, index, sequence):
    """Leave a block as a writer leaves it that is killed: odd is in the middle of a write."""
    with mmap(arena.fd, os.fstat(arena.fd).st_size) as memory:
        struct.pack_into("<q", memory, block_offset(arena, endpoints, index), sequence)


@contextmanager
def process(program, arena, *arguments):
    """Another Python process that has the arena's memory; its standard input ends it, its lines come back."""
    child = subprocess.Popen(
        [sys.executable, "-c", program, str(arena.fd), *map(str, arguments)],
        pass_fds=[arena.fd],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": ROOT},
    )
    try:
        yield child
    finally:
        child.stdin.close()
        child.kill()
        child.wait()
        child.stdout.close()


def test_a_new_arena_is_empty():
    """Every counter is 0, every histogram empty, and no rate limits an endpoint that has none yet."""
    for counters, histograms, reasons, samples in all_of(Arena(2), 2):
        assert {name for name, value in counters.items() if value and name not in {"errors", "window"}} == set()
        assert counters["errors"] == [0] * len(ERROR_KINDS)
        assert Window(*counters["window"]) == Window(full=False)
        assert histograms == dict.fromkeys(TIMES, Histogram().encode())
        assert (reasons, samples) == ([], [])


@settings(max_examples=40, deadline=None)
@given(attempts=st.lists(st.tuples(st.integers(0, 2), ATTEMPTS), max_size=40))
def test_each_attempt_is_counted_once_and_for_its_endpoint(attempts):
    """Statuses, successes, failures and all histograms are what was recorded, of each endpoint apart."""
    arena = Arena(3)
    for index, attempt in attempts:
        arena.attempt(index, *attempt)
    for index in range(3):
        mine = [attempt for other, attempt in attempts if other == index]
        counters, expected = arena.counters(index), {name: Histogram() for name in TIMES}
        for _, service_us, response_us, succeeded, first_byte_us in mine:
            expected["service"].record(service_us)
            expected["response"].record(response_us)
            # A response that came in one piece came with its first byte.
            expected["first_byte"].record(service_us if first_byte_us is None else first_byte_us)
            if succeeded:
                expected["success"].record(service_us)
        statuses = [status for status, *_ in mine]
        assert counters["status_codes"] == {status: statuses.count(status) for status in sorted(set(statuses))}
        assert counters["succeeded"] == sum(succeeded for *_, succeeded, _ in mine)
        assert counters["succeeded"] + counters["failed"] == len(mine)
        found = arena.times(index)
        assert {name: one.counts() for name, one in found.items()} == {name: one.counts() for name, one in expected.items()}
        assert {name: one.mean_us for name, one in found.items()} == {name: one.mean_us for name, one in expected.items()}
        assert (found["service"].max_us, found["response"].min_us) == (expected["service"].max_us, expected["response"].min_us)


def test_only_a_histogram_with_new_values_is_copied_again():
    """A copy of before stays as it was."""
    arena = Arena(2)
    arena.attempt(0, 200, 1_000, 1_200)
    before = arena.times(0)
    assert all(one is before[name] for name, one in arena.times(0).items())
    arena.attempt(0, 503, 5_000, 5_200, succeeded=False)
    after = arena.times(0)
    counts = {name: (before[name].count, after[name].count) for name in TIMES}
    assert counts == dict.fromkeys(("service", "response", "first_byte"), (1, 2)) | {
        "success": (1, 1),
        "connect": (0, 0),
        "tls": (0, 0),
    }
    assert after["connect"] is before["connect"]
    assert after["service"].percentile(100) == arena.times(0)["service"].percentile(100) > before["service"].percentile(100)


def test_the_present_and_the_most_workers():
    """The most workers at once outlast the present count."""
    arena = Arena(1)
    for workers, draining in [(3, 0), (8, 1), (2, 6)]:
        arena.set_workers(0, workers, draining)
    counters = arena.counters(0)
    assert [counters[name] for name in ("worker_count", "draining", "peak_worker_count")] == [2, 6, 8]


def test_what_the_engine_counts_of_itself():
    """Nothing before it has started."""
    arena = Arena(1)
    found = arena.generator()
    assert [found.pop(name).count for name in ("own_delay", "late_sends", "shared_arrival")] == [0, 0, 0]
    assert found == {"cpu_s": 0.0, "run_queue_s": 0.0, "kernel_timed": 0, "user_timed": 0, "disturbed": 0}
    assert arena.start_ns == 0


@pytest.mark.parametrize("index", [-1, 2, 2**40])
def test_an_endpoint_that_is_not_there(index):
    """Nothing is read or written beyond the blocks."""
    arena = Arena(2)
    for use in (arena.counters, arena.times, arena.reasons, arena.samples):
        with pytest.raises(IndexError, match="endpoint"):
            use(index)
    with pytest.raises(IndexError, match="endpoint"):
        arena.attempt(index, 200, 1, 1)
    with pytest.raises(IndexError, match="endpoint"):
        arena.set_workers(index, 1, 0)


@pytest.mark.parametrize("status", [-1, 0, 99, 1017, 2**40])
def test_a_status_that_is_none(status):
    """Only 100 to 999 and those of gRPC behind them have a counter; what is none is refused and counts nowhere."""
    arena = Arena(1)
    with pytest.raises(ValueError, match="status"):
        arena.attempt(0, status, 1, 1)
    assert all_of(arena, 1) == all_of(Arena(1), 1)


@pytest.mark.parametrize("endpoints", [1, 3])
def test_memory_of_another_layout_is_refused(endpoints):
    """A reader that expects other blocks must not read plausible numbers."""
    arena = Arena(2)
    with pytest.raises(ValueError, match="arena"):
        Arena(endpoints, os.dup(arena.fd))


READER = """
import sys
from tressi._core import Arena

arena = Arena(2, int(sys.argv[1]))
for line in sys.stdin:
    counters = arena.counters(1)
    print(counters, [one.encode() for one in arena.times(1).values()], flush=True)
"""


@pytest.mark.timed
@pytest.mark.parametrize("system", ["with memory files", "without"])
def test_another_process_reads_the_same(system, monkeypatch, tmp_path):
    """A second mapping of the memory, in a process of its own, follows what is written here; no path leads to it."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    if system == "without":
        monkeypatch.delattr(os, "memfd_create")
    arena = Arena(2)
    assert (os.fstat(arena.fd).st_nlink, list(tmp_path.iterdir())) == (0, [])
    with process(READER, arena) as reader:
        for count in (1, 10, 100):
            for number in range(count):
                arena.attempt(1, 200 + number % 3, 10 * number, 20 * number, number % 2 == 0)
            arena.set_workers(1, count, 1)
            reader.stdin.write("\n")
            reader.stdin.flush()
            seen = f"{arena.counters(1)} {[one.encode() for one in arena.times(1).values()]}\n"
            assert reader.stdout.readline() == seen


# An attempt takes a third of the time, so that a reader meets odd and changing numbers at every turn.
WRITER = """
import sys
from threading import Thread
from tressi._core import Arena

arena, ended = Arena(1, int(sys.argv[1])), []
Thread(target=lambda: ended.append(sys.stdin.read()), daemon=True).start()
number = 0
print(flush=True)
while not ended:
    number += 1
    arena.attempt(0, 200 + number % 7, number % 3000, number % 4000, number % 5 != 0)
    for _ in range(int(sys.argv[2])):
        pass
print(number, flush=True)
"""


def check_whole(arena):
    """One reading is of one moment: every attempt is in all of its counters or in none; returns how many."""
    counters, times = arena.counters(0), arena.times(0)
    service = times["service"]
    made = counters["succeeded"] + counters["failed"]
    assert sum(counters["status_codes"].values()) == made
    assert counters["failed"] == made // 5
    assert counters["status_codes"].get(200, 0) == made // 7
    assert sum(count for _, count in service.counts()) == service.count
    assert service.min_us == 0.0 or service.count < 3000
    # What is a difference of two histograms is of one moment too: of every five attempts one fails.
    assert times["success"].count == service.count - service.count // 5
    # Values go round 0 to 2,999: so does their sum.
    rounds, rest = divmod(service.count, 3000)
    assert service.mean_us * service.count == pytest.approx(rounds * 2999 * 1500 + rest * (rest + 1) / 2, rel=1e-9)
    return made


@pytest.mark.timed
def test_a_reading_is_of_one_moment():
    """While another process writes all the time, each reading is whole, and none is older than the one before."""
    arena = Arena(1)
    with process(WRITER, arena, 400) as writer:
        writer.stdout.readline()
        seen = [check_whole(arena) for _ in range(1_500)]
        writer.stdin.close()
        number = int(writer.stdout.readline())
    assert seen == sorted(seen)
    assert seen[-1] > seen[0]
    assert check_whole(arena) == number


def test_a_reading_is_whole_beside_a_thread():
    """Likewise in one process: a greenlet's or a thread's reading never cuts through a write."""
    arena, ended = Arena(1), Event()

    def write():
        number = 0
        while not ended.is_set():
            number += 1
            arena.attempt(0, 200 + number % 7, number % 3000, number % 4000, number % 5 != 0)

    writer = Thread(target=write)
    writer.start()
    try:
        seen = [check_whole(arena) for _ in range(200)]
    finally:
        ended.set()
        writer.join()
    assert seen == sorted(seen)


@pytest.mark.timed
def test_a_killed_writer_leaves_what_it_wrote():
    """Killed at any point, even in the middle of a write: reading ends, and what was counted before is there."""
    arena = Arena(1)
    with process(WRITER, arena, 0) as writer:
        writer.stdout.readline()
        while arena.counters(0)["succeeded"] < 5_000:
            pass
        writer.send_signal(signal.SIGKILL)
        writer.wait()
    found = all_of(arena, 1)
    assert found == all_of(arena, 1)
    assert found[0][0]["succeeded"] >= 5_000
    assert Histogram.decode(found[0][1]["service"]).count >= 5_000


def test_a_block_left_odd_is_read_as_it_stands():
    """A sequence number that stays odd ends the tries: the numbers are given as they are, none is lost or made up."""
    arena = Arena(2)
    for number in range(500):
        arena.attempt(0, 200, 10 * number, 20 * number)
        arena.attempt(1, 404, 30, 40, succeeded=False)
    before = all_of(arena, 2)
    set_sequence(arena, 2, 0, 10**9 + 1)
    assert all_of(arena, 2) == before


def test_a_block_left_odd_still_encodes():
    """A histogram torn by a killed writer is one that `decode` accepts: its count is the sum of its counters."""
    arena = Arena(1)
    for number in range(1, 50):
        arena.attempt(0, 200, number, number)
    torn = block_offset(arena, 1, 0)
    with mmap(arena.fd, os.fstat(arena.fd).st_size) as memory:
        at = memory.find(struct.pack("<qq", 49, sum(range(1, 50)) * 1000), torn)
        struct.pack_into("<q", memory, at, 50)
        struct.pack_into("<q", memory, torn, 99)
    service = arena.times(0)["service"]
    assert service.count == 49
    assert Histogram.decode(service.encode()).count == 49


def test_the_memory_outlives_its_maker():
    """A reader keeps what a closed arena held, as long as it has the descriptor."""
    arena = Arena(1)
    arena.attempt(0, 200, 5, 7)
    reader = Arena(1, os.dup(arena.fd))
    descriptor = arena.fd
    del arena
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)
    assert reader.counters(0)["status_codes"] == {200: 1}
