"""Completion as shells do it: bash always, zsh and fish where they are installed."""

import os
import pty
import re
import select
import shutil
import subprocess
import time

import pytest

from tressi.cli import main
from tressi.cli.commands import COMMANDS, load, parser_of
from tressi.cli.completion import SHELLS, script, whole_parser

pytestmark = pytest.mark.pure

BOUND_S = 30
CASES = [
    ("tressi va", {"validate"}),
    ("tressi con", {"config.json"}),
    ("tressi com", {"compare", "completion"}),
    ("tressi --dur", {"--duration"}),
    ("tressi config.json --dur", {"--duration"}),
    ("tressi run config.json --transport ", {"wire", "urllib3"}),
    ("tressi config.json --log-level wa", {"warning"}),
    ("tressi validate con", {"config.json"}),
    ("tressi run config.json --export res", {"results"}),
    ("tressi config.json --json con", {"config.json"}),
    ("tressi completion f", {"fish"}),
    ("tressi demo --expo", {"--export", "--export-mode"}),
]
IN_BASH = """
source scripts/bash
COMP_WORDS=("${@:1}") COMP_CWORD=$(($# - 1))
$(complete -p tressi | grep -o '[^ ]* tressi$' | cut -d' ' -f1) 2>/dev/null
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where one types: a config, a folder for results, and the script of each shell."""
    made = tmp_path_factory.mktemp("typed")
    (made / "config.json").write_text("{}")
    (made / "results").mkdir()
    (made / "scripts").mkdir()
    for shell in SHELLS:
        (made / "scripts" / shell).write_text(script(shell))
    return made


def words_of(line):
    """The words of a line, the last one being typed."""
    return line.split(" ")


@pytest.mark.timed
@pytest.mark.parametrize(("line", "offered"), CASES, ids=[line for line, _ in CASES])
def test_bash_completes(folder, line, offered):
    """What the script's function offers for the word under the cursor."""
    done = subprocess.run(
        ["bash", "-c", IN_BASH, "bash", *words_of(line)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=BOUND_S,
        check=True,
    )
    assert set(done.stdout.split()) == offered


@pytest.mark.timed
def test_the_first_word_is_a_command_or_a_config(folder):
    """Both are offered while nothing is typed."""
    done = subprocess.run(
        ["bash", "-c", IN_BASH, "bash", "tressi", ""],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=BOUND_S,
        check=True,
    )
    assert set(COMMANDS) | {"config.json"} <= set(done.stdout.split())


@pytest.mark.timed
@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
@pytest.mark.parametrize(("line", "offered"), CASES, ids=[line for line, _ in CASES])
def test_fish_completes(folder, line, offered):
    """Asked for what it would offer at the end of the line."""
    program = f"source scripts/fish; complete -C '{line}'"
    environment = {**os.environ, "HOME": str(folder), "XDG_CONFIG_HOME": str(folder / "none")}
    done = subprocess.run(
        ["fish", "--no-config", "-c", program],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=BOUND_S,
        check=True,
        env=environment,
    )
    assert {text.split("\t")[0].rstrip("/") for text in done.stdout.splitlines()} == offered


@pytest.mark.timed
@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
@pytest.mark.parametrize("line", ["tressi va", "tressi con", "tressi config.json --dur", "tressi completion f"])
def test_zsh_completes(folder, line):
    """On a terminal, a press of the tab key puts the rest of the only word there."""
    (offered,) = dict(CASES)[line]
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.environ |= {"TERM": "dumb", "HOME": str(folder), "PS1": "> "}
        os.execvp("zsh", ["zsh", "-f", "-i"])
    try:
        set_up = 'autoload -Uz compinit; compinit -u -D; eval "$(cat scripts/zsh)"; print rea""dy\n'
        os.write(terminal, set_up.encode())
        seen_until(terminal, "ready")
        os.write(terminal, f"{line}\t".encode())
        seen_until(terminal, f"{line.rpartition(' ')[0]} {offered} ")
    finally:
        os.close(terminal)
        os.waitpid(pid, 0)


def seen_until(terminal, text):
    """Read what is shown until it contains `text`; fails the test when it never does."""
    seen, give_up = "", time.monotonic() + BOUND_S
    while text not in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", seen):
        if time.monotonic() > give_up or not select.select([terminal], [], [], BOUND_S)[0]:
            pytest.fail(f"{text!r} never came, but {seen!r}")
        seen += os.read(terminal, 1 << 16).decode(errors="replace")


@pytest.mark.parametrize("shell", SHELLS)
def test_every_flag_of_every_command_is_in_the_script(folder, shell):
    """A flag that is added to a command completes without a word here."""
    text = (folder / "scripts" / shell).read_text()
    for name in COMMANDS:
        assert name in text
        for action in parser_of(name, load(name))._actions:
            for flag in action.option_strings:
                assert flag.lstrip("-") in text, f"{name} {flag}"


def test_what_an_argument_takes_is_told_by_its_metavar():
    """Each file, config and folder is completed as one."""
    taken = {"CONFIG": "file", "FILE": "file", "DIR": "directory"}
    subparsers = next(action for action in whole_parser()._actions if action.metavar == "COMMAND")
    actions = [action for parser in subparsers.choices.values() for action in parser._actions]
    assert {action.metavar for action in actions} >= set(taken)
    assert [action for action in actions if taken.get(action.metavar) != getattr(action, "complete", None)] == []


def test_the_script_is_a_result(capsys, folder):
    """On standard output, whole; another shell is bad usage."""
    assert main(["completion", "bash"]) == 0
    assert capsys.readouterr().out == (folder / "scripts" / "bash").read_text().rstrip() + "\n"
    assert main(["completion", "powershell"]) == 2
