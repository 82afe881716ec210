"""Whether Lightning is only trying out a loop, on a batch or two."""

from __future__ import annotations

import sys
from typing import Final

_TRAINERS: Final = ("lightning.pytorch.trainer.trainer", "pytorch_lightning.trainer.trainer")


def on_trial() -> bool:
    """Whether a trainer is among the callers that is in its sanity check, before training, or runs `fast_dev_run`.

    Lightning computes logged metrics then, too, and they mean nothing. It does not tell a metric so; its trainer says
    it (`Trainer.sanity_checking`, `Trainer.fast_dev_run`).
    """
    if not any(module in sys.modules for module in _TRAINERS):
        return False
    frame = sys._getframe(1)  # noqa: SLF001 (what inspect.stack reads, without the source of every caller)
    while frame is not None:
        if frame.f_globals.get("__name__") in _TRAINERS:
            trainer = frame.f_locals.get("self")
            if getattr(trainer, "sanity_checking", False) or getattr(trainer, "fast_dev_run", False):
                return True
        frame = frame.f_back  # type: ignore[assignment]
    return False
