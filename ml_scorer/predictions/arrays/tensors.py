"""Arrays of other libraries, torch and JAX above all, as arrays that NumPy reads; none of them is imported for it."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from ml_scorer.predictions.arrays.stored import StoredArray, in_memory


def as_array(source: Any) -> StoredArray:  # noqa: ANN401
    """Whatever has numbers in it as an array, from any device.

    Parameters
    ----------
    source : array, sequence, or what has `__array__` or `__dlpack__`

    Raises
    ------
    TypeError, ValueError, RuntimeError, BufferError
        If there is no way to get at the numbers.
    """
    refuse_mask(source)
    if is_tensor(source):
        return _from_torch(source)
    try:
        array = np.asarray(source)
    except (TypeError, RuntimeError):
        if not hasattr(source, "__dlpack__"):
            raise
        array = np.from_dlpack(source, device="cpu")  # of another device, which NumPy is not let into
    else:
        if array is not source and array.dtype.kind == "O" and hasattr(source, "__dlpack__"):
            array = np.from_dlpack(source)
    if array.dtype.name == "bfloat16":  # of the package ml_dtypes, which JAX brings along
        return in_memory(array.view(np.int16), is_bfloat16=True)
    return in_memory(array)


def refuse_mask(source: object) -> None:
    """Raise TypeError if some values are none, so that no library takes what stands there for them."""
    if isinstance(source, np.ma.MaskedArray):
        raise TypeError("a mask says that some of its values are none; leave those images out, or fill them")


def is_tensor(source: object) -> bool:
    """Whether this is a torch tensor, told without importing torch."""
    return any(base.__module__ == "torch" and base.__name__ == "Tensor" for base in type(source).__mro__)


def _from_torch(tensor: Any) -> StoredArray:  # noqa: ANN401
    torch = sys.modules["torch"]
    tensor = tensor.detach().resolve_conj().resolve_neg().cpu()
    if tensor.dtype == torch.bfloat16:
        return in_memory(tensor.contiguous().view(torch.int16).numpy(), is_bfloat16=True)
    return in_memory(tensor.numpy())
