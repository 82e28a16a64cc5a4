"""The command line: which subcommand is meant, and how whatever ends it becomes a message and an exit code.

Standard output is for results, everything else goes to standard error. Bad input never ends in a traceback; a traceback is
a mistake in tressi, and says so.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tressi.cli.commands import COMMANDS, load, overview, parser_of
from tressi.cli.exits import Exit, exit_of
from tressi.cli.output import end_remarks, forget_output, remark, write
from tressi.errors import OutputError, TressiError, missing_engine
from tressi.masking import mask_url
from tressi.version import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; `argv` None means the process's own arguments. Returns the exit code, raises nothing."""
    try:
        return _code_of(argv)
    finally:
        end_remarks()


def _code_of(argv: Sequence[str] | None) -> int:
    try:
        code = _dispatch(list(sys.argv[1:] if argv is None else argv))
        # Flushed here and not by the interpreter at its end, where a closed pipe would print a traceback.
        if sys.stdout is not None:
            sys.stdout.flush()
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except TressiError as error:
        remark(str(error))
        if isinstance(error, OutputError):
            forget_output()
        return exit_of(error)
    except OSError as error:
        return _lost(error)
    except Exception:  # noqa: BLE001 - an interpreter's exit code 1 would claim that the test failed
        import traceback  # noqa: PLC0415 - for the one moment

        remark(f"{mask_url(traceback.format_exc())}this is a mistake in tressi, not in your input")
        return Exit.BROKEN
    return code


def _dispatch(arguments: list[str]) -> int:
    if not arguments:
        print(overview(), file=sys.stderr)  # noqa: T201 - unasked for, so it is no result
        return Exit.BAD_INPUT
    if arguments[0] in {"-h", "--help", "help"}:
        write(overview())
        return Exit.DONE
    if arguments[0] == "--version":
        write(f"tressi {__version__}")
        return Exit.DONE
    if arguments[0] not in COMMANDS:
        if _is_misspelt(arguments[0]):
            return Exit.BAD_INPUT
        arguments = ["run", *arguments]
    name, *rest = arguments
    module = load(name)
    rest = getattr(module, "rewritten", list)(rest)  # a command may have words that argparse does not keep
    try:
        parsed = parser_of(name, module).parse_args(rest)
    except SystemExit as leaving:  # argparse has printed the help, or what is wrong with the usage
        return leaving.code if isinstance(leaving.code, int) else Exit.DONE
    try:
        return module.execute(parsed)
    except ImportError as error:
        raise missing_engine(error) or error from None


def _is_misspelt(word: str) -> bool:
    from difflib import get_close_matches  # noqa: PLC0415 - only a word that is not a command needs it

    near = get_close_matches(word, COMMANDS, n=1, cutoff=0.7)
    if not near or not word.isalpha() or Path(word).exists():
        return False
    remark(f"there is no file and no command {word!r}; did you mean `tressi {near[0]}`?")
    return True


def _lost(error: OSError) -> Exit:
    # A reader that has left knows what it wanted (`| head -1`).
    if not isinstance(error, BrokenPipeError):
        remark(str(error))
    forget_output()
    return Exit.BROKEN
