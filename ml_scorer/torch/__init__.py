"""In the training loop: multi-label accuracy as a torchmetrics metric, and which image is which in a data set."""

from ml_scorer.errors import MissingExtraError

try:
    from ml_scorer.torch.datasets import image_names, with_names, with_positions
    from ml_scorer.torch.metric import MultiLabelAccuracy
except ImportError as error:
    raise MissingExtraError("ml_scorer.torch", "torch") from error

__all__ = ["MultiLabelAccuracy", "image_names", "with_names", "with_positions"]
