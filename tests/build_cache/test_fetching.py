"""Fetching over a bad network, from a server on this machine that makes it one."""

from __future__ import annotations

import json
import random
import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from hashlib import sha256
from pathlib import Path

import pytest
from http_server import Answer, Asked, Server

from build_cache.fetching import FetchError, Patience, StorageError, discard, fetch
from build_cache.transfer import BLOCK

BODY = random.Random(0).randbytes(300_000)
OTHER = random.Random(1).randbytes(250_000)
DIGEST = sha256(BODY).hexdigest()
DATE = "Fri, 01 Aug 2025 00:00:00 GMT"
TAGGED = {"ETag": '"first"'}
BROKEN = Answer(BODY, headers=TAGGED, cut=100_000)
WHOLE = Answer(BODY, headers=TAGGED)


@pytest.fixture
def target(tmp_path):
    return tmp_path / "cache" / "file.bin"


@pytest.fixture
def waits():
    """The seconds that were waited between attempts; nobody waits."""
    return []


@pytest.fixture
def patience(waits):
    return Patience(attempts=3, timeout=5, sleep=waits.append)


def part_of(target):
    return target.with_name("file.bin.part")


def note_of(target):
    return target.with_name("file.bin.part.json")


def ranges(server):
    return [asked.range for asked in server.asked]


def leave_part(server, target, answer=BROKEN):
    """Let a download break off for good, and return its address."""
    url = server.gives("/file", answer)
    with pytest.raises(FetchError, match="Gave up after 1 attempts in a row"):
        fetch(url, target, patience=Patience(attempts=1))
    server.asked.clear()
    return url


def test_a_file_is_fetched_whole_and_nothing_else_is_left(server, target, waits, patience):
    fetch(server.gives("/file", WHOLE), target, sha256=DIGEST, patience=patience)
    assert target.read_bytes() == BODY
    assert list(target.parent.iterdir()) == [target]
    assert server.asked == [Asked("/file", None, None)]
    assert waits == []


def test_an_empty_file_is_a_file(server, target):
    fetch(server.gives("/file", Answer(b"")), target)
    assert target.read_bytes() == b""


def test_progress_is_told_in_bytes_up_to_the_last_and_across_attempts(server, target, patience):
    told = []
    url = server.gives("/file", BROKEN, WHOLE)
    fetch(url, target, progress=lambda done, total: told.append((done, total)), patience=patience)
    assert told[0] == (0, 300_000)
    assert told[-1] == (300_000, 300_000)
    assert told == sorted(told)
    assert told.count((100_000, 300_000)) == 2  # the end of one attempt and the beginning of the next


