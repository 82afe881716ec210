"""What keeps a page harmless: data that cannot end their script, and a policy that runs only the page's own."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from hashlib import sha256
from typing import Any, Final

_ESCAPED: Final = str.maketrans(
    {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
)


def json_for_html(data: Any) -> str:  # noqa: ANN401 (whatever JSON can hold)
    r"""JSON that cannot end the script element that it is in, nor be read as markup.

    >>> json_for_html(["</script><b>&"])
    '["\\u003c/script\\u003e\\u003cb\\u003e\\u0026"]'
    """
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.translate(_ESCAPED)


def script_for_html(script: str) -> str:
    """The project's own or Vega's script, as it stands in the page.

    Raises
    ------
    ValueError
        If it holds what a browser would take for the end of it, or would read in another form than it is hashed in.
    """
    if any(mark in script.lower() for mark in ("</script", "<script", "<!--", "\r", "\0")):
        raise ValueError("a script of the page holds </script, <script, <!--, a carriage return or a NUL.")
    return script


def content_policy(scripts: Iterable[str], styles: Iterable[str]) -> str:
    """The content security policy of a page that has just these scripts and styles, and asks for nothing."""
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src {' '.join(map(_source, scripts))}",
            f"style-src {' '.join(map(_source, styles))}",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )


def _source(text: str) -> str:
    return f"'sha256-{base64.b64encode(sha256(text.encode()).digest()).decode('ascii')}'"
