"""A sentence-transformers model as an encoder; with the readers below it, all that imports torch."""

import ctypes
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

# Nothing is fetched from a hub, whatever the environment says; these must stand before the imports.
os.environ.update(
    HF_HUB_OFFLINE="1",
    TRANSFORMERS_OFFLINE="1",
    HF_HUB_DISABLE_TELEMETRY="1",
    DO_NOT_TRACK="1",
)
# OpenMP's threads wait by spinning, by default so long that another busy process on the same cores makes each
# step wait for a time slice. This is long enough for the gap between two steps, and no longer.
os.environ.setdefault("GOMP_SPINCOUNT", "20000")

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from transformers.utils import logging as transformers_logging

from models.encoder import EncoderIdentity, Vectors, checked_vectors, unit_rows
from models.errors import EncoderFailed, ModelsError, ModelUnavailable
from models.model_folder import CheckedModelFolder
from models.window_readers import window_reader
from models.windows import pool_windows, split_into_windows

Precision = Literal["bf16", "fp32"]

# Attention takes memory with the square of the length: a model that reads more still gets windows of this size.
MOST_PIECES = 512
# Of glibc's malloc.h.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
OVERLAP_PIECES = 64


@dataclass(frozen=True)
class _Piece:
    """One window of one text: its word pieces with special tokens."""

    owner: int
    ids: list[int]
    fresh: int


class TransformerEncoder:
    """Unit vectors from a sentence-transformers folder that has passed the folder check.

    A text longer than the model reads is read in overlapping windows whose vectors are pooled, so
    nothing is cut. A vector depends on its own text alone, to the bit (see ``models.window_readers``).

    Args:
        folder: the result of :func:`models.model_folder.check_model_folder`.
        name: readable name for the identity.
        precision: arithmetic of the transformer layers; by default bf16 where the processor computes
            in it, else fp32. Pooling is always fp32.

    Raises:
        ModelUnavailable: the folder passed the check and still cannot be loaded.
    """

    def __init__(self, folder: CheckedModelFolder, *, name: str, precision: Precision | None = None) -> None:
        _keep_freed_memory()
        self.precision: Precision = precision or default_precision()
        try:
            self._model = _load(folder, self.precision)
            self._prefix, self._suffix = self._special_tokens()
            self._limit = min(int(self._model.get_max_seq_length() or MOST_PIECES), MOST_PIECES)
            self.identity = EncoderIdentity(name=name, hash=folder.sha256, dimension=self._dimension())
            self._reader = window_reader(self._model, self._limit)
        except ModelsError:
            raise
        except Exception as error:
            # Whatever third-party code raises for a folder, the service must stay up and say so.
            raise ModelUnavailable(f"The model folder could not be loaded ({type(error).__name__}).") from error

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors, shape (number of texts, dimension), float32, in order.

        Raises:
            EncoderFailed: a text is no valid Unicode, or a vector is not finite or not of unit length.
        """
        if not texts:
            return np.zeros((0, self.identity.dimension), dtype=np.float32)
        pieces = self._pieces(texts)
        vectors = self._reader.read([piece.ids for piece in pieces])
        owners, fresh = [piece.owner for piece in pieces], [piece.fresh for piece in pieces]
        pooled = pool_windows(unit_rows(vectors), owners, fresh, len(texts))
        return checked_vectors(pooled, len(texts), self.identity.dimension)

    def _pieces(self, texts: Sequence[str]) -> list[_Piece]:
        overlap = min(OVERLAP_PIECES, self._room // 4)
        return [
            _Piece(owner, self._framed(ids[window.start : window.end]), window.fresh)
            for owner, ids in enumerate(self._tokenize(texts))
            for window in split_into_windows(len(ids), limit=self._room, overlap=overlap)
        ]

    @property
    def _room(self) -> int:
        """The most word pieces of a text that one window holds."""
        return self._limit - len(self._prefix) - len(self._suffix)

    def _framed(self, ids: list[int]) -> list[int]:
        return [*self._prefix, *ids, *self._suffix]

    def _dimension(self) -> int:
        dimension: int | None = self._model.get_embedding_dimension()
        if not dimension:
            raise ModelUnavailable("The model does not say how long its vectors are.")
        return dimension

    def _tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        try:
            encoded = self._model.tokenizer(
                list(texts),
                add_special_tokens=False,
                truncation=False,
                padding=False,
                return_attention_mask=False,
                return_token_type_ids=False,
                verbose=False,
            )
        except (TypeError, UnicodeError):
            raise EncoderFailed("A text is not valid Unicode.") from None
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


def _keep_freed_memory() -> None:
    """Has glibc keep the buffers that are freed between two batches.

    By default it gives large ones back to the system at once, and the page faults of the next batch cost
    a quarter of the throughput. Other C libraries have no such call and need none.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, 32 * 1024 * 1024)
        mallopt(M_TRIM_THRESHOLD, 512 * 1024 * 1024)


def default_precision() -> Precision:
    """bf16 where the processor multiplies matrices in it (AMX or AVX-512 BF16), else fp32."""
    capabilities = torch.cpu.get_capabilities()
    return "bf16" if capabilities.get("amx_bf16") or capabilities.get("avx512_bf16") else "fp32"


def _load(folder: CheckedModelFolder, precision: Precision) -> SentenceTransformer:
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call] # transformers leaves it untyped
    # What it has to say goes the way of all log records, and not past the handlers of the program.
    transformers_logging.disable_default_handler()
    transformers_logging.enable_propagation()
    model = SentenceTransformer(str(folder.path), device="cpu", local_files_only=True, trust_remote_code=False)
    if model.tokenizer is None or model.tokenizer.pad_token_id is None:
        raise ModelUnavailable("The model's tokenizer has no padding token.")
    if precision == "bf16":
        model[0].to(torch.bfloat16)
    return model.eval()