def test_progress_has_no_total_where_the_server_gives_none(server, target):
    told = []
    url = server.gives("/file", Answer(BODY, sized=False))
    fetch(url, target, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (300_000, None)
    assert target.read_bytes() == BODY


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_a_dropped_connection_is_gone_on_from(server, target, waits, patience, reset):
    broken = Answer(BODY, headers=TAGGED, cut=100_000, reset=reset)
    fetch(server.gives("/file", broken, broken, WHOLE), target, patience=patience)
    assert target.read_bytes() == BODY
    assert waits == [1, 1]
    starts = [int(asked.range.removeprefix("bytes=").removesuffix("-")) for asked in server.asked[1:]]
    assert server.asked[0] == Asked("/file", None, None)
    assert all(asked.if_range == '"first"' for asked in server.asked[1:])
    if not reset:  # a reset may take bytes with it that were on their way
        assert starts == [100_000, 200_000]


def test_a_later_call_goes_on_from_the_part_that_an_earlier_one_left(server, target):
    url = leave_part(server, target)
    assert part_of(target).read_bytes() == BODY[:100_000]
    server.gives("/file", WHOLE)
    fetch(url, target, sha256=DIGEST)
    assert target.read_bytes() == BODY
    assert server.asked == [Asked("/file", "bytes=100000-", '"first"')]
    assert list(target.parent.iterdir()) == [target]


def test_what_was_kept_is_said(server, target):
    url = server.gives("/file", BROKEN)
    message = r"file: the connection broke off after 100,000 of 300,000 bytes\. .* 100,000 bytes are kept: the next run"
    with pytest.raises(FetchError, match=message):
        fetch(url, target, patience=Patience(attempts=1))


def test_a_date_tells_a_file_from_a_later_one_where_there_is_no_etag(server, target, patience):
    dated = {"Last-Modified": DATE}
    url = server.gives("/file", Answer(BODY, headers=dated, cut=100_000), Answer(BODY, headers=dated))
    fetch(url, target, patience=patience)
    assert target.read_bytes() == BODY
    assert server.asked[1] == Asked("/file", "bytes=100000-", DATE)


@pytest.mark.parametrize("headers", [{}, {"ETag": 'W/"weak"'}], ids=["nothing", "weak ETag"])
def test_without_a_mark_of_the_file_only_a_known_sha256_allows_to_go_on(server, target, patience, headers):
    answers = (Answer(BODY, headers=headers, cut=100_000), Answer(BODY, headers=headers))
    fetch(server.gives("/file", *answers), target, patience=patience)
    fetch(server.gives("/file", *answers), target, sha256=DIGEST, patience=patience)
    assert target.read_bytes() == BODY
    assert server.asked == [Asked("/file", given, None) for given in (None, None, None, "bytes=100000-")]


def test_a_server_that_ignores_ranges_starts_over(server, target, patience):
    plain = Answer(BODY, headers=TAGGED, ranges=False)
    fetch(server.gives("/file", BROKEN, plain), target, sha256=DIGEST, patience=patience)
    assert target.read_bytes() == BODY
    assert ranges(server) == [None, "bytes=100000-"]


def test_a_file_that_changed_between_two_halves_is_fetched_anew(server, target, patience):
    changed = Answer(OTHER, headers={"ETag": '"second"'})
    fetch(server.gives("/file", BROKEN, changed), target, patience=patience)
    assert target.read_bytes() == OTHER
    assert server.asked[1] == Asked("/file", "bytes=100000-", '"first"')


def test_the_second_half_of_another_file_is_not_glued_on(server, target, patience):
    changed = Answer(OTHER, headers={"ETag": '"second"'}, blind=True)  # sends the half that If-Range forbids
    fetch(server.gives("/file", BROKEN, changed), target, patience=patience)
    assert target.read_bytes() == OTHER
    assert ranges(server) == [None, "bytes=100000-", None]


def test_a_range_that_begins_elsewhere_is_not_glued_on(server, target, patience):
    elsewhere = Answer(BODY[5:], status=206, headers={"Content-Range": "bytes 5-299999/300000", **TAGGED})
    fetch(server.gives("/file", BROKEN, elsewhere, WHOLE), target, patience=patience)
    assert target.read_bytes() == BODY
    assert ranges(server) == [None, "bytes=100000-", None]


def test_a_server_that_gives_a_little_at_a_time_is_asked_again(server, target, patience):
    url = leave_part(server, target)
    server.gives("/file", Answer(BODY, headers=TAGGED, most=70_000))
    fetch(url, target, sha256=DIGEST, patience=patience)
    assert ranges(server) == ["bytes=100000-", "bytes=170000-", "bytes=240000-"]


def test_a_part_that_is_already_whole_is_taken(server, target):
    url = leave_part(server, target)
    part_of(target).write_bytes(BODY)
    server.gives("/file", WHOLE)  # answers 416, since nothing is missing
    fetch(url, target, sha256=DIGEST)
    assert target.read_bytes() == BODY
    assert ranges(server) == ["bytes=300000-"]


def test_a_part_longer_than_the_file_is_thrown_away(server, target, patience):
    url = leave_part(server, target)
    part_of(target).write_bytes(BODY + b"more")
    server.gives("/file", WHOLE)
    fetch(url, target, patience=patience)
    assert target.read_bytes() == BODY
    assert ranges(server) == ["bytes=300004-", None]


@pytest.mark.parametrize("note", ["", "[]", '{"url": "x"}', None], ids=["empty", "list", "incomplete", "gone"])
def test_a_part_of_unknown_origin_is_thrown_away(server, target, note):
    url = leave_part(server, target)
    note_of(target).unlink()
    if note is not None:
        note_of(target).write_text(note)
    server.gives("/file", WHOLE)
    fetch(url, target)
    assert target.read_bytes() == BODY
    assert ranges(server) == [None]


def test_the_part_of_another_address_is_thrown_away(server, target):
    leave_part(server, target)
    fetch(server.gives("/other", Answer(OTHER, headers=TAGGED)), target)
    assert target.read_bytes() == OTHER
    assert ranges(server) == [None]


def test_an_old_target_stays_until_the_new_file_is_whole(server, target, patience):
    target.parent.mkdir()
    target.write_text("old")
    with pytest.raises(FetchError, match="Gave up after 3 attempts in a row"):
        fetch(server.gives("/file", Answer(BODY, cut=10)), target, patience=patience)
    assert target.read_text() == "old"


def test_discarding_removes_the_file_and_its_part(server, target):
    leave_part(server, target)
    target.write_text("old")
    discard(target)
    discard(target)
    assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
def test_an_error_that_may_pass_is_waited_out(server, target, waits, patience, status):
    fetch(server.gives("/file", Answer(status=status), Answer(status=status), WHOLE), target, patience=patience)
    assert target.read_bytes() == BODY
    assert waits == [1, 2]


def test_the_server_says_how_long_to_wait(server, target, waits, patience):
    busy = Answer(status=503, headers={"Retry-After": "7"})
    fetch(server.gives("/file", busy, WHOLE), target, patience=patience)
    assert waits == [7]


def test_the_server_says_until_when_to_wait(server, target, waits, patience):
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=40), usegmt=True)
    fetch(server.gives("/file", Answer(status=429, headers={"Retry-After": later}), WHOLE), target, patience=patience)
    assert 35 < waits[0] <= 40


