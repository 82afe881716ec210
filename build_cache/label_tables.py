"""Make the two small tables of `data/` again, from the label files inside a `tensorflow-datasets` wheel.

    pip download --no-deps tensorflow-datasets==4.9.10
    python -m build_cache.label_tables tensorflow_datasets-4.9.10-py3-none-any.whl data

The wheel is read as the zip archive that it is: nothing of it is installed or imported but one list of strings.
"""

from __future__ import annotations

import ast
import csv
import sys
import zipfile
from pathlib import Path

DATASETS = "tensorflow_datasets/datasets"
ORGANISM = {*range(398), 981, 982, 983, 985, 986, *range(991, 998)}
DOG = set(range(151, 269))


def group(label: int) -> str:
    """Finest named group of a class; the groups are those of Shankar et al., ICML 2020."""
    if label in DOG:
        return "dog"
    return "organism-not-dog" if label in ORGANISM else "object"


def class_names(source: str) -> list[str]:
    """The list of 1,000 readable names in the SI-Score dataset's `labels.py`."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "IMAGENET_LABELS_LIST":
            return [str(name) for name in ast.literal_eval(node.value)]
    raise ValueError("no IMAGENET_LABELS_LIST in the SI-Score labels of this wheel: try tensorflow-datasets 4.9.10")


def write_tables(wheel: Path, folder: Path) -> None:
    """Write `classes.csv` and `validation_labels.csv` into a folder."""
    with zipfile.ZipFile(wheel) as archive:

        def text(name: str) -> str:
            return archive.read(f"{DATASETS}/{name}").decode()

        wordnet_ids = text("imagenet2012/labels.txt").split()
        originals = text("imagenet2012/validation_labels.txt").split()
        names = class_names(text("siscore/labels.py"))
    index = {wordnet_id: label for label, wordnet_id in enumerate(wordnet_ids)}
    with (folder / "classes.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["index", "wordnet_id", "name", "group"])
        for label, (wordnet_id, name) in enumerate(zip(wordnet_ids, names, strict=True)):
            writer.writerow([label, wordnet_id, name, group(label)])
    with (folder / "validation_labels.csv").open("w", encoding="utf-8", newline="") as file:
        file.writelines(f"{line}\n" for line in ["original_label", *(index[wordnet_id] for wordnet_id in originals)])


if __name__ == "__main__":
    if len(sys.argv) != 3:  # noqa: PLR2004 (its own name, the wheel, the folder)
        sys.exit(__doc__)
    write_tables(Path(sys.argv[1]), Path(sys.argv[2]))
