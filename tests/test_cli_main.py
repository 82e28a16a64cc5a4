"""The command line as a whole: which subcommand is meant, and how each way to end becomes an exit code."""

import os
import re
import shlex
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from tressi import __version__
from tressi.cli import main
from tressi.cli.commands import COMMANDS, CommandModule, load, overview, parser_of
from tressi.cli.exits import MEANINGS, Exit, exit_of
from tressi.config.schema import schema_text
from tressi.errors import ConfigError, ConfigProblem, EngineError, OutputError, TressiError

pytestmark = pytest.mark.timed

ROOT = Path(__file__).parent.parent
LIGHT = ["validate", "migrate", "init", "schema", "completion"]  # the commands that need no engine


def tressi(*arguments, **more):
    """Run the program in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "tressi", *arguments],
        cwd=ROOT,
        capture_output="stdout" not in more,
        text=True,
        check=False,
        timeout=30,
        env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
        **more,
    )


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError([ConfigProblem("rps", "is wrong")]), 2),
        (EngineError("lost"), 3),
        (OutputError("x.json", "full"), 3),
        (TressiError("something"), 3),
    ],
)
def test_every_error_has_its_exit_code(error, code):
    """Bad input is 2, whatever else tressi raises is 3; 1 is left to a failed test."""
    assert exit_of(error) == code


def test_the_exit_codes_are_those_of_the_help():
    """The table and the text that a user reads are the same; a command that does no run names only those it can end with."""
    assert {code.value for code in Exit} == {0, 1, 2, 3, 129, 130, 131, 143}
    assert set(MEANINGS) == set(Exit)
    for text in (overview(), help_of("run"), help_of("demo")):
        assert re.findall(r"^  (\d+) ", text, re.MULTILINE) == ["0", "1", "2", "3", "129", "130", "131", "143"]
    assert re.findall(r"^  (\d+) ", help_of("schema"), re.MULTILINE) == ["0", "2", "3"]


def help_of(name):
    """A command's help, wrapped as the environment says."""
    return parser_of(name, load(name)).format_help()


@pytest.mark.parametrize("columns", [40, 80, 200])
@pytest.mark.parametrize("name", COMMANDS)
def test_a_help_fits_the_terminal(name, columns, monkeypatch):
    """It is wrapped at the terminal's width, within what can be read; only commands to paste keep their lines."""
    monkeypatch.setenv("COLUMNS", str(columns))
    for text in (overview(), help_of(name)):
        described, _, to_paste = text.partition("to paste:")
        assert max(map(len, described.splitlines())) <= min(max(columns, 60), 100)
        assert all(line.startswith("  ") for line in to_paste.strip("\n").splitlines())


@pytest.mark.parametrize("name", COMMANDS)
def test_a_help_has_the_parts_of_a_manual_page(name):
    """How it is called, what it does, every argument with its meaning, exit codes, and for a run what it looks at."""
    text = help_of(name)
    parts = ["usage: tressi ", words(load(name).HELP)[:40], "exit codes:", "to paste:"]
    if COMMANDS[name].is_run:
        parts[3:3] = ["environment:", "files:"]
    places = [words(text).find(part) for part in parts]
    assert -1 not in places
    assert places == sorted(places)
    assert [action.dest for action in parser_of(name, load(name))._actions if not action.help] == []


def words(text):
    """A text without its line ends."""
    return " ".join(text.split())