@pytest.mark.parametrize("value", ["soon", "-3", "Fri, 01 Aug 2025 00:00:00 GMT"])
def test_a_wait_that_makes_no_sense_is_left_aside(server, target, waits, patience, value):
    busy = Answer(status=503, headers={"Retry-After": value})
    fetch(server.gives("/file", busy, WHOLE), target, patience=patience)
    assert waits == [1]


def test_a_server_that_asks_for_an_hour_is_not_waited_for(server, target, waits, patience):
    busy = Answer(status=503, headers={"Retry-After": "3600"})
    with pytest.raises(FetchError, match=r"answered 503 .*It asks to be left alone for 3,600 seconds"):
        fetch(server.gives("/file", busy), target, patience=patience)
    assert waits == []


@pytest.mark.parametrize("status", [401, 403, 404, 410, 416])
def test_a_refusal_is_not_asked_again(server, target, waits, patience, status):
    with pytest.raises(FetchError, match=f"{server.address}/file: answered {status} "):
        fetch(server.gives("/file", Answer(b"<html>", status=status)), target, patience=patience)
    assert len(server.asked) == 1
    assert waits == []
    assert list(target.parent.iterdir()) == []


def test_a_refusal_leaves_the_part_of_before(server, target):
    url = leave_part(server, target)
    server.gives("/file", Answer(status=403))
    with pytest.raises(FetchError, match="answered 403"):
        fetch(url, target)
    assert part_of(target).read_bytes() == BODY[:100_000]


def test_success_without_a_file_is_refused(server, target):
    with pytest.raises(FetchError, match="answered 204 No Content, expected the file"):
        fetch(server.gives("/file", Answer(status=204)), target)


def test_patience_ends(server, target, waits, patience):
    with pytest.raises(FetchError, match=r"answered 500 Internal Server Error\. Gave up after 3 attempts in a row"):
        fetch(server.gives("/file", Answer(status=500)), target, patience=patience)
    assert len(server.asked) == 3
    assert waits == [1, 2]


def test_patience_begins_anew_with_every_piece_that_comes(server, target, waits):
    broken = Answer(BODY, headers=TAGGED, cut=70_000)
    url = server.gives("/file", broken, broken, broken, broken, WHOLE)
    fetch(url, target, sha256=DIGEST, patience=Patience(attempts=2, sleep=waits.append))
    assert waits == [1, 1, 1, 1]


def test_a_server_that_drips_is_given_up(server, target, waits, patience):
    with pytest.raises(FetchError, match="Gave up after 3 attempts"):
        fetch(server.gives("/file", Answer(BODY, headers=TAGGED, cut=10)), target, patience=patience)
    assert ranges(server) == [None, "bytes=10-", "bytes=20-"]


@pytest.mark.parametrize("cut", [None, 100_000], ids=["before the head", "in the body"])
def test_a_server_that_stalls_is_left_after_the_timeout(server, target, waits, cut):
    url = server.gives("/file", Answer(BODY, headers=TAGGED, stall=True, cut=cut))
    with pytest.raises(FetchError, match=r"nothing came for 0.2 seconds. Gave up after 1 attempts"):
        fetch(url, target, patience=Patience(attempts=1, timeout=0.2))
    server.gives("/file", WHOLE)
    fetch(url, target, sha256=DIGEST)
    assert server.asked[1].range == (f"bytes={BLOCK}-" if cut else None)  # a block that came in part is lost


