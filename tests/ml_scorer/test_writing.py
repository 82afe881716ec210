"""Files that are written whole: nobody ever finds half of one, and what is no regular file is written as it is."""

from __future__ import annotations

import errno
import os
import stat
import threading
from pathlib import Path

import pytest

from ml_scorer.writing import put_in_place, write_output


class Crash(BaseException):
    """Stands for anything: a full disk, an interrupt, a bug."""


def crash(*_args, **_options):
    raise Crash


@pytest.mark.parametrize("step", [(os, "fsync"), (Path, "replace")], ids=["flushing", "renaming"])
@pytest.mark.parametrize("old", [b"old", None])
def test_a_crash_leaves_the_old_file_and_nothing_else(step, old, tmp_path, monkeypatch):
    file = tmp_path / "scores.csv"
    if old:
        file.write_bytes(old)
    with monkeypatch.context() as patch:
        patch.setattr(*step, crash)
        with pytest.raises(Crash):
            write_output(b"new", file)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == ([old] if old else [])
    write_output(b"new", file)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"new"]


def test_a_folder_that_cannot_be_flushed_is_no_failure(tmp_path, monkeypatch):
    flush = os.fsync

    def refuse_folders(number):
        if stat.S_ISDIR(os.fstat(number).st_mode):
            raise OSError(22, "Invalid argument")
        flush(number)

    monkeypatch.setattr(os, "fsync", refuse_folders)
    put_in_place(b"new", tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"new"


@pytest.mark.parametrize("name", ["scores.csv", "s" * 251 + ".csv", "ä" * 125])
def test_permissions_are_those_of_the_old_file_or_of_any_new_one(name, tmp_path):
    file, other = tmp_path / name, tmp_path / "other"
    other.write_bytes(b"")
    write_output(b"new", file)
    assert file.stat().st_mode == other.stat().st_mode
    file.chmod(0o640)
    write_output(b"newer", file)
    assert file.stat().st_mode & 0o7777 == 0o640
    assert file.read_bytes() == b"newer"


def test_a_file_of_several_names_stays_one(tmp_path):
    file, other = tmp_path / "scores.csv", tmp_path / "other.csv"
    file.write_bytes(b"old")
    other.hardlink_to(file)
    write_output(b"new", file)
    assert file.samefile(other)
    assert other.read_bytes() == b"new"


@pytest.mark.parametrize("reason", [errno.EBUSY, errno.EPERM])
def test_a_file_that_cannot_be_replaced_is_written(reason, tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(reason, os.strerror(reason))

    file = tmp_path / "scores.csv"
    file.write_bytes(b"older and longer")
    monkeypatch.setattr(Path, "replace", refuse)
    write_output(b"new", file)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"new"]
    with pytest.raises(OSError, match=os.strerror(reason)):
        write_output(b"new", tmp_path / "another.csv")


def test_a_file_of_somebody_else_stays_theirs(tmp_path, monkeypatch):
    file = tmp_path / "scores.csv"
    file.write_bytes(b"old")
    before = file.stat()
    monkeypatch.setattr(os, "geteuid", lambda: before.st_uid + 1)
    write_output(b"new", file)
    assert (file.stat().st_ino, file.read_bytes()) == (before.st_ino, b"new")


@pytest.mark.parametrize("there", [True, False])
def test_what_a_link_leads_to_is_replaced(there, tmp_path):
    file, link = tmp_path / "folder" / "scores.csv", tmp_path / "link.csv"
    file.parent.mkdir()
    link.symlink_to(file)
    if there:
        file.write_bytes(b"old")
    write_output(b"new", link)
    assert link.is_symlink()
    assert file.read_bytes() == b"new"


def test_a_pipe_is_written_to(tmp_path):
    pipe, found = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: found.append(pipe.read_bytes()))
    reader.start()
    write_output(b"new", pipe)
    reader.join()
    assert found == [b"new"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    write_output(b"new", "/dev/null")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


@pytest.mark.parametrize("refusing", ["file", "folder"])
def test_a_file_or_a_folder_that_may_not_be_written_stays(refusing, tmp_path, monkeypatch):
    file = tmp_path / "scores.csv"
    file.write_bytes(b"old")
    before = file.stat().st_ino
    refused = file if refusing == "file" else tmp_path
    monkeypatch.setattr(os, "access", lambda path, _: Path(path) != refused)
    write_output(b"new", file)  # by the system, where it does not let this user write
    assert file.stat().st_ino == before


def test_a_folder_that_is_not_there_is_not_made(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        write_output(b"new", tmp_path / "nowhere" / "scores.csv")
