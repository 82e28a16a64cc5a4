"""Build the Cython extensions; everything else stands in pyproject.toml.

`TRESSI_ANNOTATE=1 python setup.py build_ext --inplace` also writes the annotated HTML of both modules.
"""

import os
import sys

from setuptools import Extension, setup

DEPENDS = [f"tressi/{room}/{name}" for room in ("core", "wire") for name in sorted(os.listdir(f"tressi/{room}"))]


def extensions() -> list[Extension]:
    """The two modules on Linux, none elsewhere: the reactor is built on epoll and timerfd."""
    if not sys.platform.startswith("linux"):
        return []
    from Cython.Build import cythonize  # noqa: PLC0415 - a build requirement on Linux only

    modules = [
        Extension(f"tressi.{name}", [f"tressi/{name}.pyx"], extra_compile_args=["-O3"], depends=DEPENDS)
        for name in ("_core", "_wire")
    ]
    return cythonize(modules, annotate=bool(os.environ.get("TRESSI_ANNOTATE")), language_level=3)


setup(ext_modules=extensions())
