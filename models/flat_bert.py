"""BERT layers over texts that lie one after another, without padding between them.

The layers' matrix products see one long row of word pieces, so nothing is computed for padding; only
attention, which must keep texts apart, sees them as padded rows. Same arithmetic as transformers'
``BertModel``, whose weights it takes over (Devlin et al. 2019).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import BertModel

# Attention's kernels give the same bits for any padded length that is a multiple of this.
LENGTH_STEP = 32


@dataclass(frozen=True, kw_only=True)
class FlatTexts:
    """Some texts' word pieces in one row of a fixed size.

    Attributes:
        ids: word pieces of all texts, then padding, shape (size,).
        positions: position of each in its own text, shape (size,).
        padded: for each place of the padded rows which entry of ``ids`` stands there,
            shape (texts, length); padding points to any entry.
        flat: for each entry of ``ids`` its place in the padded rows, counted through, shape (size,).
        mask: which places of the padded rows hold text, shape (texts, length).
    """

    ids: Tensor
    positions: Tensor
    padded: Tensor
    flat: Tensor
    mask: Tensor


def lay_out(rows: Sequence[Sequence[int]], size: int, pad_id: int) -> FlatTexts:
    """The texts one after another.

    Args:
        rows: word pieces of each text, none empty, together at most ``size``.
        size: entries of the long row.
        pad_id: word piece for entries that belong to no text.
    """
    lengths = np.array([len(row) for row in rows])
    length = -(-int(lengths.max()) // LENGTH_STEP) * LENGTH_STEP
    starts = np.cumsum(lengths) - lengths
    steps = np.arange(length)
    mask = steps[None, :] < lengths[:, None]
    padded = np.where(mask, starts[:, None] + steps[None, :], 0)
    ids = np.full(size, pad_id)
    positions, flat = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.int64)
    total = int(lengths.sum())
    ids[:total] = np.concatenate([np.asarray(row) for row in rows])
    positions[:total] = np.nonzero(mask)[1]
    flat[:total] = np.flatnonzero(mask)
    tensors = (torch.from_numpy(array) for array in (ids, positions, padded, flat, mask))
    return FlatTexts(**dict(zip(("ids", "positions", "padded", "flat", "mask"), tensors, strict=True)))


class FlatBert:
    """The layers of a ``BertModel``.

    Args:
        bert: a model that :meth:`can_read`; its weights are taken in the precision in which they are.
    """

    @staticmethod
    def can_read(bert: BertModel) -> bool:
        """Whether the model is of the plain kind: gelu, absolute positions, an encoder without extras."""
        config = bert.config
        absolute = getattr(config, "position_embedding_type", "absolute") in (None, "absolute")
        return bool(config.hidden_act == "gelu" and absolute and not config.is_decoder)

    @torch.inference_mode()
    def __init__(self, bert: BertModel) -> None:
        config = bert.config
        self._heads = config.num_attention_heads
        self._epsilon = config.layer_norm_eps
        embeddings = bert.embeddings
        self._words = embeddings.word_embeddings.weight
        self._positions = embeddings.position_embeddings.weight + embeddings.token_type_embeddings.weight[0]
        self._first_norm = embeddings.LayerNorm
        self._layers = [_Layer(layer) for layer in bert.encoder.layer]

    def __call__(self, texts: FlatTexts) -> Tensor:
        """Last hidden states in padded rows, shape (texts, length, width); those of padding mean nothing."""
        width = self._words.shape[1]
        states = F.embedding(texts.ids, self._words) + F.embedding(texts.positions, self._positions)
        states = self._norm(states, self._first_norm)
        bias = torch.zeros(texts.mask.shape, dtype=states.dtype).masked_fill_(~texts.mask, float("-inf"))
        for layer in self._layers:
            attended = self._attend(_dense(states, layer.query_key_value), texts, bias[:, None, None, :])
            states = self._norm(_dense(attended, layer.attended) + states, layer.attended_norm)
            inner = F.gelu(_dense(states, layer.inner))
            states = self._norm(_dense(inner, layer.outer) + states, layer.outer_norm)
        return F.embedding(texts.padded, states.view(-1, width))

    def _attend(self, query_key_value: Tensor, texts: FlatTexts, bias: Tensor) -> Tensor:
        rows, length = texts.padded.shape
        padded = F.embedding(texts.padded, query_key_value).view(rows, length, 3, self._heads, -1)
        query, key, value = padded.permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        return F.embedding(texts.flat, attended.transpose(1, 2).reshape(rows * length, -1))

    def _norm(self, states: Tensor, norm: torch.nn.LayerNorm) -> Tensor:
        return F.layer_norm(states, norm.normalized_shape, norm.weight, norm.bias, self._epsilon)


@dataclass(frozen=True)
class _Dense:
    """Weights of a linear layer, transposed once so that the product need not do it each time."""

    weight: Tensor
    bias: Tensor


class _Layer:
    def __init__(self, layer: Any) -> None:
        attention = layer.attention.self
        parts = (attention.query, attention.key, attention.value)
        weight, bias = torch.cat([part.weight for part in parts]), torch.cat([part.bias for part in parts])
        self.query_key_value = _Dense(weight.t().contiguous(), bias)
        self.attended = _of(layer.attention.output.dense)
        self.attended_norm = layer.attention.output.LayerNorm
        self.inner = _of(layer.intermediate.dense)
        self.outer = _of(layer.output.dense)
        self.outer_norm = layer.output.LayerNorm


def _of(linear: torch.nn.Linear) -> _Dense:
    return _Dense(linear.weight.t().contiguous(), linear.bias)


def _dense(states: Tensor, dense: _Dense) -> Tensor:
    return torch.mm(states, dense.weight).add_(dense.bias)
