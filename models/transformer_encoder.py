"""A sentence-transformers model as an encoder: the only module that imports torch."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

# Nothing is fetched from a hub, whatever the environment says; these must stand before the imports.
os.environ.update(
    HF_HUB_OFFLINE="1",
    TRANSFORMERS_OFFLINE="1",
    HF_HUB_DISABLE_TELEMETRY="1",
    DO_NOT_TRACK="1",
    TOKENIZERS_PARALLELISM="false",
)

import numpy as np
import torch
from sentence_transformers import SentenceTransformer

from models.encoder import EncoderIdentity, Vectors, checked_vectors, unit_rows
from models.errors import ModelUnavailable
from models.model_folder import CheckedModelFolder
from models.padded_shapes import PaddedShapes, Shape, candidate_shapes
from models.windows import pool_windows, split_into_windows

Precision = Literal["bf16", "fp32"]

OVERLAP_PIECES = 64
PROBE_PIECES = (5, 16, 29)


@dataclass(frozen=True)
class _Piece:
    """One window of one text: its word pieces with special tokens."""

    owner: int
    ids: list[int]
    fresh: int


class TransformerEncoder:
    """Unit vectors from a sentence-transformers folder that has passed the folder check.

    A text longer than the model reads is read in overlapping windows whose vectors are pooled, so
    nothing is cut. A vector depends on its own text alone, to the bit: texts are computed in a small
    set of padded shapes, and at load those that do not agree on this processor are left out.

    Args:
        folder: the result of :func:`models.model_folder.check_model_folder`.
        name: readable name for the identity.
        precision: arithmetic of the transformer layers; by default bf16 where the processor computes
            in it, else fp32. Pooling is always fp32.

    Raises:
        ModelUnavailable: the folder passed the check and still cannot be loaded.
    """

    def __init__(self, folder: CheckedModelFolder, *, name: str, precision: Precision | None = None) -> None:
        self.precision: Precision = precision or default_precision()
        self._model = _load(folder, self.precision)
        self._prefix, self._suffix = self._special_tokens()
        self._limit = int(self._model.get_max_seq_length() or 512)
        dimension = self._model.get_embedding_dimension()
        if not dimension:
            raise ModelUnavailable("The model does not say how long its vectors are.")
        self.identity = EncoderIdentity(name=name, hash=folder.sha256, dimension=dimension)
        self._shapes = PaddedShapes(self._limit, interchangeable=self._agreeing_shapes())

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors, shape (number of texts, dimension), float32, in order.

        Raises:
            EncoderFailed: a vector is not finite or not of unit length.
        """
        if not texts:
            return np.zeros((0, self.identity.dimension), dtype=np.float32)
        pieces = self._pieces(texts)
        vectors = np.zeros((len(pieces), self.identity.dimension), dtype=np.float32)
        for batch in self._shapes.plan([len(piece.ids) for piece in pieces]):
            members = list(batch.members)
            vectors[members] = self._compute([pieces[index].ids for index in members], batch.shape)
        owners, fresh = [piece.owner for piece in pieces], [piece.fresh for piece in pieces]
        pooled = pool_windows(unit_rows(vectors), owners, fresh, len(texts))
        return checked_vectors(pooled, len(texts), self.identity.dimension)

    def _pieces(self, texts: Sequence[str]) -> list[_Piece]:
        room = self._limit - len(self._prefix) - len(self._suffix)
        tokenized = self._tokenize(texts)
        return [
            _Piece(owner, [*self._prefix, *ids[window.start : window.end], *self._suffix], window.fresh)
            for owner, ids in enumerate(tokenized)
            for window in split_into_windows(len(ids), limit=room, overlap=min(OVERLAP_PIECES, room // 4))
        ]

    def _tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        encoded = self._model.tokenizer(
            list(texts),
            add_special_tokens=False,
            truncation=False,
            padding=False,
            return_attention_mask=False,
            return_token_type_ids=False,
            verbose=False,
        )
        ids: list[list[int]] = encoded["input_ids"]
        return ids

    def _special_tokens(self) -> tuple[list[int], list[int]]:
        """The ids that stand before and after a text, learnt from the tokenizer's own output."""
        (bare,) = self._tokenize(["a"])
        full: list[int] = self._model.tokenizer("a")["input_ids"]
        start = next((at for at in range(len(full)) if bare and full[at : at + len(bare)] == bare), None)
        if start is None:
            raise ModelUnavailable("The model's tokenizer does not keep a text's word pieces together.")
        return full[:start], full[start + len(bare) :]

    def _compute(self, rows: list[list[int]], shape: Shape) -> Vectors:
        ids = np.full((shape.rows, shape.length), self._model.tokenizer.pad_token_id, dtype=np.int64)
        mask = np.zeros((shape.rows, shape.length), dtype=np.int64)
        # A row without any text must still attend to something, or its softmax is 0 / 0.
        mask[:, 0] = 1
        for index, row in enumerate(rows):
            ids[index, : len(row)] = row
            mask[index, : len(row)] = 1
        features: dict[str, Any] = {
            "input_ids": torch.from_numpy(ids),
            "attention_mask": torch.from_numpy(mask),
        }
        with torch.inference_mode():
            for module in self._model:
                features = module(features)
                if "token_embeddings" in features:
                    features["token_embeddings"] = features["token_embeddings"].float()
        embedding: Vectors = features["sentence_embedding"][: len(rows)].float().numpy()
        return embedding

    def _agreeing_shapes(self) -> list[Shape]:
        """The shapes whose vectors of some probe texts are bit-equal to those of the largest shape."""
        room = self._limit - len(self._prefix) - len(self._suffix)
        probe = [
            [*self._prefix, *(self._probe_ids(pieces)), *self._suffix] for pieces in PROBE_PIECES if pieces <= room
        ]
        shapes = candidate_shapes(self._limit)
        reference = self._probe(probe, max(shapes, key=lambda shape: (shape.rows * shape.length, shape)))
        return [shape for shape in shapes if np.array_equal(self._probe(probe, shape), reference)]

    def _probe(self, probe: list[list[int]], shape: Shape) -> Vectors:
        """Vectors of the probe texts, with every row of the shape in use."""
        cycle = [probe[index % len(probe)] for index in range(max(shape.rows, len(probe)))]
        parts = [self._compute(cycle[at : at + shape.rows], shape) for at in range(0, len(cycle), shape.rows)]
        return np.concatenate(parts)[: len(probe)]

    def _probe_ids(self, pieces: int) -> list[int]:
        vocabulary = len(self._model.tokenizer)
        return [int(i) for i in np.linspace(vocabulary // 10, vocabulary - 1, pieces)]


def default_precision() -> Precision:
    """bf16 where the processor multiplies matrices in it (AMX or AVX-512 BF16), else fp32."""
    capabilities = torch.cpu.get_capabilities()
    return "bf16" if capabilities.get("amx_bf16") or capabilities.get("avx512_bf16") else "fp32"


def _load(folder: CheckedModelFolder, precision: Precision) -> SentenceTransformer:
    try:
        with _quiet_loading():
            model = SentenceTransformer(str(folder.path), device="cpu", local_files_only=True, trust_remote_code=False)
    except Exception as error:
        # Whatever a third-party loader raises for a folder, the service must stay up and say so.
        raise ModelUnavailable(f"The model folder could not be loaded ({type(error).__name__}).") from error
    if model.tokenizer is None or model.tokenizer.pad_token_id is None:
        raise ModelUnavailable("The model's tokenizer has no padding token.")
    if precision == "bf16":
        model[0].to(torch.bfloat16)
    return model.eval()


@contextmanager
def _quiet_loading() -> Iterator[None]:
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call] # transformers leaves it untyped
    logging.set_verbosity_error()  # type: ignore[no-untyped-call] # transformers leaves it untyped
    yield
