"""The lanes of the tests, and what keeps a test of the lane `pure` away from the world.

A module names its lane in one line, `pytestmark = pytest.mark.pure`. A single test of it may be of another lane, which a
decorator says: `@pytest.mark.timed`.

- `pure`: neither sockets nor processes nor sleeping. The tests run side by side, as many as there are cores.
- `timed`: real sockets, processes or time, and no assertion that needs a quiet machine. Several modules run side by side.
- `alone`: what it asserts needs the machine for itself, such as a rate that is kept to the percent.
- `ray`: a cluster of Ray, which takes half a minute to start and 300 MB to install, and is left out where Ray is missing.

CPython tells audit hooks (PEP 578) of every socket and process. A hook cannot be taken away again, so there is one for the
whole session, which knows whether a pure test is under way. Of `time.sleep` only newer versions tell, so it is replaced.
"""

import sys
import time
from contextlib import contextmanager
from functools import cache

import pytest

LANES = {
    "pure": "neither sockets nor processes nor sleeping",
    "timed": "real sockets, processes or time",
    "alone": "like timed, and nothing else may run meanwhile",
    "ray": "like timed, with a cluster of Ray; left out where Ray is not installed",
}
# Modules of the lane `timed` that take longest begin first, so that no worker is left with one at the end; those that wait
# stand between those that take much CPU, browsers above all. `--durations=0` tells how long each takes.
LONGEST = (
    "test_ui_dashboard_browser.py",
    "test_cli_capacity.py",
    "test_cli_run.py",
    "test_nodes_runs.py",
    "test_report_browser.py",
    "test_bench_soak.py",
    "test_replay_run.py",
    "test_cli_run_interrupted.py",
    "test_fuzz.py",
    "test_load_rows.py",
    "test_ui_dashboard_charts.py",
    "test_compare_live.py",
    "test_load_conformance.py",
    "test_cli_terminal.py",
    "test_run_complete.py",
    "test_page_charts.py",
    "test_isolation.py",
    "test_cli_import.py",
    "test_flow_summary.py",
    "test_ui_prometheus.py",
    "test_load_records.py",
    "test_store_killed.py",
    "test_cli_quick_run.py",
    "test_report_agree.py",
    "test_cli_claims.py",
    "test_cli_dashboard.py",
    "test_flow_outputs.py",
    "test_report_side_by_side_browser.py",
    "test_load_closing.py",
    "test_load_certificates.py",
    "test_load_tls.py",
    "test_ui_dashboard_events.py",
    "test_testing_shop.py",
    "test_nodes_cut.py",
)
WORLDLY = {
    "socket.__new__": "opens a socket",
    "subprocess.Popen": "starts a process",
    "os.fork": "starts a process",
    "os.forkpty": "starts a process",
    "os.posix_spawn": "starts a process",
    "os.system": "starts a process",
}


def longest_first(item):
    """The key by which tests are sorted."""
    name = item.path.name
    return LONGEST.index(name) if name in LONGEST else len(LONGEST)


@cache
def lane_of(item):
    """The lane of one test: its own mark, or else its module's."""
    return next(mark.name for mark in item.iter_markers() if mark.name in LANES)


def lanes_named(text):
    """The lanes that the text of a module names; its tests are in no other."""
    return {lane for lane in LANES if f"pytest.mark.{lane}" in text}


class LaneModule(pytest.Module):
    """A module of tests, which must name its lane."""

    def collect(self):
        """Find its tests. Raises CollectError where it names no lane, or several."""
        marks = getattr(self.obj, "pytestmark", [])
        named = [mark.name for mark in (marks if isinstance(marks, list) else [marks]) if mark.name in LANES]
        if len(named) != 1:
            said = f"names {len(named)} lanes" if named else "names no lane"
            lanes = "; ".join(f"{name}: {meaning}" for name, meaning in LANES.items())
            raise self.CollectError(f"{self.path.name} {said}. Write `pytestmark = pytest.mark.LANE` with one of\n{lanes}")
        return super().collect()


class Guard:
    """Refuses what a pure test must not do. `seen` remembers it: the code under test may swallow the refusal."""

    def __init__(self):
        self.seen = []
        self._is_on = False
        sys.addaudithook(self._hear)

    @contextmanager
    def watching(self):
        """Refuse it until the block ends."""
        self._is_on, self.seen = True, []
        sleep, time.sleep = time.sleep, lambda _: self._refuse("sleeps", "time.sleep")
        try:
            yield
        finally:
            self._is_on, time.sleep = False, sleep

    def _hear(self, event, _):
        if self._is_on and event in WORLDLY:
            self._refuse(WORLDLY[event], event)

    def _refuse(self, words, event):
        said = f"a test of the lane `pure` {words} ({event}): mark it with `@pytest.mark.timed`, or its module"
        self.seen.append(said)
        pytest.fail(said)
