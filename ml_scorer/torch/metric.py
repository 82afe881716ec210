"""Multi-label accuracy as a metric of torchmetrics."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import Module
from torchmetrics import Metric
from torchmetrics.utilities.exceptions import TorchMetricsUserError

from ml_scorer import arrays
from ml_scorer.annotations import Annotations
from ml_scorer.errors import PredictionsError
from ml_scorer.measures import Measure
from ml_scorer.predictions import OrderLike
from ml_scorer.predictions.batches import no_order
from ml_scorer.scores import Scores
from ml_scorer.scoring import Missing
from ml_scorer.torch.rows import image_index, moved, placed, prediction_rows, predictions_tensor
from ml_scorer.torch.trial import on_trial

if TYPE_CHECKING:
    from ml_scorer.annotations.reassessed import RealLabels


class MultiLabelAccuracy(Metric):
    """Multi-label accuracy (MLA) of a model, from batches of its predictions: the same bits as the command line.

    The state is one slot an image. Images that a sampler repeats to make ranks even, uneven ranks, and batches that
    come again do not count twice; an image that is missing in the end, or came again with another prediction, is an
    error.

    Parameters
    ----------
    measures : measure, its printed name, or several
        With one, `compute` gives a float64 scalar; with several, a dict of these by printed name.
    order : str, path or list of str, optional
        Which image each position of the data set is: the names of its images in its order (`image_names(dataset)`), or
        see `ml_scorer.score`. None takes only names in `update`.
    annotations : Annotations or path, optional
        None looks for the table; see `ml_scorer.load_annotations`.
    missing : {"error", "wrong"}
        What a required image is that no batch had.
    class_ids, trust_order, real
        As in `ml_scorer.score`.
    **kwargs
        Of `torchmetrics.Metric`. Unless `dist_sync_fn` is among them, ranks are synchronized by one all-reduce.

    Raises
    ------
    AnnotationsError, AnnotationsNotFoundError, MeasureError, PredictionsError, TypeError, ValueError
        As `ml_scorer.score`, if an argument is refused or a table is not to be had.

    Examples
    --------
    In a loop over a data set of torchvision or timm::

        metric = MultiLabelAccuracy().to(device)
        for images, targets, names in DataLoader(with_names(dataset), batch_size=256):
            metric.update(model(images.to(device)), names)
        metric.compute()
    """

    is_differentiable = False
    higher_is_better = True
    full_state_update = False
    plot_lower_bound = 0.0
    plot_upper_bound = 1.0

    slots: Tensor
    reading: Tensor

    def __init__(
        self,
        measures: str | Measure | Iterable[str | Measure] = "MLA",
        *,
        order: OrderLike | None = None,
        annotations: Annotations | str | PathLike[str] | None = None,
        missing: Missing = "error",
        class_ids: str = "imagenet",
        trust_order: bool = False,
        real: RealLabels | str | PathLike[str] | None = None,
        **kwargs: Any,  # noqa: ANN401 (torchmetrics' own)
    ) -> None:
        kwargs.setdefault("dist_sync_fn", largest_of_all_ranks)
        super().__init__(**kwargs)
        self._accuracy = arrays.MultiLabelAccuracy(
            measures,
            order=order,
            annotations=annotations,
            missing=missing,
            class_ids=class_ids,
            trust_order=trust_order,
            real=real,
        )
        options = self._accuracy.scorer.options
        order_images = np.empty(0, np.int64) if options.order is None else options.order.images.astype(np.int64)
        # Not a buffer: what changes the type of a module's buffers, or makes ranks alike, is to leave it alone.
        self._order = torch.tensor(order_images)
        self.add_state("slots", torch.tensor(self._accuracy.empty(), device=self.device), dist_reduce_fx="max")
        # Metrics of a collection share their state if it is equal after one batch. So what they make of the next ones
        # is part of the state: how they read numbers and positions.
        self._reading = sha256(options.class_ids.name.encode() + order_images.tobytes()).digest()
        reading = torch.tensor(list(self._reading), dtype=torch.int32, device=self.device)
        self.add_state("reading", reading, dist_reduce_fx="max")

    def update(self, preds: Tensor, images: Any) -> None:  # noqa: ANN401
        """Take in a batch; nothing is computed, and no device is waited for.

        Parameters
        ----------
        preds : tensor
            Logits (n, 1000) in 16, 32 or 64 bits, of which the first of the largest counts, or (n, 1001) if `class_ids`
            is `background`; or labels (n,), or the k most likely of each image (n, k), as integers; on any device.
        images : sequence or tensor
            The image of each: names, as data loaders collate them, with or without folder; or positions in `order`, as
            integers. On the device of the metric, positions cost no copy.

        Raises
        ------
        PredictionsError
            If these are no such things, or a name is no validation image. What else is wrong shows in `compute`.
        """
        index, are_positions = image_index(images)
        options, k, device = self._accuracy.scorer.options, self._accuracy.k, self.slots.device
        if are_positions and options.order is None:
            raise no_order()
        preds = predictions_tensor(preds)
        rows = moved(prediction_rows(preds, len(index), options.class_ids, k, positions=are_positions), device)
        slots = moved(index, device).to(torch.int64)
        if are_positions:
            self._order = moved(self._order, device)
            slots, rows = placed(rows, slots, self._order, k)
        # Not in place: a state of inference mode may not be changed outside of it.
        self.slots = self.slots.scatter_reduce(0, slots[:, None].expand_as(rows), rows, "amax")

    @torch.compiler.disable
    def forward(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        """Take in a batch, as `update` does. The accuracy of a batch is no part of the whole, so there is none."""
        if self._is_synced:
            raise TorchMetricsUserError("a synced metric takes in no batch. Call unsync first.")
        self.update(*args, **kwargs)

    def compute(self) -> Tensor | dict[str, Tensor]:
        """The accuracy of all images so far, a share in [0, 1] as float64, of all ranks together.

        Raises
        ------
        PredictionsError
            If a required image is missing (unless that is allowed), an image was given again with another prediction,
            logits or labels are refused, or the predictions fit another order or numbering better; on every rank. In
            Lightning's sanity check and its `fast_dev_run`, which see a batch or two, missing images are none, and the
            result is NaN.
        """
        if on_trial():
            return self._unknown()
        values = self._accuracy.compute(self._state())
        if isinstance(values, dict):
            return {name: self._scalar(value) for name, value in values.items()}
        return self._scalar(values)

    def scores(self) -> Scores:
        """All that there is to say, of all ranks together: signatures, verdict counts, ties, the number missing.

        As for `compute`, every rank must call it.

        Raises
        ------
        PredictionsError
            As `compute`. Where that gives NaN, the scores are those of the images so far, with `missing="wrong"`.
        """
        accuracy = self._accuracy.with_missing("wrong") if on_trial() else self._accuracy
        with self.sync_context(
            dist_sync_fn=self.dist_sync_fn, should_sync=self._to_sync, should_unsync=self._should_unsync
        ):
            return accuracy.scores(self._state())

    def plot(self, val: Any = None, ax: Any = None) -> Any:  # noqa: ANN401 (torchmetrics' own)
        """Draw one result, or those of several steps: `torchmetrics.Metric.plot`, which needs matplotlib.

        Parameters
        ----------
        val : result of `compute`, or a list of them, optional
            None computes it.
        ax : matplotlib.axes.Axes, optional

        Returns
        -------
        figure and axes
        """
        return self._plot(val, ax)

    def merge_state(self, incoming_state: dict[str, Any] | Metric) -> None:
        """As in torchmetrics: take in what another metric of the same measures has seen."""
        is_dict = isinstance(incoming_state, dict)
        slots = incoming_state.get("slots") if is_dict else getattr(incoming_state, "slots", None)
        if isinstance(slots, Tensor):
            self._accuracy.check_state(slots)
        super().merge_state(incoming_state)

    @contextmanager
    def sync_context(self, *args: Any, **kwargs: Any) -> Iterator[None]:  # noqa: ANN401
        """As in torchmetrics; what an error interrupts is not left synced."""
        try:
            with super().sync_context(*args, **kwargs):
                yield
        except BaseException:
            if self._is_synced:
                self.unsync()
            raise

    def _apply(self, fn: Callable[..., Any], exclude_state: Sequence[str] = "") -> Module:
        """As in torchmetrics, but a result is computed again rather than brought to the type of a model's numbers."""
        applied: Module = super()._apply(fn, exclude_state)
        self._computed = None
        return applied

    def set_dtype(self, _: str | torch.dtype) -> MultiLabelAccuracy:
        """Nothing: the state is of integers, whatever the model is."""
        return self

    def _wrap_update(self, update: Callable[..., None]) -> Callable[..., None]:
        """As in torchmetrics, but left alone by `torch.compile`: the count of updates would make it compile again."""
        wrapped: Callable[..., None] = torch.compiler.disable(super()._wrap_update(update))
        return wrapped

    def _state(self) -> NDArray[np.int32]:
        if bytes(self.reading.tolist()) != self._reading:
            raise PredictionsError(
                "what was merged, loaded or gathered from other ranks reads positions or class ids in another way than "
                "this metric: give all of them the same order= and class_ids=."
            )
        slots: NDArray[np.int32] = self.slots.cpu().numpy()
        return slots

    def _unknown(self) -> Tensor | dict[str, Tensor]:
        """NaN for each measure: of a few batches there is no accuracy, but what is wrong with them is an error."""
        self._accuracy.predictions(self._state())
        unknown = self._scalar(float("nan"))
        if self._accuracy.single:
            return unknown
        return {str(measure): unknown for measure in self._accuracy.scorer.measures}

    def _scalar(self, value: float) -> Tensor:
        device = self.slots.device
        return torch.tensor(value, dtype=torch.float64, device="cpu" if device.type == "mps" else device)


def largest_of_all_ranks(state: Tensor, group: Any = None) -> list[Tensor]:  # noqa: ANN401
    """The maximum over ranks of each number of a state, as the only one that torchmetrics then folds.

    Gathering the states of all ranks first would take a megabyte for each of them.
    """
    largest = state.clone()
    torch.distributed.all_reduce(largest, op=torch.distributed.ReduceOp.MAX, group=group)
    return [largest]
