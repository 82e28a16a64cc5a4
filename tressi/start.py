"""Runs one module of tressi as a process: `python -P -S start.py MODULE COUNT PLACE… ARGUMENT…`; see `isolation.py`.

At the start the path has the standard library alone. The COUNT places are added behind it, then `site` adds what it always
adds, and tressi is loaded from where this file lies, whatever else of that name is installed.
"""

import signal
import sys

# Ctrl-C and `kill -INT` are for the process that started this one, which then ends it.
signal.signal(signal.SIGINT, signal.SIG_IGN)


def main(module: str, count: str, *rest: str) -> None:
    """Run `module` as the main module with what follows the places as its arguments."""
    places, arguments = rest[: int(count)], rest[int(count) :]
    sys.path += [place for place in places if place not in sys.path]
    import site  # noqa: PLC0415 - only now: it looks at the path

    site.main()
    _load_tressi()
    import runpy  # noqa: PLC0415 - see above

    sys.argv[1:] = arguments
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _load_tressi() -> None:
    """Load the package by its file: no directory beside it has to be on the path for that."""
    from importlib.util import module_from_spec, spec_from_file_location  # noqa: PLC0415 - see above
    from pathlib import Path  # noqa: PLC0415 - see above

    package = Path(__file__).parent
    spec = spec_from_file_location("tressi", package / "__init__.py", submodule_search_locations=[str(package)])
    if spec is None or spec.loader is None:
        raise ImportError(f"{package} is no package")
    sys.modules["tressi"] = loaded = module_from_spec(spec)
    spec.loader.exec_module(loaded)


if __name__ == "__main__":
    main(*sys.argv[1:])
