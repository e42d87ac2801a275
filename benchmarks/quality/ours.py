"""The suggester as one more method of the protocol."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from models.encoder import EncoderIdentity, Vectors
from models.reference import Background, CorpusSample, Reference, no_reference, shipped_background
from models.suggester import Example, Suggester
from quality.tasks import Draw, Encode, Flags, Floats, Task

# An analyst's look through what the machine suggests before the figures are taken.
REVIEWED = 300


class KeptEncoder:
    """An encoder that looks texts up where they have been encoded before."""

    def __init__(self, encode: Encode, identity: EncoderIdentity) -> None:
        self._encode = encode
        self.identity = identity

    def encode(self, texts: Sequence[str]) -> Vectors:
        """See TextEncoder."""
        if not texts:
            return np.zeros((0, self.identity.dimension), dtype=np.float32)
        return self._encode(texts)

    @cached_property
    def background(self) -> Background:
        """The everyday talk."""
        return shipped_background(self)


def corpus(task: Task, rows: Sequence[int]) -> Reference:
    """The reference that a file of these segments makes."""
    sample = CorpusSample()
    sample.add([task.texts[row] for row in rows], task.vectors[list(rows)])
    return sample.reference()


def suggester(
    task: Task,
    draw: Draw,
    examples: Sequence[Example],
    encoder: KeptEncoder,
    *,
    with_corpus: bool = True,
    temperature: float = 1.0,
) -> Suggester:
    """Our suggester as `themecoder suggest` makes it for a file of the tested segments."""
    return Suggester(
        task.codebook,
        encoder,
        background=encoder.background,
        reference=corpus(task, draw.tested.tolist()) if with_corpus else no_reference(),
        examples=examples,
        temperature=temperature,
    )


def examples_of(task: Task, rows: Sequence[int]) -> list[Example]:
    """Coded segments as the suggester takes them."""
    return [
        Example(
            text=task.texts[row],
            codes=task.codes[row],
            reference=str(row),
            context=task.contexts[row],
            document=task.documents[row],
        )
        for row in rows
    ]


def judged(suggester: Suggester, task: Task, rows: Sequence[int]) -> tuple[Floats, Flags]:
    """(the scores of the candidates, where it abstains); those above the leaves have the sum of what lies below."""
    chances = suggester.chances([task.texts[row] for row in rows], task.judged[list(rows)])
    leaves = task.codebook.active_leaves
    below = np.array(
        [[code in {step.id for step in task.codebook.path(leaf.id)} for code in task.candidates] for leaf in leaves]
    )
    return chances.codes @ below, suggester.calibration.abstains(chances)


def scores(suggester: Suggester, task: Task, rows: Sequence[int]) -> Floats:
    """The scores of the candidates."""
    return judged(suggester, task, rows)[0]


def wrong_firsts(
    task: Task, draw: Draw, shots: int, examples: Sequence[Example], encoder: KeptEncoder
) -> list[tuple[int, int]]:
    """(segment, candidate) where the first suggestion is wrong, of up to ``REVIEWED`` segments of the learning side.

    None of these segments is an example or tested.
    """
    taken = {*draw.tested.tolist(), *draw.examples(shots).tolist()}
    others = [row for row in range(len(task.texts)) if row not in taken]
    reviewed = np.random.default_rng(draw.seed).permutation(others)[:REVIEWED].tolist()
    if not reviewed:
        return []
    first = scores(suggester(task, draw, examples, encoder), task, reviewed).argmax(axis=1).tolist()
    return [(row, code) for row, code in zip(reviewed, first, strict=True) if not task.labels[row, code]]
