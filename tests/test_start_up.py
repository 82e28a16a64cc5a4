"""What starting tressi imports: nothing that takes long before it is needed."""

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.timed

# Each takes from a hundredth to a fifth of a second, on a machine that has nothing else to do.
HEAVY = {
    *("asyncio", "concurrent.futures", "email", "http.client", "logging", "ssl"),
    *("flask", "gevent", "jinja2", "jsonschema", "lark", "plotly", "prometheus_client", "rich", "structlog", "urllib3"),
    *("difflib", "gzip", "statistics", "xlsxwriter"),
    *("tressi.grpc.method", "tressi.run.summary", "tressi.run.sure"),
}
# What a run needs before its first request, and a config is checked without.
OF_RUNS = {"hashlib", "orjson", "tressi.model.events", "tressi.model.measurements", "tressi.threshold.expression"}
LOADED = "import sys; {what}; print(*sorted(set(sys.argv[1].split(',')) & set(sys.modules)), file=sys.stderr)"


def loaded_by(what, *arguments, heavy=HEAVY):
    """The heavy modules that a process has loaded once it has done `what`."""
    program = LOADED.format(what=what)
    done = subprocess.run(
        [sys.executable, "-c", program, ",".join(heavy), *arguments], capture_output=True, text=True, timeout=60, check=True
    )
    return set(done.stderr.splitlines()[-1].split())


@pytest.fixture
def config(tmp_path):
    """A config of a plain target."""
    file = tmp_path / "c.json"
    file.write_text(json.dumps({"requests": [{"url": "http://127.0.0.1:9/"}], "rps": 1}))
    return str(file)


def test_validate_loads_nothing_heavy(config):
    """Neither a library for runs nor one for mistakes."""
    assert loaded_by("from tressi.cli import main; main(['validate', sys.argv[2]])", config, heavy=HEAVY | OF_RUNS) == set()


def test_a_run_waits_for_gevent_alone(config):
    """What draws, exports, serves and logs is imported once the load has begun, or where it is asked for."""
    assert loaded_by(
        "import tressi.cli.running; from tressi.config.load import load_config; load_config(sys.argv[2])", config
    ) == {"gevent"}


def test_an_engine_loads_the_second_transport_where_a_plan_needs_it():
    """TLS is the reactor's too, and gevent's locks bring logging; urllib3 is for the second transport alone."""
    assert loaded_by("import tressi.load.child") == {"gevent", "logging", "ssl"}


def test_an_engine_starts_before_the_config_is_read():
    """While it imports, so does the command line: what starts it loads nothing heavy itself."""
    assert loaded_by("import tressi.cli.run") == set()


def test_a_bad_config_leaves_no_process_behind(tmp_path):
    """The engine that was started ahead of it is ended and waited for."""
    file = tmp_path / "c.json"
    file.write_text("{}")
    program = """
import subprocess, sys
from tressi.cli import main
started = []
class Noted(subprocess.Popen):
    def __init__(self, *arguments, **more):
        super().__init__(*arguments, **more)
        started.append(self)
subprocess.Popen = Noted
code = main(["run", sys.argv[1]])
print(code, [one.returncode for one in started])
"""
    done = subprocess.run([sys.executable, "-c", program, str(file)], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "2 [-9]\n"
    assert "Traceback" not in done.stderr
