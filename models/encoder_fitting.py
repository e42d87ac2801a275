"""Fits a sentence-transformers model to a project's codes; beside the readers, all that computes with torch.

Each text is to be nearer to the prototype of its codes than to those of others, each text judged without
itself: the rule by which codes are suggested (prototypical networks: Snell et al. 2017). The prototypes are
made of the newest vector of every text, those of the batch at hand and those last seen (cross-batch memory:
Wang et al. 2020), so that a small batch still learns from all codes.
"""

import hashlib
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from sentence_transformers import SentenceTransformer
from torch import Tensor

from models.code_contrast import CodeContrast
from models.encoder import EncoderIdentity, Vectors
from models.model_folder import WEIGHTS, WEIGHTS_INDEX, CheckedModelFolder, check_model_folder
from models.training_set import TrainingSet
from models.transformer_encoder import default_precision, load_model
from models.word_pieces import TextWindow, WordPieces

EPOCHS, LEAST_EPOCHS = 4, 2
LEARNING_RATE = 1e-4
WARM_UP = 0.1
# The share of the layers, from the words up, that stay as they are: what words mean in any text.
HELD_LAYERS = 1 / 3
_LAYER = re.compile(r"\.layers?\.([0-9]+)\.")
GRADIENT_LIMIT = 1.0
BATCH_TEXTS = 32
# What a batch may hold in memory, some 1.5 GB; of a text with more windows each step reads some, drawn anew.
BATCH_PIECES = 2_048
# Windows whose lengths lie in the same step are computed together.
LENGTH_STEP = 32
# Four fits to more word pieces than this, over all epochs, take longer than five minutes on two cores. Then texts
# are read fewer times, and at last fewer texts.
MOST_PIECES = 120_000
# Of files that describe the base model only, and would be wrong about the fitted one.
_LEFT_OUT = frozenset({".gitattributes", "README.md", "data_config.json"})

Progress = Callable[[float], object]


