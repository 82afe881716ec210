"""The slow, obvious scorer of this project: one image at a time, in exact fractions, nothing shared with the package.

Its figures are the truth that the property tests hold the package to. Annotations are a list of dicts with `name`,
`original`, `correct`, `unclear`, `wrong`, `problematic` and `imagenet_m`; predictions a dict from name to a list of
labels, the most likely first, or without an entry where a checkpoint has none.
"""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

ORGANISM = {*range(398), 981, 982, 983, 985, 986, *range(991, 998)}
DOG = set(range(151, 269))
GROUPS = {
    "organism": ORGANISM,
    "object": set(range(1000)) - ORGANISM,
    "dog": DOG,
    "organism-not-dog": ORGANISM - DOG,
}


def verdict(image, label):
    """A label in several lists takes the most favourable one."""
    for name in ("correct", "unclear", "wrong"):
        if label in image[name]:
            return name
    return "unreviewed"


def mean(images, points, average, classes):
    """Mean of what each image gives (1 or 0, or a share): over all, or within each class and then over the classes."""
    if average == "image":
        return Fraction(sum(map(points, images)), len(images))
    of_class = {label: [] for label in classes}
    for image in images:
        if image["original"] in of_class:
            of_class[image["original"]].append(points(image))
    means = [Fraction(sum(given), len(given)) for given in of_class.values()]
    return sum(means, Fraction()) / len(means)


def mla(annotations, predictions, num_classes=1000, k=1, **options):
    """Multi-label accuracy; options are `unclear`, `unreviewed`, `average`, `classes` (a set, or a group's name).

    Right is an image when any of its first k predictions is accepted. With k="labels", an image with n accepted labels
    gives the share of them that are among its first n predictions, and an image with none gives 0.
    """
    accepted = {"correct"}
    if options.get("unclear", "correct") == "correct":
        accepted.add("unclear")
    if options.get("unreviewed", "wrong") == "correct":
        accepted.add("unreviewed")
    classes = options.get("classes", range(num_classes))
    classes = set(GROUPS[classes] if isinstance(classes, str) else classes)
    images = [image for image in annotations if not image["problematic"] and image["original"] in classes]

    def is_right(image):
        return any(verdict(image, label) in accepted for label in predictions.get(image["name"], ())[:k])

    def share(image):
        labels = {label for label in image["correct"] + image["unclear"] if verdict(image, label) in accepted}
        if not labels:
            return 0
        return Fraction(len(labels & set(predictions.get(image["name"], ())[: len(labels)])), len(labels))

    return mean(images, share if k == "labels" else is_right, options.get("average", "class"), classes)


def top1(annotations, predictions, num_classes=1000, average="image", k=1):
    """The original label is the prediction (or among the first k), on the images of MLA."""
    images = [image for image in annotations if not image["problematic"]]

    def is_right(image):
        return image["original"] in predictions.get(image["name"], ())[:k]

    return mean(images, is_right, average, set(range(num_classes)))


def imagenet_m(annotations, predictions):
    """Multi-label accuracy over the images of ImageNet-M."""
    images = [image for image in annotations if image["imagenet_m"]]
    right = [
        verdict(i, label) in {"correct", "unclear"} for i in images for label in predictions.get(i["name"], ())[:1]
    ]
    return Fraction(sum(right), len(images))


def verdict_counts(annotations, predictions):
    """How many predictions are correct, unclear, wrong, unreviewed, and how many are missing."""
    names = ("correct", "unclear", "wrong", "unreviewed", "missing")
    counts = Counter(
        verdict(image, predictions[image["name"]][0]) if image["name"] in predictions else "missing"
        for image in annotations
        if not image["problematic"]
    )
    return {name: counts[name] for name in names}