def test_without_arguments_the_help_is_no_result(capsys):
    """Nothing was asked for: the overview goes to standard error, and the code says bad usage."""
    assert main([]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == f"{overview()}\n"


@pytest.mark.parametrize("flag", ["-h", "--help", "help"])
def test_the_overview_names_every_command_and_ends_with_commands_to_paste(flag, capsys):
    """Asked for, it is a result."""
    assert main([flag]) == 0
    out = capsys.readouterr().out
    assert all(f"tressi {command.usage}" in out for command in COMMANDS.values())
    assert out.rstrip().splitlines()[-1] == "  tressi tressi.json"


def test_the_version_is_a_result(capsys):
    """One line, on standard output."""
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"tressi {__version__}\n"


@pytest.mark.parametrize("name", LIGHT)
def test_a_commands_help_ends_with_commands_to_paste(name, capsys):
    """Each help describes the command, its exit codes, and what to type."""
    assert main([name, "--help"]) == 0
    out = capsys.readouterr().out
    assert words(load(name).HELP) in words(out)
    assert out.rstrip().endswith(COMMANDS[name].examples[-1])


@pytest.mark.parametrize("name", LIGHT)
def test_a_commands_module_has_the_four_names(name):
    """The table of commands and the modules agree."""
    module: CommandModule = import_module(f"tressi.cli.{name}")
    assert name == module.NAME
    assert module.HELP
    assert callable(module.add_arguments)
    assert callable(module.execute)


@pytest.mark.parametrize("name", COMMANDS)
def test_commands_to_paste_have_valid_arguments(name):
    """What the help says to type is accepted, up to the first pipe or redirection."""
    for example in COMMANDS[name].examples:
        words = shlex.split(example)
        cuts = [place for place, word in enumerate(words) if word in {"|", ">"}]
        stages = [words[start:end] for start, end in zip([0, *(cut + 1 for cut in cuts)], [*cuts, len(words)], strict=True)]
        for _, command, *arguments in (stage for stage in stages if stage[0] == "tressi"):
            given = [command, *arguments] if command in COMMANDS else ["run", command, *arguments]
            parser_of(given[0], load(given[0])).parse_args(given[1:])


@pytest.mark.parametrize(
    "arguments",
    [
        ["validate"],
        ["validate", "a.json", "b.json"],
        ["validate", "examples/basic.json", "--rps", "many"],
        ["validate", "examples/basic.json", "--rps", "2.5"],
        ["validate", "examples/basic.json", "--timeout", "nan"],
        ["validate", "examples/basic.json", "--dur", "5"],
        ["schema", "--nonsense"],
        ["validate", "examples/basic.json", "--duration", "0"],
        ["validate", "no-such-file.json"],
        ["validate", "."],
        ["migrate", "/dev/null"],
        ["valdate", "examples/basic.json"],
        ["init", "LICENSE"],
        ["report", "LICENSE"],
        ["report", "examples/basic.json", "-o", "never-made"],
        ["report", "no-such-file.json", "-o", "never-made"],
    ],
)
def test_bad_usage_and_bad_input_are_code_2_without_a_traceback(arguments, capsys, monkeypatch):
    """The reason is on standard error, nothing on standard output."""
    monkeypatch.chdir(ROOT)

    assert main(arguments) == 2

    captured = capsys.readouterr()
    assert captured.out == ""
    assert "tressi" in captured.err
    assert "Traceback" not in captured.err


def test_a_misspelt_command_is_not_taken_for_a_config(capsys, monkeypatch, tmp_path):
    """The nearest command is named, unless a file has that very name."""
    monkeypatch.chdir(tmp_path)

    assert main(["shema"]) == 2
    assert capsys.readouterr().err == "tressi: there is no file and no command 'shema'; did you mean `tressi schema`?\n"


@pytest.fixture
def command(monkeypatch):
    """A stand-in for a subcommand's module, whose end the test chooses."""

    class Stub:
        NAME, HELP = "schema", "a stub"

        @staticmethod
        def add_arguments(parser):
            pass

        @staticmethod
        def execute(_):
            raise Stub.error

    monkeypatch.setitem(sys.modules, "tressi.cli.schema", Stub)
    return Stub


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (KeyboardInterrupt(), 130, ""),
        (ConfigError([ConfigProblem("a", "one"), ConfigProblem("", "two")]), 2, "tressi: a: one\ntressi: two\n"),
        (OutputError("x.json", "full"), 3, "tressi: cannot write x.json: full\n"),
        (OSError(24, "Too many open files"), 3, "tressi: [Errno 24] Too many open files\n"),
    ],
)
def test_whatever_ends_a_command_becomes_a_message_and_a_code(command, capfd, error, code, said):
    """Each line under the program's name; an interrupt needs no words."""
    command.error = error

    assert main(["schema"]) == code
    assert capfd.readouterr().err == said


