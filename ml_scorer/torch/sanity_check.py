"""Whether Lightning is trying out the validation loop, before training, on a batch or two."""

from __future__ import annotations

import sys
from typing import Final

_TRAINERS: Final = ("lightning.pytorch.trainer.trainer", "pytorch_lightning.trainer.trainer")


def in_sanity_check() -> bool:
    """Whether a trainer that is in its sanity check is among the callers.

    Lightning computes logged metrics then, too, and discards them. It does not tell a metric so; its trainer says it
    (`Trainer.sanity_checking`).
    """
    if not any(module in sys.modules for module in _TRAINERS):
        return False
    frame = sys._getframe(1)  # noqa: SLF001 (what inspect.stack reads, without the source of every caller)
    while frame is not None:
        if frame.f_globals.get("__name__") in _TRAINERS and getattr(
            frame.f_locals.get("self"), "sanity_checking", False
        ):
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False
