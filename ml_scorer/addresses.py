"""Addresses of servers, as they may be shown."""

from __future__ import annotations

import re
from typing import Final

_ADDRESS: Final = re.compile(r"(?<=://)(?!/).*", re.DOTALL)
"""What follows the scheme; a path has no user."""

_ADDRESS_IN_TEXT: Final = re.compile(r"(?<=://)(?!/)\S*")


def public_address(address: str) -> str:
    """The address of a server without user, password and query.

    >>> public_address("http://me:p@ss/word@host:5000"), public_address("postgresql://host/runs?password=secret")
    ('http://host:5000', 'postgresql://host/runs')
    """
    return _ADDRESS.sub(_public, address, count=1)


def without_secrets_in(text: str, address: str | None = None) -> str:
    """What somebody else says of a server, without the secrets of its address, or of any other that stands there.

    >>> without_secrets_in("no answer of http://me:secret@host/api")
    'no answer of http://host/api'
    """
    if address:
        text = text.replace(address, public_address(address))
    return _ADDRESS_IN_TEXT.sub(_public, text)


def _public(match: re.Match[str]) -> str:
    """All behind the last `@`, for a password may hold any letter, up to a query.

    With a question mark before an `@` nobody can tell whether these are of a password or of a query.
    """
    before, _, behind = match[0].rpartition("@")
    return "…" if "?" in before else behind.partition("?")[0]
