"""How the images of a measure were sampled and weigh, and the sampling variance of weighted averages over them.

The images are taken for a random sample of images like them: within each original class where the measure averages
within classes (the classes themselves are fixed), of all images together where it averages over images alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ml_scorer.measures.rule import Rule

Values: TypeAlias = NDArray[Any]
"""(checkpoints, images): bool, whether each checkpoint is right on each image, or float, which share of it is."""

Floats: TypeAlias = NDArray[np.float64]

_ROUNDING: Final = 1e-13
"""A variance this small, beside that of values one apart, is of values that are equal but for the rounding of float32.
Rounding comes to 1e-14 or less; one image of 50,000 that is right for a single seed of a hundred, to 1e-9."""

BLOCK_NUMBERS: Final = 4_000_000
"""Numbers that an intermediate array holds at most (32 MB of float64), one checkpoint at least."""


@dataclass(frozen=True, eq=False)
class Design:
    """Weights and strata of the images of one measure, in the order of `Rule.images`.

    Attributes
    ----------
    weights : (images,) float64
        Positive; they add up to 1.
    strata : (images,) int64
        Which stratum each image was sampled from, 0 to strata - 1: its original class where the measure averages within
        classes, 0 everywhere where it averages over images alike.

    Raises
    ------
    ValueError
        If there is no image, the two differ in length, or a weight is not positive.
    """

    weights: Floats
    strata: NDArray[np.int64]

    def __post_init__(self) -> None:
        if self.weights.ndim != 1 or self.weights.shape != self.strata.shape:
            raise ValueError(
                "a design needs one weight and one stratum for each image, "
                f"not weights {self.weights.shape} and strata {self.strata.shape}."
            )
        if not self.weights.size:
            raise ValueError("a design needs at least one image: of no images there is nothing to estimate.")
        if not (np.isfinite(self.weights) & (self.weights > 0)).all():
            raise ValueError("every image of a design has a positive weight; leave out those that weigh nothing.")

    @classmethod
    def of(cls, rule: Rule) -> Design:
        """The design of a measure's rule."""
        weights = (rule.weights / rule.denominator).astype(np.float64)
        if rule.strata is None:
            return cls(weights, np.zeros(weights.size, np.int64))
        return cls(weights, np.unique(rule.strata, return_inverse=True)[1].astype(np.int64))

    @property
    def images(self) -> int:
        """Number of images."""
        return int(self.weights.size)

    @property
    def stratified(self) -> bool:
        """Whether the images come from more than one stratum."""
        return bool((self.strata != self.strata[0]).any())

    @property
    def degrees_of_freedom(self) -> float:
        """Of the variance estimate: images - strata where these are of equal size, fewer where they are not.

        Satterthwaite's (1946), taking the variance within every stratum for the same; strata of one image are joined as
        in `Groups`. 0 where there is just one image.
        """
        groups = self.groups
        variances = np.add.reduceat(np.square(groups.weights), groups.starts)
        doubts = np.divide(np.square(variances), groups.sizes - 1, out=np.zeros_like(variances), where=groups.sizes > 1)
        return float(variances.sum() ** 2 / doubts.sum()) if doubts.any() else 0.0

    @property
    def effective_images(self) -> float:
        """Images of equal weight that average as precisely: 1 / sum of squared weights (Kish 1965, section 11.7)."""
        return float(1 / np.square(self.weights).sum())

    @cached_property
    def groups(self) -> Groups:
        """The strata within which variance is estimated."""
        return _groups(self)


@dataclass(frozen=True, eq=False)
class Groups:
    """Strata of two images and more, in which a variance can be estimated.

    A stratum of one image shows no variation. All such strata are collapsed into one (Cochran 1977, section 5A.12), and
    a single one joins the smallest other stratum; what then differs between the joined strata counts as sampling error,
    so the estimate errs on the large side. One image alone has no variance estimate: NaN.

    Attributes
    ----------
    order : (images,) int64
        Images group by group.
    starts : (groups,) int64
        Where in `order` each group starts.
    sizes : (groups,) int64
        Images of each group.
    weights : (images,) float64
        Of the images, in `order`.
    shares : (images,) float64
        Weight of each image within its group; each group's add up to 1. In `order`.
    scales : (images,) float64
        What a deviation from the group's average is multiplied by, so that the sum of squares over the images estimates
        the variance. In `order`.
    equal : bool
        The images of each group weigh the same.
    """

    order: NDArray[np.int64]
    starts: NDArray[np.int64]
    sizes: NDArray[np.int64]
    weights: Floats
    shares: Floats
    scales: Floats
    equal: bool


