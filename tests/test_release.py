"""Names and texts of wheels, the headers that are taken, and what a source distribution must have."""

from __future__ import annotations

import base64
import hashlib
import re
import zipfile
from fnmatch import fnmatch
from pathlib import Path

import pytest

from release.assembling import allowed_tag, assemble, needs_musl_alone, record_text, wheel_text
from release.compiling import Build, compile_command, module_path
from release.headers import HeadersError, lay_out, pyconfig_of, python_of, read_headers
from release.sources import Extension, Prepared
from release.targets import PYTHONS, TARGETS, module_suffix, tags, wheel_name
from release.trial import steps

pytestmark = pytest.mark.pure

ROOT = Path(__file__).parent.parent
GLIBC, MUSL = TARGETS[0], TARGETS[1]
PATCHLEVEL = "#define PY_MAJOR_VERSION\t3\n#define PY_MINOR_VERSION\t14\n#define PY_MICRO_VERSION\t1\n"


def lay(folder, files):
    """Files by name, with their texts."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_the_targets_are_two_processors_with_two_libraries():
    """And each Python from the first that the package takes."""
    names = {target.name for target in TARGETS}
    assert names == {"manylinux-x86_64", "manylinux-aarch64", "musllinux-x86_64", "musllinux-aarch64"}
    assert f'requires-python = ">={PYTHONS[0]}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_a_wheel_is_named_after_what_it_is_for():
    """Both names of glibc 2.17 are in it, for an old pip and a new one."""
    assert wheel_name("0.1.0", "3.12", GLIBC) == "tressi-0.1.0-cp312-cp312-manylinux2014_x86_64.manylinux_2_17_x86_64.whl"
    assert wheel_name("0.1.0", "3.11", MUSL) == "tressi-0.1.0-cp311-cp311-musllinux_1_2_x86_64.whl"
    assert tags("3.12", GLIBC) == ["cp312-cp312-manylinux2014_x86_64", "cp312-cp312-manylinux_2_17_x86_64"]
    assert module_suffix("3.12", GLIBC) == ".cpython-312-x86_64-linux-gnu.so"
    assert module_suffix("3.12", MUSL) == ".cpython-312-x86_64-linux-musl.so"


def test_modules_are_compiled_for_every_machine_of_a_kind(tmp_path):
    """For the target's oldest C library, with setup.py's flags, and never for the processor that compiles."""
    extension = Extension("tressi._wire", ("tressi/_wire.c",), ("-O3", "-Werror=overflow"))
    build = Build("3.11", GLIBC, tmp_path / "include", tmp_path / "out")
    command = compile_command(extension, build)
    assert command[command.index("-target") + 1] == "x86_64-linux-gnu.2.17"
    assert {"-O3", "-Werror=overflow", "-DNDEBUG", "-fwrapv", "-fno-sanitize=undefined", f"-I{build.include}"} <= set(command)
    assert not [flag for flag in command if flag.startswith(("-march", "-mcpu", "-mtune"))]
    assert module_path(extension, build) == tmp_path / "out" / "tressi" / "_wire.cpython-311-x86_64-linux-gnu.so"


def test_setup_compiles_for_every_machine_of_a_kind_too():
    """A wheel that pip builds may be carried to an older processor."""
    assert not re.search(r"-m(arch|cpu|tune)", (ROOT / "setup.py").read_text(encoding="utf-8"))


def test_a_wheel_has_modules_metadata_and_a_record_of_both(tmp_path):
    """Each file with its hash and size; the same twice over."""
    tree = lay(tmp_path / "tree", {"tressi/__init__.py": "x = 1\n", "tressi-0.1.0.dist-info/METADATA": "Name: tressi\n"})
    output = lay(tmp_path / "out", {"tressi/_core.so": "machine code"})
    prepared = Prepared(tmp_path, tree, "tressi-0.1.0.dist-info", ())
    path = assemble(prepared, Build("3.13", MUSL, tmp_path, output), tmp_path)
    once = path.read_bytes()
    assert assemble(prepared, Build("3.13", MUSL, tmp_path, output), tmp_path).read_bytes() == once
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == [
            "tressi/__init__.py",
            "tressi/_core.so",
            *(f"tressi-0.1.0.dist-info/{name}" for name in ("METADATA", "WHEEL", "RECORD")),
        ]
        rows = archive.read("tressi-0.1.0.dist-info/RECORD").decode().splitlines()
        digest = base64.urlsafe_b64encode(hashlib.sha256(b"x = 1\n").digest()).rstrip(b"=").decode()
        assert rows[0] == f"tressi/__init__.py,sha256={digest},6"
        assert rows[-1] == "tressi-0.1.0.dist-info/RECORD,,"
        assert "Tag: cp313-cp313-musllinux_1_2_x86_64\n" in archive.read("tressi-0.1.0.dist-info/WHEEL").decode()
    assert record_text([], "R") == "R,,\n"
    assert "Root-Is-Purelib: false\n" in wheel_text("3.13", MUSL)


def test_the_tag_that_auditwheel_allows_is_read():
    """It breaks its sentence where a terminal would end."""
    said = 'x.whl is\nconsistent with the following platform tag:\n"manylinux_2_17_x86_64".\n'
    assert allowed_tag(said) == "manylinux_2_17_x86_64"
    assert allowed_tag("nothing of that kind") is None


def test_a_wheel_for_musl_needs_musl_alone():
    """By the name that zig gives it; any other library beside it is refused."""
    said = 'libraries are required by the wheel:\n{\n    "libc.so": null\n}\n'
    assert needs_musl_alone(said)
    assert not needs_musl_alone(said.replace("null", 'null,\n "libz.so.1": null'))
    assert not needs_musl_alone("")


def test_headers_are_those_of_their_version(tmp_path):
    """The version stands in patchlevel.h; the pyconfig.h of Debian's stands beside the folder, one for each processor."""
    files = {"python3.14/Python.h": "", "python3.14/patchlevel.h": PATCHLEVEL, "python3.14/pyconfig.h": "/* which */"}
    beside = {f"{machine}-linux-gnu/python3.14/pyconfig.h": machine for machine in ("x86_64", "aarch64")}
    folder = lay(tmp_path, {**files, **beside}) / "python3.14"
    headers = read_headers(folder)
    assert headers.python == "3.14" == python_of(PATCHLEVEL)
    for target in TARGETS:
        laid = lay_out(headers, target, tmp_path / "laid" / target.name)
        assert (laid / "pyconfig.h").read_text(encoding="utf-8") == target.machine
    (tmp_path / "aarch64-linux-gnu/python3.14/pyconfig.h").unlink()
    assert pyconfig_of(folder, "aarch64").read_text(encoding="utf-8") == "x86_64"


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({"README": ""}, "no Python.h"),
        ({"Python.h": "", "patchlevel.h": "#define PY_MAJOR_VERSION 3\n"}, "names the version"),
        ({"Python.h": "", "patchlevel.h": PATCHLEVEL}, "no pyconfig.h"),
        ({"Python.h": "", "patchlevel.h": PATCHLEVEL, "pyconfig.h": "#define Py_GIL_DISABLED 1\n"}, "without the GIL"),
    ],
)
def test_other_folders_are_refused_with_the_reason(tmp_path, files, why):
    """Wheels from them would not load."""
    with pytest.raises(HeadersError, match=why):
        read_headers(lay(tmp_path, files))


