"""A stand-in of the dataset's shape for demonstrations and tests: made-up annotations, marked SYNTHETIC for ever."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from build_cache.sources.source import Export, columns_frame
from ml_scorer.imagenet import validation_labels
from ml_scorer.schema import (
    CORRECT,
    DATASET_IMAGES,
    IMAGENET_M_IMAGES,
    IMAGES_PER_CLASS,
    NUM_CLASSES,
    UNCLEAR,
    WRONG,
    Images,
    image_name,
)

PROBLEMATIC: Final = 1_308

# How many images have how many labels in each list, counted in version 3.0.0: first among the 18,692 images that are
# not problematic, then among the 1,308 that are.
_LABEL_COUNTS: Final[dict[str, tuple[dict[int, int], dict[int, int]]]] = {
    CORRECT: (
        {1: 15195, 2: 2659, 3: 561, 4: 210, 5: 50, 6: 16, 9: 1},
        {0: 451, 1: 697, 2: 125, 3: 18, 4: 14, 5: 2, 7: 1},
    ),
    UNCLEAR: (
        {0: 18557, 1: 124, 2: 10, 3: 1},
        {0: 1088, 1: 148, 2: 50, 3: 14, 4: 3, 5: 4, 6: 1},
    ),
    WRONG: (
        {
            0: 6433, 1: 3272, 2: 2141, 3: 1516, 4: 1218, 5: 909, 6: 689, 7: 498, 8: 400, 9: 354, 10: 237, 11: 199,
            12: 161, 13: 140, 14: 123, 15: 75, 16: 83, 17: 66, 18: 27, 19: 35, 20: 34, 21: 20, 22: 19, 23: 7, 24: 11,
            25: 8, 26: 3, 27: 5, 28: 4, 29: 3, 30: 1, 33: 1,
        },
        {
            0: 43, 1: 218, 2: 168, 3: 135, 4: 125, 5: 102, 6: 78, 7: 66, 8: 58, 9: 48, 10: 34, 11: 41, 12: 30, 13: 33,
            14: 18, 15: 18, 16: 25, 17: 16, 18: 10, 19: 10, 20: 8, 21: 8, 22: 6, 23: 2, 24: 3, 26: 1, 27: 3, 29: 1,
        },
    ),
}  # fmt: skip

# Images that have a label in two lists: correct and wrong with the original label, correct and wrong with another one,
# correct and unclear, unclear and wrong; among images that are not problematic, and among those that are.
_OVERLAPS: Final = ((30, 179, 3, 1), (139, 10, 12, 1))

_NEIGHBOURS: Final = 60
"""Other labels of an image are among so many classes next to its own, where the more alike ones are."""


@dataclass(frozen=True)
class SyntheticSource:
    """Made-up annotations with as many images, classes, problematic images, labels and overlaps as the dataset has.

    Every seed annotates the same 20,000 images, and by them such a table is recognised (`SYNTHETIC_IMAGES`). Original
    labels are the real ones; every expert label is made up.
    """

    seed: int = 0
    kind: ClassVar[str] = "synthetic"

    def export(self) -> Export:
        """Make the annotations; the same seed gives the same ones."""
        random = np.random.default_rng(self.seed)
        images = synthetic_images()
        problematic = np.zeros(DATASET_IMAGES, bool)
        problematic[random.choice(DATASET_IMAGES, PROBLEMATIC, replace=False)] = True
        counts = {name: _label_counts(random, problematic, both) for name, both in _LABEL_COUNTS.items()}
        _give_each_a_label(counts, problematic, random)
        home = _home_lists(counts, problematic, random)
        offsets = np.argsort(random.random((DATASET_IMAGES, _NEIGHBOURS)), axis=1) - _NEIGHBOURS // 2
        offsets += offsets >= 0  # never the original label itself
        originals = validation_labels()[images].astype(np.int64)
        others = ((originals[:, None] + offsets) % NUM_CLASSES).tolist()

        lists: dict[str, list[list[int]]] = {name: [] for name in counts}
        for row, original in enumerate(originals.tolist()):
            pool = iter(others[row])
            for name, sizes in counts.items():
                own = [original] if home[row] == name else []
                lists[name].append(own + [next(pool) for _ in range(max(int(sizes[row]) - len(own), 0))])
        for group, numbers in zip((~problematic, problematic), _OVERLAPS, strict=True):
            _overlap(lists, home, np.flatnonzero(group), numbers, random)

        imagenet_m = np.zeros(DATASET_IMAGES, bool)
        imagenet_m[random.choice(np.flatnonzero(~problematic), IMAGENET_M_IMAGES, replace=False)] = True
        where = f"synthetic annotations (seed {self.seed})"
        columns = {
            "file_name": [image_name(number) for number in images.tolist()],
            "original_label": originals.tolist(),
            **lists,
            "is_problematic": problematic.tolist(),
            "is_imagenet_m": imagenet_m.tolist(),
        }
        frame = columns_frame(columns, where)
        return Export(frame, where, sha256(where.encode()).hexdigest(), synthetic=True)


def synthetic_images() -> Images:
    """Numbers of the images that synthetic tables annotate: in each class the 20 with the lowest hash; ascending."""
    labels = validation_labels()
    chosen = []
    for label in range(NUM_CLASSES):
        numbers = np.flatnonzero(labels == label).tolist()
        numbers.sort(key=lambda number: sha256(f"synthetic {image_name(number)}".encode()).digest())
        chosen += numbers[:IMAGES_PER_CLASS]
    return np.array(sorted(chosen), np.int32)


def _label_counts(
    random: np.random.Generator, problematic: NDArray[np.bool_], both: tuple[dict[int, int], dict[int, int]]
) -> NDArray[np.int64]:
    """Number of labels of each image in one list, the counts of each kind of image dealt out at random."""
    sizes = np.empty(problematic.size, np.int64)
    for chosen, counts in zip((~problematic, problematic), both, strict=True):
        sizes[chosen] = random.permutation(np.repeat(list(counts), list(counts.values())))
    return sizes


def _give_each_a_label(
    counts: dict[str, NDArray[np.int64]], problematic: NDArray[np.bool_], random: np.random.Generator
) -> None:
    """Swap numbers of wrong labels among problematic images, in place, so that none is left without any label."""
    others, wrong = counts[CORRECT] + counts[UNCLEAR], counts[WRONG]
    bare = np.flatnonzero(problematic & (others == 0) & (wrong == 0))
    able = random.permutation(np.flatnonzero(problematic & (others > 0) & (wrong > 0)))[: bare.size]
    wrong[bare], wrong[able] = wrong[able], 0


def _home_lists(
    counts: dict[str, NDArray[np.int64]], problematic: NDArray[np.bool_], random: np.random.Generator
) -> list[str]:
    """Which list the original label of each image is in: correct, but for problematic images mostly wrong."""
    home = np.full(problematic.size, CORRECT, dtype=object)
    home[problematic] = WRONG
    for name, number in ((CORRECT, 396), (UNCLEAR, 94)):
        able = np.flatnonzero(problematic & (home == WRONG) & (counts[name] > 0))
        # Images that cannot have it among the wrong ones come first.
        able = able[np.lexsort((random.random(able.size), counts[WRONG][able] > 0))]
        home[able[:number]] = name
    return [str(name) for name in home]


def _overlap(
    lists: dict[str, list[list[int]]],
    home: list[str],
    rows: NDArray[np.int64],
    numbers: tuple[int, int, int, int],
    random: np.random.Generator,
) -> None:
    """Give some images a label in two lists, in place: one that the first list has replaces one of the second."""
    kinds = ((CORRECT, WRONG, True), (CORRECT, WRONG, False), (CORRECT, UNCLEAR, False), (UNCLEAR, WRONG, False))
    free = random.permutation(rows).tolist()
    for (first, second, with_original), number in zip(kinds, numbers, strict=True):
        fitting = [
            row
            for row in free
            if lists[second][row]
            and len(lists[first][row]) > (home[row] == first and not with_original)
            and home[row] != second
            and (home[row] == first or not with_original)
        ]
        for row in fitting[:number]:
            label = lists[first][row][0 if with_original else -1]
            lists[second][row][-1] = label
            free.remove(row)
