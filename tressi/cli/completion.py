"""`tressi completion SHELL`: print what makes a shell complete tressi's command line, made from the parsers themselves."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import TYPE_CHECKING, Final

from tressi.cli.commands import COMMANDS, load
from tressi.cli.exits import Exit
from tressi.cli.output import write

if TYPE_CHECKING:
    from argparse import Namespace

NAME = "completion"
HELP = """Print a script that makes a shell complete commands, flags, their choices, files and directories.
Without a command the flags of `tressi run` are completed, as they are meant."""

SHELLS = ("bash", "zsh", "fish")
# What an argument takes is told by its metavar.
_TAKEN: Final = {"CONFIG": "file", "FILE": "file", "DIR": "directory"}


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the shell."""
    parser.add_argument("shell", choices=SHELLS, metavar="SHELL", help=f"one of {', '.join(SHELLS)}")


def execute(arguments: Namespace) -> int:
    """Print the script."""
    write(script(arguments.shell))
    return Exit.DONE


def script(shell: str) -> str:
    """Everything that `shell` has to read. Raises EngineError where a command cannot be imported."""
    import shtab  # noqa: PLC0415 - nobody else needs it

    commands = " ".join(COMMANDS)
    made: str = shtab.complete(whole_parser(), shell)
    if shell == "zsh":
        # Its last lines offer the function of shtab, which ours wraps.
        made = made.replace("compdef _shtab_tressi -N", "compdef _tressi -N").replace('  _shtab_tressi "$@"', '  _tressi "$@"')
        return made.replace("typeset -A opt_args", f"{_ZSH.replace('COMMANDS', commands)}\ntypeset -A opt_args", 1)
    return made + {"bash": _BASH, "fish": _FISH}[shell].replace("COMMANDS", commands)


def whole_parser() -> ArgumentParser:
    """All commands in one parser."""
    parser = ArgumentParser("tressi")
    parser.add_argument("--version", action="version", help="print the version")
    subparsers = parser.add_subparsers(metavar="COMMAND")
    for name, command in COMMANDS.items():
        one = subparsers.add_parser(name, help=command.summary, allow_abbrev=False)
        load(name).add_arguments(one)
        for action in one._actions:  # noqa: SLF001 - argparse has no other list of them
            if action.metavar in _TAKEN:
                action.complete = _TAKEN[action.metavar]  # type: ignore[attr-defined] # what shtab looks for
    return parser


# In each shell: a first word that is no command is a config, and `run` is meant. Where the first word is still being
# typed, it may become either.
_BASH: Final = """
_tressi() {
  local found=() first="${COMP_WORDS[1]}"
  if (( COMP_CWORD == 1 )); then
    _shtab_tressi "$@"
    found=("${COMPREPLY[@]}")
  fi
  if (( COMP_CWORD == 1 )) || [[ " COMMANDS " != *" $first "* ]]; then
    COMP_WORDS=("${COMP_WORDS[0]}" run "${COMP_WORDS[@]:1}")
    COMP_CWORD=$((COMP_CWORD + 1))
  fi
  _shtab_tressi "$@"
  COMPREPLY=("${found[@]}" "${COMPREPLY[@]}")
}

complete -o bashdefault -F _tressi tressi
"""

_ZSH: Final = """
_tressi() {
  local found=1 commands=(COMMANDS)
  if (( CURRENT == 2 )); then
    _shtab_tressi "$@" && found=0
  fi
  if (( CURRENT == 2 )) || (( ! ${commands[(Ie)$words[2]]} )); then
    words=("$words[1]" run "${words[@]:1}")
    (( CURRENT += 1 ))
  fi
  _shtab_tressi "$@" && found=0
  return found
}
"""

_FISH: Final = """
function _shtab_tressi_using
  _shtab_tressi_scan
  test "$_shtab_tressi_cmdpath" = "$argv"; or test -z "$_shtab_tressi_cmdpath" -a "$argv" = run
end
"""
