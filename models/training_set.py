"""What an encoder is fitted to: the codes' own words, and what people have said of examples."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from models.calibration import Flags
from models.codebook import Code, Codebook
from models.errors import ExampleNotAccepted
from models.example_bank import Example
from models.word_features import has_words

# Learning from more than this takes longer than anybody waits.
MOST_TEXTS = 2_000


@dataclass(frozen=True, kw_only=True)
class JudgedText:
    """A text, and what people have said of it; no code is both accepted and rejected.

    Attributes:
        document: where it stands, if that is known; of several the first by name.
    """

    text: str
    accepted: frozenset[str]
    rejected: frozenset[str]
    document: str | None = None


@dataclass(frozen=True, kw_only=True)
class TrainingSet:
    """Texts and what people, or the codebook itself, say of them.

    Attributes:
        texts: glossary spelt out, no two equal; first the words of the codes, then the examples.
        own_words: how many of the texts, at the beginning, are words of the codes.
        accepted: which codes apply, shape (texts, codes); the leaves are the first of the codes.
        rejected: which codes were rejected, same shape; never one that is accepted.
        below: which leaves make up a code, a leaf itself, shape (codes, leaves).
    """

    texts: tuple[str, ...]
    own_words: int
    accepted: Flags
    rejected: Flags
    below: Flags

    def beginning(self, count: int) -> "TrainingSet":
        """The same with only the first so many texts."""
        return TrainingSet(
            texts=self.texts[:count],
            own_words=min(self.own_words, count),
            accepted=self.accepted[:count],
            rejected=self.rejected[:count],
            below=self.below,
        )


def judged_texts(codebook: Codebook, examples: Sequence[Example], seed: int = 0) -> list[JudgedText]:
    """What can be learnt from examples, at most ``MOST_TEXTS``, so that every beginning is balanced.

    One text for each code in turn, then another one for each, and so on; a text counts for the rarest of its
    codes, and chance decides within a code. A text that stands several times has what is said of any of them.
    Codes that are not active, and codes both accepted and rejected for a text, teach nothing.

    Args:
        codebook: the tree.
        examples: in any order, which makes no difference.
        seed: of the chance.

    Raises:
        ExampleNotAccepted: an example names a code that is not in the codebook.
    """
    judged = _merged(codebook, examples)
    uses = Counter(code for one in judged for code in one.accepted)
    queues: dict[str, list[JudgedText]] = {}
    for index in np.random.default_rng(seed).permutation(len(judged)).tolist():
        rarest = min(judged[index].accepted, key=lambda code: (uses[code], code), default="")
        queues.setdefault(rarest, []).append(judged[index])
    return list(_in_turn(queues))[:MOST_TEXTS]


def training_set(codebook: Codebook, judged: Sequence[JudgedText]) -> TrainingSet:
    """The words of the active leaves, and the judged texts in their order."""
    leaves = codebook.active_leaves
    codes = _active(codebook)
    own_words = _own_words(codebook, leaves)
    accepted: dict[str, set[str]] = {text: set(ids) for text, ids in own_words.items()}
    rejected: dict[str, set[str]] = {text: set() for text in own_words}
    for one in judged:
        text = codebook.spell_out(one.text)
        accepted.setdefault(text, set()).update(one.accepted)
        rejected.setdefault(text, set()).update(one.rejected)
    yes, no = _flags(accepted.values(), codes), _flags(rejected.values(), codes)
    return TrainingSet(
        texts=tuple(accepted),
        own_words=len(own_words),
        accepted=yes & ~no,
        rejected=no & ~yes,
        below=_flags(({code.id for code in codebook.path(leaf.id)} for leaf in leaves), codes).T,
    )


def _merged(codebook: Codebook, examples: Sequence[Example]) -> list[JudgedText]:
    active = frozenset(_active(codebook))
    known: dict[str, tuple[set[str], set[str], set[str]]] = {}
    for index, example in enumerate(examples):
        if any(code not in codebook for code in (*example.codes, *example.rejected)):
            raise ExampleNotAccepted(
                "The example names a code that is not in the codebook.", places=(f"examples[{index}].codes",)
            )
        yes, no, documents = known.setdefault(example.text, (set(), set(), set()))
        yes.update(active.intersection(example.codes))
        no.update(active.intersection(example.rejected))
        if example.document is not None:
            documents.add(example.document)
    return [
        JudgedText(
            text=text,
            accepted=frozenset(yes - no),
            rejected=frozenset(no - yes),
            document=min(documents, default=None),
        )
        for text, (yes, no, documents) in sorted(known.items())
        if has_words(text) and yes != no
    ]


def _active(codebook: Codebook) -> list[str]:
    """The active leaves, then all codes above them, by id."""
    leaves = codebook.active_leaves
    above = (code.id for leaf in leaves for code in codebook.path(leaf.id)[:-1])
    return [*(leaf.id for leaf in leaves), *dict.fromkeys(above)]


def _in_turn(queues: Mapping[str, Sequence[JudgedText]]) -> Iterator[JudgedText]:
    for turn in range(max(map(len, queues.values()), default=0)):
        for code in sorted(queues):
            yield from queues[code][turn : turn + 1]


def _own_words(codebook: Codebook, leaves: Sequence[Code]) -> dict[str, set[str]]:
    """Each leaf's path of names and its definition, with the leaves whose words they are."""
    words: dict[str, set[str]] = {}
    for leaf in leaves:
        path = " > ".join(code.name for code in codebook.path(leaf.id))
        for text in (path, leaf.description if has_words(leaf.description) else leaf.name):
            words.setdefault(codebook.spell_out(text), set()).add(leaf.id)
    return words


def _flags(rows: Collection[set[str]] | Iterator[set[str]], codes: Sequence[str]) -> Flags:
    columns = {code: column for column, code in enumerate(codes)}
    listed = list(rows)
    flags: Flags = np.zeros((len(listed), len(codes)), dtype=bool)
    for row, ids in enumerate(listed):
        flags[row, [columns[code] for code in ids]] = True
    return flags
