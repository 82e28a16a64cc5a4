"""Many small cases of one law in one test.

Pytest's own way, `pytest.mark.parametrize`, makes a test of each case, which costs some milliseconds to collect, to prepare
and to report: more than most cases take. It is for cases that are slow, or that need fixtures of their own.
"""

import functools
import inspect
import reprlib

import pytest

NAMED = type(pytest.param())


def each(names, cases, ids=None):
    """Try a test with every case, as `pytest.mark.parametrize` does, in one test; fixtures are the same for all of them.

    One that fails keeps no other from being tried: the test fails with all of them, each named as `ids` says. Several of
    these above one test try every combination.
    """
    cases = list(cases)
    names = [name.strip() for name in names.split(",")] if isinstance(names, str) else names
    here = [_values(names, case) for case in cases]
    labels = ids if isinstance(ids, (list, tuple)) else [case.id if isinstance(case, NAMED) else None for case in cases]
    assert len(labels) == len(here) > 0
    label = ids if callable(ids) else _shown

    def decorated(test):
        inner, there = getattr(test, "each", (test, [()]))
        # A label is made when it is asked for, since nearly none is.
        combined = [((values, text, label), *more) for more in there for values, text in zip(here, labels, strict=True)]

        @functools.wraps(inner)
        def tried(**fixtures):
            _try_all(inner, combined, fixtures)

        tried.each = inner, combined
        taken = {name for (values, *_) in combined[0] for name in values}
        whole = inspect.signature(inner)
        tried.__signature__ = whole.replace(parameters=[one for name, one in whole.parameters.items() if name not in taken])
        return tried

    return decorated


def _try_all(test, combined, fixtures):
    """Call it with every combination, and fail with what each failure said."""
    failures = []
    for parts in combined:
        given = {name: value for values, *_ in parts for name, value in values.items()}
        try:
            test(**fixtures, **given)
        except (Exception, pytest.fail.Exception) as failure:  # noqa: BLE001 - it is raised below, with the others
            failure.add_note(f"the case is {_named(parts)}")
            failures.append((_named(parts), failure))
    if failures:
        said = f"{len(failures)} of {len(combined)} cases failed: {'; '.join(name for name, _ in failures)}"
        raise BaseExceptionGroup(said, [failure for _, failure in failures])


def _values(names, case):
    """The arguments that a case is; one of `pytest.param` has them in it."""
    if isinstance(case, NAMED):
        return dict(zip(names, case.values, strict=True))
    return dict(zip(names, case if len(names) > 1 else (case,), strict=True))


def _named(parts):
    """What a combination of cases is called."""
    return ", ".join(text or "-".join(str(label(value)) for value in values.values()) for values, text, label in parts)


def _shown(value):
    return value if isinstance(value, str) and len(value) < 60 else reprlib.repr(value)
