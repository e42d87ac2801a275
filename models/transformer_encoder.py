"""A sentence-transformers model as an encoder; with its readers and the fitting, all that imports torch."""

import ctypes
import os
import sys
from collections.abc import Sequence
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
from models.errors import ModelsError, ModelUnavailable
from models.model_folder import CheckedModelFolder
from models.window_readers import window_reader
from models.windows import pool_windows
from models.word_pieces import WordPieces

Precision = Literal["bf16", "fp32"]

# Of glibc's malloc.h.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3


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
            self._model = load_model(folder, self.precision)
            self._pieces = WordPieces(self._model.tokenizer, self._model.get_max_seq_length())
            self.identity = EncoderIdentity(name=name, hash=folder.sha256, dimension=self._dimension())
            self._reader = window_reader(self._model, self._pieces.limit)
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
        windows = self._pieces.windows(texts)
        vectors = self._reader.read([window.ids for window in windows])
        owners, fresh = [window.owner for window in windows], [window.fresh for window in windows]
        pooled = pool_windows(unit_rows(vectors), owners, fresh, len(texts))
        return checked_vectors(pooled, len(texts), self.identity.dimension)

    def _dimension(self) -> int:
        dimension: int | None = self._model.get_embedding_dimension()
        if not dimension:
            raise ModelUnavailable("The model does not say how long its vectors are.")
        return dimension


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


def load_model(folder: CheckedModelFolder, precision: Precision) -> SentenceTransformer:
    """The model of a checked folder, its transformer layers in this precision, set to evaluate.

    Raises:
        ModelUnavailable: its tokenizer has no padding token. Third-party code raises errors of its own.
    """
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
