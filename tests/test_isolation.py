"""Files in the current directory are never executed because it is the current one."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from engines import endpoint, only, until
from servers import answering, raw_server
from test_load_process import OK, cluster, process_of

from tressi.isolation import command_of, environment, without

pytestmark = pytest.mark.timed

ROOT = Path(__file__).parent.parent
SCRIPT = Path(sys.executable).parent / "tressi"
# Imported by tressi or by what it imports: of the standard library and not, in Python and in C.
NAMES = ["orjson", "select", "gevent", "structlog", "rich", "_heapq", "dataclasses", "jsonschema", "sitecustomize"]
TRAP = "open({marker!r}, 'a').write(__name__ + ' ')\nraise ImportError('executed')\n"


@pytest.fixture
def trapped(tmp_path):
    """A directory of modules that leave a mark where they are executed."""
    marker = tmp_path / "executed"
    for name in NAMES:
        (tmp_path / f"{name}.py").write_text(TRAP.format(marker=str(marker)))
    return tmp_path


def run(command, directory, **variables):
    return subprocess.run(
        [*command, "demo", "--duration", "1", "--quiet"],
        cwd=directory,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("command", "variables"),
    [
        ([sys.executable, "-m", "tressi"], {}),
        ([sys.executable, "-P", "-m", "tressi"], {}),
        ([sys.executable, "-P", "-m", "tressi"], {"PYTHONPATH": f":{ROOT}"}),
        ([str(SCRIPT)], {}),
    ],
    ids=["python -m", "python -P -m", "an empty place in PYTHONPATH", "the command"],
)
def test_no_process_of_a_run_imports_from_the_current_directory(trapped, command, variables):
    """Neither the command line nor the engine nor the demo's target, each of which imports for itself."""
    if variables:
        # Python itself looks for this one along PYTHONPATH, before anything of tressi.
        (trapped / "sitecustomize.py").unlink()
    ended = run(command, trapped, **variables)
    marker = trapped / "executed"
    assert not marker.exists(), f"{marker.read_text()}: {ended.stderr}"
    assert ended.returncode == 0, ended.stderr


def test_the_standard_library_comes_first_and_what_pythonpath_names_behind_it(tmp_path, monkeypatch):
    """An engine finds what its owner finds, in another order: a place of PYTHONPATH stands in for no module of Python's."""
    (tmp_path / "named").mkdir()
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["", str(tmp_path / "named")]))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path / "named"))
    sys.path.insert(0, str(tmp_path))
    sys.path.insert(0, "")
    told = subprocess.run(command_of("site"), env=environment(), capture_output=True, text=True, check=True).stdout
    places = [line.strip(" ',") for line in told.splitlines() if line.startswith("    ")]
    library = str(Path(os.__file__).parent)
    assert places.index(library) < places.index(str(tmp_path / "named"))
    assert not {str(tmp_path), ""} & set(places)
    assert places[0].endswith(".zip")


@pytest.mark.parametrize(
    ("path", "left"),
    [
        (["/here", "/lib", "/site"], ["/lib", "/site"]),
        (["", ".", "/lib"], ["/lib"]),
        # Installed where we happen to be: it is behind the standard library, and is needed.
        (["/named", "/lib", "/here"], ["/named", "/lib", "/here"]),
        (["/here", "/frozen"], ["/frozen"]),
    ],
)
def test_what_is_left_of_a_path(path, left):
    """A place before the standard library goes if only its being the current directory has put it there."""
    assert without({"/here"}, path, "/lib") == left


def test_an_interrupt_does_not_reach_an_engine(capfd):
    """Its owner ends it: a signal for everything that is Python here must not cost the measurement, nor print a traceback."""
    with raw_server(answering(OK)) as server, cluster(endpoint(server.url, 200), engines=1) as one:
        until(lambda: only(one.read()).requests_made >= 10)
        os.kill(process_of(one.members[0]).pid, signal.SIGINT)
        before = only(one.read()).requests_made
        until(lambda: only(one.read()).requests_made >= before + 100)
        one.stop(5)
        assert one.members[0].lost is None
    assert capfd.readouterr().err == ""
