"""Which of some checkpoints a name means."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from ml_scorer.errors import PredictionsError, some


def find_checkpoint(names: Sequence[str], wanted: str) -> int:
    """The one checkpoint that is called so.

    Parameters
    ----------
    names : sequence of str
        What the checkpoints are called.
    wanted : str
        One of these names; or the last part of one, from a slash on.

    Returns
    -------
    int
        Its index.

    Raises
    ------
    PredictionsError
        If none of them is called so, or several are; the message says what there is.

    Examples
    --------
    >>> find_checkpoint(["a", "run1/b"], "a"), find_checkpoint(["a", "run1/b"], "b")
    (0, 1)
    """
    found = [index for index, name in enumerate(names) if name == wanted]
    found = found or [index for index, name in enumerate(names) if name.endswith(f"/{wanted}")]
    if len(found) == 1:
        return found[0]
    if found:
        called = (names[index] for index in found)
        raise PredictionsError(
            f"{wanted}: {len(found):,} checkpoints are called so: {some(called, len(found))}. "
            f"Give the whole name; where files hold the same names, compare one at a time or rename one."
        )
    near = get_close_matches(wanted, names)
    advice = f"Did you mean {' or '.join(near)}?" if near else f"There are {some(names, len(names))}."
    raise PredictionsError(f"{wanted}: no file, and no checkpoint is called so. {advice}")
