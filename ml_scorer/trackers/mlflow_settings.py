"""How MLflow is spoken to: nothing but the server is called, and a server that does not answer is not waited for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_ALWAYS: Final = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}

_CHECKING: Final = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}
"""Whether a server is there shows at once: two tries of ten seconds."""

_LOGGING: Final = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3", "MLFLOW_HTTP_REQUEST_TIMEOUT": "30"}
"""A busy server is waited for. By MLflow's own seven tries of two minutes a dead one would be, too."""


@contextmanager
def mlflow_settings(*, checking: bool) -> Iterator[None]:
    """MLflow's own settings, which it takes from the environment alone, as long as this lasts.

    How often and how long it tries is left alone where somebody has said it.

    Parameters
    ----------
    checking : bool
        Whether this is the first word to a server, rather than results that shall not get lost.
    """
    patience = _CHECKING if checking else _LOGGING
    settings = {**{name: value for name, value in patience.items() if name not in os.environ}, **_ALWAYS}
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
