"""Where a process of tressi may import from: never from the current directory only because it is the current one.

`python -m tressi` has the current directory in front of the standard library, and the `tressi` command has the directory of
the script there. A file `orjson.py` or `select.py` in it would be executed in place of the module that is meant. The command
line leaves both out before it imports anything else, and a process that tressi starts begins with the standard library alone
(`start.py`), to which the other places are added.

What Python imports before the first line of tressi is Python's own doing; `python -P` and PYTHONSAFEPATH=1 prevent that too.
For the same reason this file imports nothing but what every interpreter has loaded at its start.
"""

import os
import sys

_ROOT = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - pathlib is not loaded yet, see above


def leave_out_unnamed_places() -> None:
    """Import nothing more from the current directory and the script's, unless PYTHONPATH names them."""
    sys.path[:] = named_places()


def named_places() -> list[str]:
    """The places of `sys.path` that the installation, a program or PYTHONPATH names, in their order."""
    named = [place for place in os.environ.get("PYTHONPATH", "").split(os.pathsep) if os.path.isabs(place)]  # noqa: PTH117 - see above
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    unnamed = {_current_directory(), os.path.dirname(os.path.realpath(script)) if script else ""} - set(named)  # noqa: PTH120 - see above
    return without(unnamed, sys.path, os.path.dirname(os.__file__))  # noqa: PTH120 - see above


def without(unnamed: set[str], path: list[str], standard_library: str) -> list[str]:
    """`path` without relative places, and without those of `unnamed` that stand before the standard library."""
    absolute = [place for place in path if os.path.isabs(place)]  # noqa: PTH117 - see above
    begin = absolute.index(standard_library) if standard_library in absolute else len(absolute)
    return [place for number, place in enumerate(absolute) if number >= begin or place not in unnamed]


def command_of(module: str, *arguments: str) -> list[str]:
    """The command that runs a module of tressi in a process of its own, which imports what this process would."""
    places = named_places()
    # -S leaves the standard library alone on the path; start.py does then what -S left out.
    start = os.path.join(_ROOT, "start.py")  # noqa: PTH118 - see above
    return [sys.executable, "-P", "-S", start, module, str(len(places)), *places, *arguments]


def environment() -> dict[str, str]:
    """The environment of such a process: without PYTHONPATH, whose places would stand before the standard library."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def _current_directory() -> str:
    try:
        return os.getcwd()  # noqa: PTH109 - see above
    except OSError:  # it was removed
        return ""
