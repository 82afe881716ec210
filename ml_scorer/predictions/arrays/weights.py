"""Files that hold a model instead of its predictions."""

from __future__ import annotations

from collections.abc import Iterable

from ml_scorer.errors import PredictionsError, some

_ENDINGS = (".weight", ".bias", ".running_mean", ".running_var", ".num_batches_tracked", ".kernel", ".scale")


def refuse_weights(keys: Iterable[str], where: str) -> None:
    """Raise if arrays have the names of a model's weights.

    Raises
    ------
    PredictionsError
        If they have.
    """
    weights = [key for key in keys if key.endswith(_ENDINGS)]
    if weights:
        raise PredictionsError(
            f"{where}: these are the weights of a model ({some(weights, len(weights))}), not its predictions. Run the "
            "model on the validation images, and save its logits or the labels that it predicts."
        )
