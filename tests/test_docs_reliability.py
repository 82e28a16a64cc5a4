"""The page of faults names tests, so each of them must be there."""

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.pure

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "reliability.md"
LEAST_ROWS = 40
NAMED = re.compile(r"`(tests/\w+\.py)::(\w+)`")


def promises():
    """The cells of each row of the tables whose last column is `kept by`, without their heads."""
    last = None
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if cells and last is None:
            last = cells[-1]
        elif cells and cells[-1] != "---" and last == "kept by":
            yield cells
        elif not cells:
            last = None


def names_in(path):
    """The names of the tests that a file has."""
    if not path.is_file():
        return set()
    return set(re.findall(r"^def (test_\w+)\(", path.read_text(encoding="utf-8"), re.MULTILINE))


def test_every_promise_is_kept_by_a_test_that_exists():
    """A change that renames or removes a test mends the page, too; a row without a test is not a promise."""
    rows, found, wrong = list(promises()), {}, []
    for what, *rest in rows:
        named = NAMED.findall(rest[-1])
        if len(rest) != 2 or not all((what, *rest)) or NAMED.sub("", rest[-1]).strip(", "):
            wrong.append(f"not a promise, what is seen and tests as `tests/test_x.py::test_name`: {what}")
        if not named:
            wrong.append(f"no test keeps it: {what}")
        for file, name in named:
            if name not in found.setdefault(file, names_in(ROOT / file)):
                wrong.append(f"{file}::{name} does not exist, but is to keep: {what}")
    assert not wrong, f"{PAGE.name}:\n" + "\n".join(wrong)
    assert len(rows) >= LEAST_ROWS, f"{PAGE.name} has {len(rows)} promises, and {LEAST_ROWS} are asked for"
    assert len({what for what, *_ in rows}) == len(rows), f"{PAGE.name} has a promise twice"
