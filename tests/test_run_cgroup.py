"""A cgroup's quota as this process sees it: in containers of both versions, nested, and a real one where one may be made."""

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from tressi.run.cgroup import Quota, cores_of_max, cores_of_quota, folders_of, mounts_of, own_quota, throttled_of, whole_cores

pytestmark = pytest.mark.pure

V2 = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate"
V1 = "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:5 - cgroup cgroup rw,cpu,cpuacct"

FOLDERS = [
    ("of a container with a namespace of its own", "0::/\n", V2, ["/sys/fs/cgroup"]),
    (
        "of a service, with its slices",
        "0::/system.slice/load.service\n",
        V2,
        ["/sys/fs/cgroup/system.slice/load.service", "/sys/fs/cgroup/system.slice", "/sys/fs/cgroup"],
    ),
    (
        "of a container without a namespace: its own part is mounted, named as on the host",
        "0::/docker/abc/inner\n",
        V2.replace(" / ", " /docker/abc "),
        ["/sys/fs/cgroup/inner", "/sys/fs/cgroup"],
    ),
    ("outside of what is mounted", "0::/../other\n", V2, ["/sys/fs/cgroup"]),
    (
        "of version 1, beside controllers that do not matter",
        "12:memory:/a\n4:cpu,cpuacct:/docker/abc\n0::/\n",
        V1,
        ["/sys/fs/cgroup/cpu,cpuacct/docker/abc", "/sys/fs/cgroup/cpu,cpuacct/docker", "/sys/fs/cgroup/cpu,cpuacct"],
    ),
    ("of version 1 in a container", "4:cpu:/docker/abc\n", V1.replace(" / ", " /docker/abc "), ["/sys/fs/cgroup/cpu,cpuacct"]),
    (
        "of both",
        "1:cpu:/a\n0::/\n",
        f"{V1}\n{V2}",
        ["/sys/fs/cgroup/cpu,cpuacct/a", "/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup"],
    ),
    ("of cpuset alone, which is no quota", "3:cpuset:/a\n", V1.replace("cpu,cpuacct", "cpuset"), []),
    (
        "where a blank is in the way",
        "0::/a b\n",
        V2.replace("/sys/fs/cgroup", r"/my\040groups"),
        ["/my groups/a b", "/my groups"],
    ),
    ("of a system without any", "", "", []),
    ("of text that means nothing", "x\n\n::\n", "y\n - \n1 2 - cgroup2", []),
]


def test_the_cgroups_that_bind_a_process_are_found():
    """Its own first, then every parent as far as it can see."""
    for what, cgroups, mountinfo, folders in FOLDERS:
        assert [folder for _, folder in folders_of(cgroups, mountinfo)] == folders, what


def test_numbers_are_read_as_the_kernel_writes_them():
    """`max` and -1 are no limit, and neither is what cannot be read."""
    for text, cores in [("200000 100000\n", 2.0), ("50000 100000", 0.5), ("max 100000\n", None), ("100000\n", 1.0), ("", None)]:
        assert cores_of_max(text) == cores, text
    for quota, period, cores in [("250000\n", "100000\n", 2.5), ("-1\n", "100000\n", None), ("", "", None), ("1", "0", None)]:
        assert cores_of_quota(quota, period) == cores, (quota, period)
    for text, seconds in [
        ("usage_usec 9\nnr_periods 8\nnr_throttled 3\nthrottled_usec 1500000\n", 1.5),
        ("nr_periods 8\nnr_throttled 3\nthrottled_time 2500000000\n", 2.5),
        ("usage_usec 9\nuser_usec 7\n", None),
        ("", None),
    ]:
        assert throttled_of(text) == seconds, text


def test_engines_are_for_whole_cores():
    """Rounded down, because one more would be stopped for a part of each period; one at least, none beyond the machine's."""
    for cores, at_hand, engines in [
        (None, 8, 8),
        (2.0, 8, 2),
        (2.9, 8, 2),
        (0.5, 8, 1),
        (64.0, 8, 8),
        (0.0, 8, 1),
        (1.0, 1, 1),
    ]:
        assert whole_cores(cores, at_hand) == engines, cores