def _joined(strata: NDArray[np.int64]) -> NDArray[np.int64]:
    """The same strata, but each of one image put together with another."""
    _, stratum, sizes = np.unique(strata, return_inverse=True, return_counts=True)
    alone = sizes == 1
    target = np.arange(sizes.size)
    if np.count_nonzero(alone) > 1:
        target[alone] = np.flatnonzero(alone)[0]
    elif alone.any() and sizes.size > 1:
        target[alone] = np.flatnonzero(~alone)[sizes[~alone].argmin()]
    return np.unique(target[stratum], return_inverse=True)[1].astype(np.int64)


def _groups(design: Design) -> Groups:
    group = _joined(design.strata)
    order = np.argsort(group, kind="stable")
    sizes = np.bincount(group)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    weights = design.weights[order]
    shares = weights / np.repeat(np.add.reduceat(weights, starts), sizes)
    squares = np.square(weights)
    # Squared deviations w^2 (v - average)^2 of images alike but for their weights are expected to add up to found * s^2
    # where the variance of the sum of w * v is total * s^2. For equal weights the ratio is n / (n - 1).
    found = squares * (1 - 2 * shares + np.repeat(np.add.reduceat(np.square(shares), starts), sizes))
    total, found = np.add.reduceat(squares, starts), np.add.reduceat(found, starts)
    factors = np.divide(total, found, out=np.full(starts.size, np.nan), where=sizes > 1)
    equal = bool((np.minimum.reduceat(weights, starts) == np.maximum.reduceat(weights, starts)).all())
    return Groups(order, starts, sizes, weights, shares, np.sqrt(np.repeat(factors, sizes)) * weights, equal)


def blocks(design: Design, checkpoints: int) -> Iterator[slice]:
    """Checkpoints so many at a time that an intermediate of a number for each image stays small."""
    step = max(1, BLOCK_NUMBERS // design.images)
    return (slice(start, min(start + step, checkpoints)) for start in range(0, checkpoints, step))


def checked(design: Design, values: Values) -> Values:
    """The values, if they are a row of a value an image for each checkpoint.

    Raises
    ------
    ValueError
        If they have another shape.
    TypeError
        If they are neither bool nor float.
    """
    if values.shape != (len(values), design.images):
        raise ValueError(
            f"expected values of shape (checkpoints, {design.images:,}), one for each image of the design, "
            f"found {values.shape}. Give a single checkpoint as values[None]."
        )
    if values.dtype.kind not in "bf":
        raise TypeError(
            f"values are bool (right or not) or float (which share of an image is right), not {values.dtype}."
        )
    return values


def average(design: Design, values: Values) -> Floats:
    """The weighted average of each checkpoint: (checkpoints,) float64."""
    values = checked(design, values)
    averages = np.empty(len(values))
    for block in blocks(design, len(values)):
        averages[block] = values[block].astype(np.float64) @ design.weights
    return averages


def centred(design: Design, values: Values) -> Floats:
    """Scaled deviations of values from their group's average, whose products add up to (co)variances.

    Parameters
    ----------
    design : Design
    values : (checkpoints, images) bool or float

    Returns
    -------
    (checkpoints, images) float64
        In the order of `Design.groups`.
    """
    groups = design.groups
    deviations: Floats = np.take(values, groups.order, axis=1).astype(np.float64)
    averages = np.add.reduceat(deviations * groups.shares, groups.starts, axis=1)
    deviations -= np.repeat(averages, groups.sizes, axis=1)
    deviations *= groups.scales
    return deviations


def variance(design: Design, values: Values) -> Floats:
    """Sampling variance of each checkpoint's weighted average, stratified.

    sum over strata h of W_h^2 s_h^2 / n_h, with W_h the weight of a stratum, n_h its images and s_h^2 the variance
    within it, with n_h - 1 below (Cochran 1977, section 5.4, without the finite population correction). For strata of
    one image see `Groups`.

    Parameters
    ----------
    design : Design
    values : (checkpoints, images) bool or float

    Returns
    -------
    (checkpoints,) float64
        0 where the values of each group are equal, or would be but for rounding; NaN where the design has just one
        image.

    Raises
    ------
    ValueError, TypeError
        If the values do not fit the design.
    """
    values = checked(design, values)
    groups = design.groups
    variances = np.empty(len(values))
    counted = values.dtype == np.bool_ and groups.equal and groups.sizes.min() > 1
    for block in blocks(design, len(values)):
        if counted:
            ordered = np.take(values[block], groups.order, axis=1).view(np.uint8)
            right = np.add.reduceat(ordered, groups.starts, axis=1, dtype=np.int32).astype(np.int64)
            weights = np.square(groups.weights[groups.starts]) / (groups.sizes - 1)
            # Not as a product of matrices, whose rounding depends on how many checkpoints are in it.
            variances[block] = np.einsum("cg,g->c", right * (groups.sizes - right), weights)
        else:
            deviations = centred(design, values[block])
            variances[block] = np.einsum("ci,ci->c", deviations, deviations)
    if not counted:
        variances[variances < _ROUNDING * np.square(groups.scales).sum()] = 0
    return variances