def fit_encoder(
    base: CheckedModelFolder, training: TrainingSet, *, name: str, seed: int, progress: Progress
) -> "FittedEncoder":
    """The base model, fitted to a training set; the same for the same seed, input and machine.

    The word embeddings and the lowest third of the layers stay as they are: few texts say little about most words.

    Args:
        base: the model to start from.
        training: as many of its texts are read as there is time for, from the beginning.
        name: readable name for the identity.
        seed: of the order of the texts and of what is dropped at random.
        progress: called after each step with the share of the fit that is done, 0 to 1; what it raises ends the
            fit.

    Raises:
        EncoderFailed: a text is no valid Unicode.
        ModelUnavailable: the base model cannot be read window by window.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        fitted = FittedEncoder(base, name)
        _Fit(fitted, training, np.random.default_rng(seed)).run(progress)
    return fitted


class FittedEncoder:
    """A copy of a model whose weights can be changed; once they are, an encoder like any other.

    It is good for trying: its vectors differ in the last bits with what is encoded beside them. Written to a
    folder, the model is loaded as any other is.

    Args:
        base: the model that it is a copy of.
        name: readable name for the identity.
    """

    def __init__(self, base: CheckedModelFolder, name: str) -> None:
        self.model = load_model(base, "fp32")
        self._base = base
        self._name = name
        self._pieces = WordPieces(self.model.tokenizer, self.model.get_max_seq_length())

    @cached_property
    def identity(self) -> EncoderIdentity:
        """Tells these weights from any others; first asked for once they no longer change."""
        digest = hashlib.sha256(self._base.sha256.encode())
        for weights in self.model[0].auto_model.state_dict().values():
            digest.update(weights.contiguous().numpy().tobytes())
        return EncoderIdentity(
            name=self._name, hash=digest.hexdigest(), dimension=self.model.get_embedding_dimension() or 0
        )

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of the texts, shape (number of texts, dimension), float32, in order.

        Raises:
            EncoderFailed: a text is no valid Unicode.
        """
        with torch.inference_mode():
            windows = [self.windows(text) for text in texts]
            vectors = np.zeros((len(texts), self.model.get_embedding_dimension() or 0), dtype=np.float32)
            for batch in batches(range(len(texts)), [pieces_of(own) for own in windows]):
                vectors[batch] = self.vectors([windows[index] for index in batch]).numpy()
        return vectors

    def windows(self, text: str) -> list[TextWindow]:
        """The windows of one text."""
        return self._pieces.windows([text])

    def vectors(self, texts: Sequence[Sequence[TextWindow]]) -> Tensor:
        """Unit vectors of texts, their windows pooled as encoders pool them, shape (texts, dimension)."""
        windows = [window for own in texts for window in own]
        owners = torch.tensor([owner for owner, own in enumerate(texts) for _ in own])
        fresh = torch.tensor([[float(max(window.fresh, 1))] for window in windows])
        vectors = torch.nn.functional.normalize(self._window_vectors(windows), dim=1)
        sums = torch.zeros(len(texts), vectors.shape[1]).index_add(0, owners, fresh * vectors)
        return torch.nn.functional.normalize(sums, dim=1)

    def write(self, target: Path) -> CheckedModelFolder:
        """The base's folder with these weights instead of its own, checked; there must be none at this place."""
        shutil.copytree(self._base.path, target, ignore=_not_copied(self._base))
        weights = {name: tensor.contiguous() for name, tensor in self.model[0].auto_model.state_dict().items()}
        save_file(weights, target / Path(self._base.weights[0]).with_name(WEIGHTS), metadata={"format": "pt"})
        return check_model_folder(target)

    def _window_vectors(self, windows: Sequence[TextWindow]) -> Tensor:
        alike: dict[int, list[int]] = {}
        for index, window in enumerate(windows):
            alike.setdefault(-(-len(window.ids) // LENGTH_STEP), []).append(index)
        parts = [self._computed([windows[index].ids for index in members]) for members in alike.values()]
        order = torch.tensor([index for members in alike.values() for index in members])
        return torch.cat(parts)[torch.argsort(order)]

    def _computed(self, rows: Sequence[Sequence[int]]) -> Tensor:
        length = max(map(len, rows))
        ids = torch.full((len(rows), length), self.model.tokenizer.pad_token_id)
        mask = torch.zeros((len(rows), length), dtype=torch.long)
        for row, pieces in enumerate(rows):
            ids[row, : len(pieces)] = torch.tensor(pieces)
            mask[row, : len(pieces)] = 1
        features = {"input_ids": ids, "attention_mask": mask}
        with torch.autocast("cpu", torch.bfloat16, enabled=default_precision() == "bf16"):
            features |= self.model[0](features)
        features["token_embeddings"] = features["token_embeddings"].float()
        for module in list(self.model)[1:]:
            features = module(features)
        return features["sentence_embedding"]


class _Fit:
    """One fit of one model."""

    def __init__(self, encoder: FittedEncoder, training: TrainingSet, random: np.random.Generator) -> None:
        self._encoder = encoder
        self._random = random
        self._windows = _affordable(encoder, training.texts)
        self._parameters = _fitted_parameters(encoder.model)
        # Fused, because the plain loop over the parameters takes as long as a small batch.
        self._optimizer = torch.optim.AdamW(self._parameters, lr=LEARNING_RATE, fused=True)
        seen = torch.from_numpy(encoder.encode(training.texts[: len(self._windows)]))
        self._contrast = CodeContrast(training.beginning(len(self._windows)), seen)

    def run(self, progress: Progress) -> None:
        """Fits the model, and leaves it set to evaluate."""
        self._encoder.model.train()
        sizes = [min(BATCH_PIECES, pieces_of(windows)) for windows in self._windows]
        epochs = min(EPOCHS, max(LEAST_EPOCHS, MOST_PIECES // sum(sizes)))
        total = epochs * len(sizes)
        read = 0
        for _ in range(epochs):
            for batch in batches(self._random.permutation(len(sizes)).tolist(), sizes):
                self._step(batch, _rate(read / total))
                read += len(batch)
                progress(read / total)
        self._encoder.model.eval()

    def _step(self, batch: Sequence[int], rate: float) -> None:
        for group in self._optimizer.param_groups:
            group["lr"] = rate * LEARNING_RATE
        loss = self._contrast.loss(batch, self._encoder.vectors([self._drawn(index) for index in batch]))
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call] # torch leaves it untyped
        torch.nn.utils.clip_grad_norm_(self._parameters, GRADIENT_LIMIT)
        self._optimizer.step()

    def _drawn(self, index: int) -> list[TextWindow]:
        """The windows of a text, or of a long one as many as a batch holds, drawn anew each time."""
        windows = self._windows[index]
        room = max(1, BATCH_PIECES // max(len(window.ids) for window in windows))
        if len(windows) <= room:
            return windows
        return [windows[at] for at in self._random.permutation(len(windows))[:room].tolist()]


def batches(order: Iterable[int], sizes: Sequence[int]) -> Iterator[list[int]]:
    """Texts in this order, by index, as many together as fit; one that is too large by itself is alone.

    Args:
        order: each text once.
        sizes: word pieces of each text.
    """
    batch: list[int] = []
    pieces = 0
    for index in order:
        if batch and (len(batch) == BATCH_TEXTS or pieces + sizes[index] > BATCH_PIECES):
            yield batch
            batch, pieces = [], 0
        batch.append(index)
        pieces += sizes[index]
    if batch:
        yield batch


def pieces_of(windows: Sequence[TextWindow]) -> int:
    """The word pieces of all windows."""
    return sum(len(window.ids) for window in windows)


def _affordable(encoder: FittedEncoder, texts: Sequence[str]) -> list[list[TextWindow]]:
    """The windows of as many texts, from the beginning, as there is time for; of one at least."""
    affordable: list[list[TextWindow]] = []
    total = 0
    for text in texts:
        windows = encoder.windows(text)
        total += min(BATCH_PIECES, pieces_of(windows))
        if affordable and LEAST_EPOCHS * total > MOST_PIECES:
            break
        affordable.append(windows)
    return affordable


def _fitted_parameters(model: SentenceTransformer) -> list[torch.nn.Parameter]:
    """All but the word embeddings and the lowest layers, which are no longer computed backwards either."""
    layers = model[0].auto_model.config.num_hidden_layers
    held = int(HELD_LAYERS * layers)
    for name, parameter in model.named_parameters():
        layer = _LAYER.search(name)
        is_low = layer is not None and int(layer[1]) < held
        parameter.requires_grad = ".embeddings." not in name and not is_low
    return [parameter for parameter in model.parameters() if parameter.requires_grad]


def _rate(done: float) -> float:
    """The learning rate's share of its height: up within the first tenth of the fit, then down to nothing."""
    return min((done + 0.01) / WARM_UP, (1 - done) / (1 - WARM_UP))


def _not_copied(base: CheckedModelFolder) -> Callable[[str, list[str]], set[str]]:
    left_out = {*_LEFT_OUT, *base.weights, *(str(Path(name).with_name(WEIGHTS_INDEX)) for name in base.weights)}

    def ignored(folder: str, names: list[str]) -> set[str]:
        return {name for name in names if (Path(folder) / name).relative_to(base.path).as_posix() in left_out}

    return ignored
