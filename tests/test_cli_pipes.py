"""Results into a pipe with a name: opened once, when they are there, and never waited for without end."""

import json
import os
import subprocess
import sys
from threading import Thread

import pytest

from tressi.cli import output
from tressi.errors import OutputError

pytestmark = pytest.mark.timed


@pytest.fixture
def pipe(tmp_path):
    """A FIFO."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    return path


def test_a_reader_of_a_pipe_gets_the_whole_summary(pipe):
    """It reads from before the run on: its first end of the file must be the last."""
    with subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE) as reader:
        command = [sys.executable, "-m", "tressi", "demo", "--duration", "1", "--quiet", "--json", str(pipe)]
        ended = subprocess.run(command, capture_output=True, timeout=60, check=False)
        assert ended.returncode == 0, ended.stderr
        assert json.loads(reader.stdout.read())["endReason"] == "duration"


def test_a_pipe_that_no_program_reads_is_a_failure_in_words(pipe, monkeypatch):
    """To open it would wait for ever, and no signal would be heard."""
    monkeypatch.setattr(output, "READER_S", 0.1)
    with pytest.raises(OutputError, match="no program has opened it for reading"):
        output.write("result", str(pipe))


def test_a_reader_may_come_a_little_late_and_read_slowly(pipe):
    """More than a pipe holds is written as it is taken."""
    read = []

    def late():
        with pipe.open("rb") as file:
            read.append(file.read())

    thread = Thread(target=late)
    thread.start()
    output.write("x" * 300_000, str(pipe))
    thread.join()
    assert read == [b"x" * 300_000 + b"\n"]
