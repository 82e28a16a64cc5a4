"""Records kept in memory and on disk, however large they are and however little room there is."""

import errno
import os
import tempfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tressi.run import spool
from tressi.run.spool import Spool

pytestmark = pytest.mark.pure


@given(records=st.lists(st.binary(max_size=40), max_size=30), kept=st.integers(0, 200))
def test_records_come_back_in_their_order(records, kept):
    """Wherever memory ends and the disk begins, and each time that they are read."""
    one = Spool(kept)
    for record in records:
        one.append(record)
    assert list(one) == list(one) == records
    assert len(one) == len(records)
    assert one.size >= sum(map(len, records))


def test_a_short_one_needs_no_disk(monkeypatch):
    """What fits in memory asks for no file."""
    monkeypatch.setattr(tempfile, "TemporaryFile", None)
    one = Spool(100)
    one.append(bytes(100))
    assert list(one) == [bytes(100)]


def test_a_disk_without_room_leaves_what_there_was(monkeypatch):
    """Memory that cannot be moved to disk is read on; so is a file whose next record does not fit."""

    def full(file, data):
        file.write(data[: len(data) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    write_all = spool._write_all
    one = Spool(10)
    one.append(b"first")
    monkeypatch.setattr(spool, "_write_all", full)
    for _ in range(2):
        with pytest.raises(OSError, match="No space left"):
            one.append(b"second record")
        assert list(one) == [b"first"]
    monkeypatch.setattr(spool, "_write_all", write_all)
    one.append(b"second record")
    monkeypatch.setattr(spool, "_write_all", full)
    with pytest.raises(OSError, match="No space left"):
        one.append(b"third")
    assert list(one) == [b"first", b"second record"]
    monkeypatch.setattr(spool, "_write_all", write_all)
    one.append(b"fourth")
    assert list(one) == [b"first", b"second record", b"fourth"]


def test_no_temporary_folder_at_all_is_an_error_of_the_system(monkeypatch):
    """Said by an OSError, when it is needed and not before."""

    def missing(**_):
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "TemporaryFile", missing)
    one = Spool(10)
    one.append(b"first")
    with pytest.raises(OSError, match="No usable temporary directory"):
        one.append(b"second record")
    assert list(one) == [b"first"]


def test_a_file_goes_with_its_spool(monkeypatch):
    """Its descriptor is closed when the spool is closed, or forgotten."""
    made = []
    real = tempfile.TemporaryFile
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **how: made.append(real(**how)) or made[-1])
    for is_closed in (True, False):
        one = Spool(0)
        one.append(b"record")
        assert not made[-1].closed
        if is_closed:
            one.close()
        del one
        assert made[-1].closed