def test_a_server_that_is_not_there_is_not_waited_for(target, waits, patience, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with Server() as gone:
        url = f"{gone.address}/file"
    with pytest.raises(FetchError, match=r"cannot be reached: .*refused.* Is there a network here, .*https_proxy"):
        fetch(url, target, patience=patience)
    assert waits == []


def test_a_server_that_was_there_a_moment_ago_is_waited_for(server, target):
    waits = []

    def stop_and_wait(seconds):
        server.stop()
        waits.append(seconds)

    url = server.gives("/file", BROKEN)
    with pytest.raises(FetchError, match=r"cannot be reached: .* 100,000 bytes are kept"):
        fetch(url, target, patience=Patience(attempts=3, sleep=stop_and_wait))
    assert waits == [1, 2]


def test_a_wrong_file_is_refused_deleted_and_described(server, target):
    page = b"<!doctype html><title>Sign in to the network</title>"
    found = sha256(page).hexdigest()
    message = (
        f"not the file expected: sha256 {found[:16]}…, expected {DIGEST[:16]}…; 52 bytes that begin with "
        f"b'<!doctype html><title>Sign in '. .* a proxy .* deleted"
    )
    with pytest.raises(FetchError, match=message):
        fetch(server.gives("/file", Answer(page)), target, sha256=DIGEST)
    assert list(target.parent.iterdir()) == []


def test_halves_that_do_not_fit_are_noticed_by_the_sha256(server, target, patience):
    url = server.gives("/file", Answer(BODY, cut=100_000), Answer(OTHER))  # no mark of the file at all
    with pytest.raises(FetchError, match=r"not the file expected: .* 250,000 bytes"):
        fetch(url, target, sha256=DIGEST, patience=patience)
    fetch(server.gives("/file", Answer(BODY)), target, sha256=DIGEST, patience=patience)
    assert target.read_bytes() == BODY


@pytest.mark.parametrize("url", ["file:///etc/hostname", "ftp://127.0.0.1/file", "data:,x", "human.json", ""])
def test_only_web_addresses_are_fetched(target, url):
    with pytest.raises(FetchError, match=f"^{re.escape(url)}: only http and https .* `build-cache table FILE`"):
        fetch(url, target)
    assert not target.parent.exists()


def test_a_redirection_is_followed(server, target):
    elsewhere = server.gives("/elsewhere", WHOLE)
    fetch(server.gives("/file", Answer(status=302, headers={"Location": elsewhere})), target, sha256=DIGEST)
    assert target.read_bytes() == BODY


@pytest.mark.parametrize("location", ["file:///etc/hostname", "ftp://127.0.0.1/file"])
def test_a_redirection_off_the_web_is_not_followed(server, target, location):
    with pytest.raises(FetchError, match=r"/file: (answered 302|cannot be reached: unknown url type)"):
        fetch(server.gives("/file", Answer(status=302, headers={"Location": location})), target)


@pytest.mark.parametrize("path", ["/a b", "/ä"])
def test_an_address_that_cannot_be_asked_is_refused(server, target, path):
    with pytest.raises(FetchError, match=f"{path}: not an address that can be asked"):
        fetch(f"{server.address}{path}", target)


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "cache").write_text("a file where the folder should be")
    with pytest.raises(StorageError, match=r"cache: cannot be written: .*Make room there, or make it writable"):
        fetch("http://127.0.0.1:9/file", tmp_path / "cache" / "file.bin")


def test_a_part_that_cannot_be_written_is_named(server, target):
    part_of(target).mkdir(parents=True)
    with pytest.raises(StorageError, match=r"file.bin.part: cannot be written: Is a directory"):
        fetch(server.gives("/file", WHOLE), target)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_full_disk_is_named_and_not_tried_again(server, target, waits, patience):
    target.parent.mkdir()
    part_of(target).symlink_to("/dev/full")
    with pytest.raises(StorageError, match=r"file.bin.part: cannot be written: No space left on device. Make room"):
        fetch(server.gives("/file", WHOLE), target, patience=patience)
    assert len(server.asked) == 1
    assert waits == []


def test_the_proxy_of_the_environment_is_asked(server, target, monkeypatch):
    url = "http://files.invalid/human.json"  # there is no such host: only the proxy can answer for it
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", server.address)
    server.gives(url, WHOLE)
    fetch(url, target, sha256=DIGEST)
    assert server.asked == [Asked(url, None, None)]


def test_the_note_says_where_a_part_is_from(server, target):
    url = leave_part(server, target)
    assert json.loads(note_of(target).read_text()) == {"url": url, "etag": '"first"', "modified": None}
