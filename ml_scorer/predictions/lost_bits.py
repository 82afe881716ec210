"""Labels that were kept in 8 bits somewhere, where those above 255 do not fit: told by the original labels."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ml_scorer.imagenet import validation_labels
from ml_scorer.predictions.candidates import FEWEST, IMPLAUSIBLE
from ml_scorer.predictions.class_ids import ClassIds
from ml_scorer.schema import Images

MOST_RIGHT: Final = 0.5
"""Share of the images of which labels that have lost bits may still be right, at most."""

_HIGHEST: Final = 255
_FEWEST_IMAGES: Final = 50  # below which this may be chance


def have_lost_bits(numbers: NDArray[Any], images: Images, class_ids: ClassIds) -> bool:
    """Whether numbers of classes are what 8 bits left of them.

    Parameters
    ----------
    numbers : (images,) integers
        As they stand in the input, of whatever type: it says nothing of what they went through before.
    images : (images,) int32
    class_ids : ClassIds
        What the numbers mean.
    """
    if not numbers.size or numbers.max() > _HIGHEST:
        return False
    known = class_ids.numbers[validation_labels()[images]]
    right, right_but_for_bits = numbers == known, numbers == known & _HIGHEST
    enough = max(_FEWEST_IMAGES, IMPLAUSIBLE * images.size)
    fitting = np.count_nonzero(right_but_for_bits)
    if fitting <= enough or np.count_nonzero(right) >= MOST_RIGHT * fitting:
        return False
    return np.unique(known[right_but_for_bits & ~right]).size >= FEWEST
