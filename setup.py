"""Build the Cython extensions; everything else stands in pyproject.toml.

`TRESSI_ANNOTATE=1 python setup.py build_ext --inplace` also writes the annotated HTML of the modules.
`TRESSI_WITHOUT_EPOLL=1` builds on Linux what other systems get, to be tried and not to be fast.
`TRESSI_SANITIZE=1` builds with ASan and UBSan; `scripts/sanitize` does it, for the modules load only beside ASan's library.
"""

import os
import sys
from pathlib import Path

from setuptools import Extension, setup

# A constant that overflows is folded by the compiler, before UBSan could see it.
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-Werror=overflow"]
CORES = os.cpu_count() or 1
# The one that takes longest first: the others are built beside it.
MODULES = ("_wire", "_planned", "_books", "_values", "_extract", "_core", "_parser", "_histogram", "_ledger", "_h2", "_tls")
DEPENDS = sorted(
    str(path) for room in ("core", "wire") for suffix in ("pxd", "h") for path in Path("tressi", room).rglob(f"*.{suffix}")
)


def is_stale() -> bool:
    """Whether a room's file is newer than the C that was made from it."""
    made = [path.stat().st_mtime for path in Path("tressi").glob("_*.c")]
    return any(Path(path).stat().st_mtime > min(made, default=0) for path in DEPENDS)


def extensions() -> list[Extension]:
    """The modules wherever there is POSIX; only on Linux the reactor drives connections itself."""
    if os.name != "posix":
        return []
    from Cython.Build import cythonize  # noqa: PLC0415 - a build requirement on POSIX only

    without_epoll = bool(os.environ.get("TRESSI_WITHOUT_EPOLL"))
    sanitizers = SANITIZERS if os.environ.get("TRESSI_SANITIZE") else []
    # Debug information is a fifth of the compiler's time; a sanitizer's report needs it for its lines.
    how = ["-O1", *sanitizers] if sanitizers else ["-O0" if without_epoll else "-O3", "-g0"]
    modules = [
        Extension(
            f"tressi.{name}",
            [f"tressi/{name}.pyx"],
            # A constant that overflows an int would be another time than it says.
            extra_compile_args=["-Werror=overflow", *how],
            extra_link_args=sanitizers,
            # Where dlopen is not in the C library itself (glibc before 2.34): of OpenSSL nothing is linked, see wire/openssl.h.
            libraries=["dl"] if name == "_tls" and sys.platform == "linux" else [],
            define_macros=[("TRESSI_WITHOUT_EPOLL", None)] if without_epoll else [],
            depends=DEPENDS,
        )
        for name in MODULES
    ]
    # Cython does not follow `from tressi.wire cimport loop` to the file, so stale C is found here.
    # Said here and not in the modules, where it would not reach the files of the rooms: C's own division and indexing.
    directives = {"language_level": 3, "cdivision": True, "boundscheck": False, "wraparound": False, "initializedcheck": False}
    annotate = bool(os.environ.get("TRESSI_ANNOTATE"))
    return cythonize(modules, annotate=annotate, compiler_directives=directives, force=is_stale(), nthreads=CORES)


setup(ext_modules=extensions(), options={"build_ext": {"parallel": CORES}})
