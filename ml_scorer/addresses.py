"""Addresses of servers, as they may be shown."""

from __future__ import annotations

import re
from typing import Final

_USER: Final = re.compile(r"://(?!/).*@", re.DOTALL)
"""A password may hold any letter, `@` and `/` too: all up to the last `@` is left out. A path after `://` has none."""

_USER_IN_TEXT: Final = re.compile(r"://(?!/)\S*@")

_QUERY: Final = re.compile(r"(?<=://)([^?]*)\?.*", re.DOTALL)


def public_address(address: str) -> str:
    """The address of a server without user, password and query.

    >>> public_address("http://me:p@ss/word@host:5000"), public_address("postgresql://host/runs?password=secret")
    ('http://host:5000', 'postgresql://host/runs')
    """
    return _QUERY.sub(r"\1", _USER.sub("://", address))


def without_secrets_in(text: str, address: str | None = None) -> str:
    """What somebody else says of a server, without the secrets of its address, or of any other that stands there.

    >>> without_secrets_in("no answer of http://me:secret@host/api")
    'no answer of http://host/api'
    """
    if address:
        text = text.replace(address, public_address(address))
    return _USER_IN_TEXT.sub("://", text)
