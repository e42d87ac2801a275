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

from models.dense_layers import dense

# Texts of nearly the same length are padded to the next multiple of this for attention.
LENGTH_STEP = 32


@dataclass(frozen=True, kw_only=True)
class PaddedRows:
    """Those of the texts that are padded to one length.

    Attributes:
        members: which texts, by index.
        entries: for each place of the rows which entry of the long row stands there, shape
            (texts, length); padding points to any entry.
        mask: which places hold text, shape (texts, length).
    """

    members: list[int]
    entries: Tensor
    mask: Tensor


@dataclass(frozen=True, kw_only=True)
class FlatTexts:
    """Some texts' word pieces in one long row.

    Attributes:
        ids: word pieces of all texts, then padding, shape (size,).
        positions: position of each in its own text, shape (size,).
        padded: the texts as attention sees them, one set of rows for each length.
        places: for each entry of ``ids`` its place in the padded rows, counted through all sets, shape (size,).
    """

    ids: Tensor
    positions: Tensor
    padded: list[PaddedRows]
    places: Tensor


def lay_out(rows: Sequence[Sequence[int]], size: int, pad_id: int) -> FlatTexts:
    """The texts one after another.

    Args:
        rows: word pieces of each text, none empty, together at most ``size``.
        size: entries of the long row.
        pad_id: word piece for entries that belong to no text.
    """
    lengths = np.array([len(row) for row in rows])
    steps = -(-lengths // LENGTH_STEP)
    ids = np.full(size, pad_id)
    positions, places = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.int64)
    padded, entry, place = [], 0, 0
    for step in np.unique(steps):
        members = np.flatnonzero(steps == step)
        mask = np.arange(step * LENGTH_STEP) < lengths[members][:, None]
        here = slice(entry, entry + int(mask.sum()))
        entries = np.zeros(mask.shape, dtype=np.int64)
        entries[mask] = np.arange(here.start, here.stop)
        ids[here] = np.concatenate([np.asarray(rows[member]) for member in members.tolist()])
        positions[here] = np.nonzero(mask)[1]
        places[here] = place + np.flatnonzero(mask)
        entry, place = here.stop, place + mask.size
        padded.append(
            PaddedRows(members=members.tolist(), entries=torch.from_numpy(entries), mask=torch.from_numpy(mask))
        )
    return FlatTexts(
        ids=torch.from_numpy(ids),
        positions=torch.from_numpy(positions),
        padded=padded,
        places=torch.from_numpy(places),
    )


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

    def __call__(self, texts: FlatTexts) -> list[Tensor]:
        """Last hidden states of each set of padded rows, shape (texts, length, width); padding's mean nothing."""
        states = F.embedding(texts.ids, self._words) + F.embedding(texts.positions, self._positions)
        states = self._norm(states, self._first_norm)
        biases = [_bias(rows.mask, states.dtype) for rows in texts.padded]
        for layer in self._layers:
            attended = self._attend(layer.query_key_value(states), texts, biases)
            states = self._norm(layer.attended.plus(attended, states), layer.attended_norm)
            states = self._norm(layer.outer.plus(layer.inner.gelu(states), states), layer.outer_norm)
        return [F.embedding(rows.entries, states) for rows in texts.padded]

    def _attend(self, query_key_value: Tensor, texts: FlatTexts, biases: Sequence[Tensor]) -> Tensor:
        attended = [
            self._attend_rows(F.embedding(rows.entries, query_key_value), bias)
            for rows, bias in zip(texts.padded, biases, strict=True)
        ]
        return F.embedding(texts.places, torch.cat(attended))

    def _attend_rows(self, query_key_value: Tensor, bias: Tensor) -> Tensor:
        """Attention within each row, one text after another, shape (texts x length, width)."""
        texts, length, _ = query_key_value.shape
        query, key, value = query_key_value.view(texts, length, 3, self._heads, -1).permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        return attended.transpose(1, 2).reshape(texts * length, -1)

    def _norm(self, states: Tensor, norm: torch.nn.LayerNorm) -> Tensor:
        return F.layer_norm(states, norm.normalized_shape, norm.weight, norm.bias, self._epsilon)


class _Layer:
    def __init__(self, layer: Any) -> None:
        attention = layer.attention.self
        parts = (attention.query, attention.key, attention.value)
        weight, bias = torch.cat([part.weight for part in parts]), torch.cat([part.bias for part in parts])
        self.query_key_value = dense(weight, bias)
        self.attended = dense(layer.attention.output.dense.weight, layer.attention.output.dense.bias)
        self.attended_norm = layer.attention.output.LayerNorm
        self.inner = dense(layer.intermediate.dense.weight, layer.intermediate.dense.bias)
        self.outer = dense(layer.output.dense.weight, layer.output.dense.bias)
        self.outer_norm = layer.output.LayerNorm


def _bias(mask: Tensor, dtype: torch.dtype) -> Tensor:
    """What attention adds to its scores so that padding is never attended to."""
    return torch.zeros(mask.shape, dtype=dtype).masked_fill_(~mask, float("-inf"))[:, None, None, :]
