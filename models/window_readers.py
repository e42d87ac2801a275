"""Windows of word pieces -> vectors, each of which depends, to the bit, on its own window alone.

A processor's matrix routines may add up in another order when the amount that is computed together
changes. So windows are computed in a few fixed sizes; and where several sizes serve the same windows, the
reader tries them at load and uses only those that give the same bits.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from torch import Tensor
from transformers import BertModel

from models.batch_plans import FLAT_SIZES, PaddedBatch, plan_flat, plan_padded
from models.encoder import Vectors
from models.flat_bert import FlatBert, lay_out

# Lengths of the windows that tell whether sizes agree.
PROBE_PIECES = (7, 18, 31, 63, 127, 255)

Window = Sequence[int]


class WindowReader(Protocol):
    """Makes the vectors of windows."""

    def read(self, windows: Sequence[Window]) -> Vectors:
        """Vectors as the model gives them, shape (number of windows, dimension), float32, in order."""
        ...


def window_reader(model: SentenceTransformer, limit: int) -> WindowReader:
    """The quickest reader that this model and this processor allow.

    Args:
        model: in the precision in which it is to compute.
        limit: the most word pieces, with special tokens, of a window.
    """
    if isinstance(model[0].auto_model, BertModel) and FlatBert.can_read(model[0].auto_model):
        flat = FlatReader(model, limit)
        if flat.sizes and flat.sizes[-1] >= limit:
            return flat
    return PaddedReader(model, limit)


class FlatReader:
    """Reads windows one after another, without padding: for plain BERT models.

    Args:
        model: one whose first module is a BERT that :class:`FlatBert` can read.
        limit: the most word pieces of a window.

    Attributes:
        sizes: the sizes in use, ascending. Where the processor gives a window other bits in other places of
            a row, there are none, or none that holds the longest window.
    """

    def __init__(self, model: SentenceTransformer, limit: int) -> None:
        self._model = model
        self._bert = FlatBert(model[0].auto_model)
        self.sizes = self._agreeing_sizes([_probe(model, pieces) for pieces in PROBE_PIECES if pieces <= limit])

    def read(self, windows: Sequence[Window]) -> Vectors:
        """Vectors, shape (number of windows, dimension), float32, in order."""
        vectors = np.zeros((len(windows), self._model.get_embedding_dimension()), dtype=np.float32)
        for batch in plan_flat([len(window) for window in windows], self.sizes):
            vectors[list(batch.members)] = self._compute([windows[index] for index in batch.members], batch.size)
        return vectors

    def _compute(self, windows: Sequence[Window], size: int) -> Vectors:
        with torch.inference_mode():
            texts = lay_out(windows, size, self._model.tokenizer.pad_token_id)
            vectors = np.zeros((len(windows), self._model.get_embedding_dimension()), dtype=np.float32)
            for rows, states in zip(texts.padded, self._bert(texts), strict=True):
                vectors[rows.members] = _pooled(self._model, states, rows.mask)
            return vectors

    def _agreeing_sizes(self, probes: Sequence[Window]) -> list[int]:
        alone = [self._compute([probe], FLAT_SIZES[-1])[0] for probe in probes]
        return [size for size in FLAT_SIZES if self._agrees(size, probes, alone)]

    def _agrees(self, size: int, probes: Sequence[Window], alone: Sequence[Vectors]) -> bool:
        """Whether the probes have the same bits as alone, wherever they lie in a row of this size."""
        for first in range(len(probes)):
            turn = [(first + index) % len(probes) for index in range(len(probes))]
            members = _filling(turn, [len(probe) for probe in probes], size)
            vectors = self._compute([probes[index] for index in members], size) if members else ()
            if any(not np.array_equal(vector, alone[index]) for vector, index in zip(vectors, members, strict=True)):
                return False
        return True


def _filling(turn: Sequence[int], lengths: Sequence[int], size: int) -> list[int]:
    """Windows in turn, again and again, as long as one of them still fits: no part of the row is left untried."""
    members: list[int] = []
    room = size
    while fitting := [index for index in turn if lengths[index] <= room]:
        for index in fitting:
            if lengths[index] <= room:
                members.append(index)
                room -= lengths[index]
    return members


class PaddedReader:
    """Reads windows in padded rows: for any model that sentence-transformers loads.

    Each window always gets the one shape of its own length.

    Args:
        model: the model.
        limit: the most word pieces of a window.
    """

    def __init__(self, model: SentenceTransformer, limit: int) -> None:
        self._model = model
        self._limit = limit

    def read(self, windows: Sequence[Window]) -> Vectors:
        """Vectors, shape (number of windows, dimension), float32, in order."""
        vectors = np.zeros((len(windows), self._model.get_embedding_dimension()), dtype=np.float32)
        for batch in plan_padded([len(window) for window in windows], self._limit):
            vectors[list(batch.members)] = self._compute([windows[index] for index in batch.members], batch)
        return vectors

    def _compute(self, windows: Sequence[Window], batch: PaddedBatch) -> Vectors:
        shape = (batch.rows, batch.length)
        ids = np.full(shape, self._model.tokenizer.pad_token_id, dtype=np.int64)
        mask = np.zeros(shape, dtype=np.int64)
        # A row without any window must still attend to something, or its softmax is 0 / 0.
        mask[:, 0] = 1
        for row, window in enumerate(windows):
            ids[row, : len(window)] = window
            mask[row, : len(window)] = 1
        with torch.inference_mode():
            features = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}
            states = self._model[0](features)["token_embeddings"]
            return _pooled(self._model, states, features["attention_mask"])[: len(windows)]


def _pooled(model: SentenceTransformer, states: Tensor, mask: Tensor) -> Vectors:
    """What the modules after the transformer make of its states, in full precision."""
    features: dict[str, Any] = {"token_embeddings": states.float(), "attention_mask": mask.long()}
    for module in list(model)[1:]:
        features = module(features)
    vectors: Vectors = features["sentence_embedding"].float().numpy()
    return vectors


def _probe(model: SentenceTransformer, pieces: int) -> list[int]:
    vocabulary = len(model.tokenizer)
    return [int(word) for word in np.linspace(vocabulary // 10, vocabulary - 1, pieces)]
