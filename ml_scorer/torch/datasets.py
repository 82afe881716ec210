"""Which image each item of a data set is, so that nobody counts by hand."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

import polars as pl
from torch.utils.data import ConcatDataset, Dataset, IterableDataset, Subset

from ml_scorer.errors import PredictionsError, some
from ml_scorer.predictions.tables.named import name_text
from ml_scorer.schema import image_names as numbered_names
from ml_scorer.schema import image_numbers


def image_names(dataset: Any) -> list[str]:  # noqa: ANN401
    """Name of the ImageNet validation image that each item of a data set is.

    Parameters
    ----------
    dataset : data set of torchvision or timm, or a part of one
        `ImageFolder`, `DatasetFolder`, `ImageNet` and whatever else has `samples` of path and class; timm's
        `ImageDataset`; `Subset` and `ConcatDataset` of these, around which `with_positions` belongs; `with_names` and
        `with_positions`.

    Returns
    -------
    list of str
        Such as `ILSVRC2012_val_00000293.JPEG`, in the order of the items: for `order=`.

    Raises
    ------
    PredictionsError
        If the data set does not say its files, or they are no ImageNet validation images.
    """
    files = _files(dataset)
    names = pl.Series([name_text(file) for file in files], dtype=pl.String)
    numbers = image_numbers(names)
    if not numbers.all():
        unknown = names.filter(pl.Series(numbers == 0))
        raise PredictionsError(
            f"{unknown.len():,} of the {names.len():,} items of this {type(dataset).__name__} are no ImageNet "
            f"validation images: {some(unknown, unknown.len())}. Expected files such as "
            "ILSVRC2012_val_00000001.JPEG; is it the validation set?"
        )
    return numbered_names(pl.Series(numbers)).to_list()


def with_names(dataset: Any) -> Dataset[Any]:  # noqa: ANN401
    """The data set with the name of its image behind each item: `(image, target, name)`.

    Whatever a sampler does, each prediction then comes with the image that it is for: `metric.update(preds, names)`.

    Parameters
    ----------
    dataset : as `image_names` takes it

    Raises
    ------
    PredictionsError
        As `image_names`.
    """
    return _WithNames(dataset, image_names(dataset))


def with_positions(dataset: Any) -> Dataset[Any]:  # noqa: ANN401
    """The data set with the position of each item in place of its target: `(image, position)`.

    For loaders that hand on no more than pairs, as timm's do, and so that only integers go to the device. The metric
    needs `order=image_names(dataset)`, and the targets are those of the data set at these positions.

    Parameters
    ----------
    dataset : as `image_names` takes it

    Raises
    ------
    PredictionsError
        As `image_names`.
    """
    return _WithPositions(dataset, image_names(dataset))


class _Wrapped(Dataset[Any]):
    """A data set whose items say which image they are."""

    def __init__(self, dataset: Any, names: list[str]) -> None:  # noqa: ANN401
        self.dataset = dataset
        self.names = names

    def __len__(self) -> int:
        return len(self.names)

    @property
    def transform(self) -> Any:  # noqa: ANN401
        """What is done to each image; timm's `create_loader` sets it, and it is the data set that must have it."""
        return self.dataset.transform

    @transform.setter
    def transform(self, transform: Any) -> None:  # noqa: ANN401
        self.dataset.transform = transform


class _WithNames(_Wrapped):
    def __getitem__(self, index: int) -> tuple[Any, ...]:
        item = self.dataset[index]
        return (*(item if isinstance(item, tuple | list) else (item,)), self.names[index])


class _WithPositions(_Wrapped):
    def __getitem__(self, index: int) -> tuple[Any, int]:
        item = self.dataset[index]
        return item[0] if isinstance(item, tuple | list) else item, range(len(self))[index]


def _files(dataset: Any) -> list[Any]:  # noqa: ANN401
    """The file of each item.

    Raises
    ------
    PredictionsError
        If the data set does not say.
    """
    if isinstance(dataset, _Wrapped):
        return list(dataset.names)
    if isinstance(dataset, Subset):
        files = _files_of_part(dataset.dataset, dataset)
        return [files[index] for index in dataset.indices]
    if isinstance(dataset, ConcatDataset):
        return [file for part in dataset.datasets for file in _files_of_part(part, dataset)]
    reader = getattr(dataset, "reader", None)
    if reader is not None and hasattr(reader, "filenames") and not isinstance(dataset, IterableDataset):
        return list(reader.filenames(basename=True))
    samples = getattr(dataset, "samples", None)
    if isinstance(samples, list | tuple) and all(_starts_with_file(sample) for sample in samples):
        return [sample[0] for sample in samples]
    read = "a stream" if isinstance(dataset, IterableDataset) else "a data set"
    raise PredictionsError(
        f"{type(dataset).__name__} is {read} that does not say which file each item is: expected one with `samples` of "
        "path and class (torchvision's ImageFolder), timm's ImageDataset, or a Subset or ConcatDataset of these. For "
        "any other, make a list of the image names in its order, or have its items say their names."
    )


def _files_of_part(part: Any, whole: Any) -> list[Any]:  # noqa: ANN401
    """The file of each item of what a data set is made of.

    Raises
    ------
    PredictionsError
        If its items say their positions: these would be their places in it, and not in the whole.
    """
    if isinstance(part, _WithPositions):
        kind = type(whole).__name__
        raise PredictionsError(
            f"the items of this {kind} say their positions in what it is made of, not in itself: put with_positions "
            f"around it, with_positions({kind}(…)), rather than inside."
        )
    return _files(part)


def _starts_with_file(sample: object) -> bool:
    return isinstance(sample, tuple | list) and bool(sample) and isinstance(sample[0], str | bytes | PurePath)