def test_a_mistake_of_ours_is_not_taken_for_a_failed_test(command, capsys):
    """It is code 3, with the traceback that a report needs."""
    command.error = ZeroDivisionError("ours")

    assert main(["schema"]) == 3
    said = capsys.readouterr().err
    assert "ZeroDivisionError: ours" in said
    assert said.endswith("tressi: this is a mistake in tressi, not in your input\n")


def test_the_light_commands_load_no_engine():
    """`tressi schema` imports neither gevent nor the extensions, so it answers at once."""
    code = (
        "import sys; from tressi.cli import main; main(['--help']); main(['schema']);"
        "heavy = {'gevent', 'tressi._wire', 'tressi._core', 'rich'} & sys.modules.keys(); sys.exit(9 if heavy else 0)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=False).returncode == 0


def test_python_m_tressi_is_the_command_line():
    """Through a pipe the result is whole, and standard error is empty."""
    done = tressi("schema")

    assert (done.returncode, done.stdout, done.stderr) == (0, f"{schema_text().rstrip()}\n", "")


@pytest.mark.parametrize("arguments", [["schema"], ["--help"], ["validate", "--help"]])
def test_a_closed_pipe_is_no_traceback(arguments):
    """`tressi schema | head -1` leaves nothing on standard error, whenever the reader goes."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as out:
        done = tressi(*arguments, stdout=out, stderr=subprocess.PIPE)

    assert (done.returncode, done.stderr) == (3, "")


def test_a_full_disk_is_said_and_is_code_3():
    """A result that could not be written is not a success."""
    with Path("/dev/full").open("w") as out:
        done = tressi("schema", stdout=out, stderr=subprocess.PIPE)

    assert (done.returncode, done.stderr) == (3, "tressi: cannot write standard output: No space left on device\n")


def test_a_config_on_standard_input_is_refused_with_code_2():
    """End to end: bad bytes in, a sentence out."""
    done = tressi("validate", "-", input="{")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("tressi: standard input is not JSON: expecting property name")


WITHOUT_ENGINE = """
import sys
sys.modules["tressi._core"] = sys.modules["tressi._wire"] = None  # as where they are not built
from tressi.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize(("arguments", "code"), [(["schema"], 0), (["init", "-"], 0), (["run", "config.json"], 3)])
def test_where_the_engine_is_missing_only_runs_say_so(arguments, code):
    """On a system without the compiled parts everything else works, and a run says what is missing, without a traceback."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_ENGINE, *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert ("tressi's engine is missing here" in done.stderr) == (code == 3)


@pytest.mark.parametrize("name", ["run", "quick", "demo", "replay"])
def test_every_command_that_runs_has_an_interval_of_its_lines(name, capsys):
    """Seconds, one or more, or 0 for none; what is none of them is named with what there may be."""
    parser = parser_of(name, load(name))
    place = [] if name == "demo" else ["x"]
    assert parser.parse_args([*place, "--progress-interval", "2.5"]).progress_interval == 2.5
    assert parser.parse_args([*place, "--progress-interval", "0"]).progress_interval == 0.0
    assert parser.parse_args(place).progress_interval is None
    faults = {"0.5": "neither 1 second or more nor 0", "-3": "neither 1 second or more nor 0", "10s": "not a number"}
    for wrong, why in faults.items():
        with pytest.raises(SystemExit):
            parser.parse_args([*place, f"--progress-interval={wrong}"])
        assert f"--progress-interval: '{wrong}' is {why}" in " ".join(capsys.readouterr().err.split())
