"""Linear layers, with what follows them, as quick as the processor's matrix routines allow."""

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

# The rows for which oneDNN orders the weights; it takes any number of rows all the same.
PREPARED_ROWS = 384
# A layer with more inputs than outputs is computed for so many rows at a time: oneDNN takes up another order of
# adding with more rows, and is slower.
ROWS_OF_LONG_SUMS = 128


class Dense(Protocol):
    """A linear layer of weights (outputs, inputs) and bias (outputs,)."""

    def __call__(self, states: Tensor) -> Tensor:
        """The layer's values, shape (rows, outputs), for states (rows, inputs)."""
        ...

    def gelu(self, states: Tensor) -> Tensor:
        """The same after GELU (Hendrycks and Gimpel 2016, in its exact form)."""
        ...

    def plus(self, states: Tensor, more: Tensor) -> Tensor:
        """The same with ``more``, shape (rows, outputs), added."""
        ...


def dense(weight: Tensor, bias: Tensor) -> Dense:
    """The quickest form of a linear layer that this build of torch has."""
    if weight.dtype == torch.bfloat16 and _can_fuse():
        return FusedDense(weight, bias)
    return PlainDense(weight, bias)


class PlainDense:
    """A linear layer by torch's public functions.

    Args:
        weight: shape (outputs, inputs).
        bias: shape (outputs,).
    """

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        self._weight = weight
        self._bias = bias

    def __call__(self, states: Tensor) -> Tensor:
        """The layer's values, shape (rows, outputs), for states (rows, inputs)."""
        return F.linear(states, self._weight, self._bias)

    def gelu(self, states: Tensor) -> Tensor:
        """The same after GELU."""
        return F.gelu(self(states))

    def plus(self, states: Tensor, more: Tensor) -> Tensor:
        """The same with ``more`` added."""
        return self(states) + more


class FusedDense:
    """A linear layer by oneDNN's routines, which do in one pass what follows the product.

    torch's compiler uses these operators for the same purpose; they need no compiler themselves, take their
    weights in the processor's own order, and round once instead of two or three times.

    Args:
        weight: shape (outputs, inputs), bfloat16.
        bias: shape (outputs,), bfloat16.
    """

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        outputs, inputs = weight.shape
        self._rows = ROWS_OF_LONG_SUMS if inputs > outputs else None
        self._weight = torch.ops.mkldnn._reorder_linear_weight(weight.detach(), self._rows or PREPARED_ROWS)
        self._bias = bias

    def __call__(self, states: Tensor) -> Tensor:
        """The layer's values, shape (rows, outputs), for states (rows, inputs)."""
        return self._unary(states, "none")

    def gelu(self, states: Tensor) -> Tensor:
        """The same after GELU."""
        return self._unary(states, "gelu")

    def plus(self, states: Tensor, more: Tensor) -> Tensor:
        """The same with ``more`` added."""
        fused = torch.ops.mkldnn._linear_pointwise.binary
        parts = zip(self._parts(states), self._parts(more), strict=True)
        return _joined([fused(part, own, self._weight, self._bias, "add") for part, own in parts])

    def _unary(self, states: Tensor, function: str) -> Tensor:
        fused = torch.ops.mkldnn._linear_pointwise.default
        return _joined([fused(part, self._weight, self._bias, function, [], "none") for part in self._parts(states)])

    def _parts(self, states: Tensor) -> Sequence[Tensor]:
        return torch.split(states, self._rows) if self._rows else (states,)


def _can_fuse() -> bool:
    """Whether this build has the operators, which are not part of torch's public interface."""
    is_built: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call] # torch leaves it untyped
    return is_built and all(hasattr(torch.ops.mkldnn, name) for name in ("_linear_pointwise", "_reorder_linear_weight"))


def _joined(parts: Sequence[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(list(parts))