def system(root, cgroups, mountinfo, files):
    """A file system with these files."""
    for name, text in {"proc/self/cgroup": cgroups, "proc/self/mountinfo": mountinfo, **files}.items():
        path = root / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Quota(root)


def test_the_tightest_quota_on_the_way_up_counts(tmp_path):
    """A pod's quota binds its containers; being stopped by either is being stopped."""
    one = system(
        tmp_path,
        "0::/pod/container\n",
        V2,
        {
            "/sys/fs/cgroup/pod/container/cpu.max": "400000 100000\n",
            "/sys/fs/cgroup/pod/cpu.max": "150000 100000\n",
            "/sys/fs/cgroup/pod/container/cpu.stat": "nr_throttled 1\nthrottled_usec 100000\n",
            "/sys/fs/cgroup/pod/cpu.stat": "nr_throttled 1\nthrottled_usec 200000\n",
            "/sys/fs/cgroup/cpu.stat": "usage_usec 1\n",
        },
    )
    assert one.cores() == 1.5
    assert one.throttled_s() == pytest.approx(0.3)
    (tmp_path / "sys/fs/cgroup/pod/cpu.stat").write_text("throttled_usec 900000\n")
    assert one.throttled_s() == pytest.approx(1.0)


def test_version_1_is_read_likewise(tmp_path):
    """Its files have other names and units."""
    one = system(
        tmp_path,
        "4:cpu,cpuacct:/a\n0::/\n",
        f"{V1}\n{V2}",
        {
            "/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us": "-1\n",
            "/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us": "100000\n",
            "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "300000\n",
            "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            "/sys/fs/cgroup/cpu,cpuacct/cpu.stat": "throttled_time 2000000000\n",
        },
    )
    assert (one.cores(), one.throttled_s()) == (3.0, 2.0)


def test_without_cgroups_there_is_no_quota(tmp_path):
    """As on another system, or where /proc is hidden."""
    one = Quota(tmp_path)
    assert (one.cores(), one.throttled_s()) == (None, None)


@contextmanager
def real_quota(cores):
    """A new cgroup below ours with that quota; skips the test where none may be made."""
    place = next((mount for mount in mounts_of(Path("/proc/self/mountinfo").read_text())), None)
    if place is None:
        pytest.skip("no hierarchy is mounted")
    folder = Path(place.place) / f"tressi-test-{os.getpid()}"
    try:
        folder.mkdir()
    except OSError as error:
        pytest.skip(f"no cgroup may be made here: {error}")
    try:
        try:
            if place.version == 1:
                (folder / "cpu.cfs_period_us").write_text("100000")
                (folder / "cpu.cfs_quota_us").write_text(str(int(cores * 100_000)))
            else:
                (folder / "cpu.max").write_text(f"{int(cores * 100_000)} 100000")
        except OSError as error:
            pytest.skip(f"no quota may be set here: {error}")
        yield folder
    finally:
        folder.rmdir()


PROGRAM = """
import sys
from pathlib import Path
from tressi.cli.job import _cores
from tressi.run.cgroup import Quota, throttled_s
Path(sys.argv[1], "cgroup.procs").write_text("0")
before = throttled_s()
while throttled_s() - before < 0.05:
    sum(range(10_000))
print(Quota().cores(), _cores())
"""


@pytest.mark.timed
def test_a_real_quota_is_seen_and_felt():
    """A process in a cgroup of a tenth of a core, so little that it is stopped on any machine, sees it and makes one engine."""
    with real_quota(0.1) as folder:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(folder)], capture_output=True, text=True, timeout=60, check=False
        )
    assert done.stdout == "0.1 1\n", done.stderr


def test_asking_costs_nothing_on_any_system():
    """A number or nothing, and the same object every time."""
    assert own_quota() is own_quota()
    assert own_quota().cores() is None or own_quota().cores() > 0