def test_a_trial_shows_first_that_there_is_no_compiler():
    """Then it installs wheels alone, runs the demo as a user without rights, and the pure tests of the checkout."""
    first, install, demo, _, tests = steps("tressi-0.1.0-x.whl", "python3.11")
    assert "! command -v gcc" in first.command
    assert "--only-binary :all:" in install.command
    assert demo.user != "0:0"
    assert tests.cwd == "/checkout"
    assert "--lane pure" in tests.command


def test_the_source_distribution_has_every_source():
    """Cython's sources and headers, texts and pages; and no C that was made from them."""
    lines = [
        line.split() for line in (ROOT / "MANIFEST.in").read_text(encoding="utf-8").splitlines() if not line.startswith("#")
    ]
    patterns = next(line[2:] for line in lines if line[:2] == ["recursive-include", "tressi"])
    made = (".py", ".pyc", ".so", ".c")  # modules come by themselves
    beside = [path for path in (ROOT / "tressi").rglob("*.*") if path.is_file() and path.suffix not in made]
    sources = [path for path in beside if path.suffix == ".pyx"]
    assert len(sources) == len(set(re.findall(r'"_\w+"', (ROOT / "setup.py").read_text(encoding="utf-8"))))
    assert [str(path) for path in beside if not any(fnmatch(path.name, pattern) for pattern in patterns)] == []
    assert ["recursive-exclude", "tressi", "*.c"] in lines
    named = [name for line in lines if line[0] in {"include", "graft"} for name in line[1:]]
    assert [name for name in named if not (ROOT / name).exists()] == []
