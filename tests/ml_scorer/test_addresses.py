"""Addresses of servers are shown without secrets."""

from __future__ import annotations

import pytest

from ml_scorer.addresses import public_address, without_secrets_in
from ml_scorer.errors import TrackerError
from ml_scorer.trackers import parse_tracker


@pytest.mark.parametrize("secret", ["pw", "p@w", "p/w", "p@/w@", "p w", "p\nw", "p#w", "://p@"])
@pytest.mark.parametrize("scheme", ["http", "postgresql", "ray"])
def test_no_letter_of_a_password_is_left(scheme, secret):
    assert public_address(f"{scheme}://user:{secret}@host:1/path?token=pw") == f"{scheme}://host:1/path"


@pytest.mark.parametrize("address", ["http://user:p?w@host", "http://host/path?token=p@w", "http://u:p@host?token=p@w"])
def test_where_a_password_ends_is_not_guessed(address):
    assert public_address(address) == "http://…"


@pytest.mark.parametrize("address", ["http://host:5000/a", "runs@home/a", "sqlite:////data/me@home/a.db", "auto", ""])
def test_what_has_no_secret_is_as_it_was(address):
    assert public_address(address) == address
    assert without_secrets_in(f"no {address} there", address) == f"no {address} there"


def test_what_others_say_has_none_either():
    address = "http://user:p w@host"
    said = f"cannot open {address}/api, nor ftp://me:x@y/z"
    assert without_secrets_in(said, address) == "cannot open http://host/api, nor ftp://y/z"


def test_what_is_taken_for_a_tracker_is_not_shown_either():
    with pytest.raises(TrackerError, match=r"unknown tracker 'http://host'"):
        parse_tracker("http://user:pw@host")
