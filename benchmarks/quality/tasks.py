"""The tasks of the quality protocol: coded sets, their candidate codes, and the draws of examples."""

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from models.codebook import Codebook, codebook_from_json
from models.context import NO_CONTEXT, Context, follows, in_context
from models.encoder import Vectors

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]
Split = Literal["document", "random", "own", "none"]
Encode = Callable[[Sequence[str]], Vectors]

POOL = 16
MAX_TESTED = 1_000
# A code must have been used this often to be a candidate.
LEAST_USES = 3
# Sets whose files are in the order of what was said; that of pdpilot is sorted by code.
IN_READING_ORDER = ("swj_usability",)


@dataclass(frozen=True, kw_only=True)
class Task:
    """Segments that carry a candidate code, as one method after the other sees them.

    Attributes:
        codebook: what our suggester is given; the candidates are among its codes.
        candidates: ids of the codes to choose from.
        labels: which candidate applies, shape (segments, candidates).
        contexts: what was said around each segment; see :func:`with_contexts`.
        codes: the codes of each segment as examples carry them.
        is_single: whether each segment has one code by design.
        split: how examples are kept apart from what is tested.
        is_learning: with its own split, which segments may be examples.
        vectors: the encoder's, of the texts alone, shape (segments, dimension).
    """

    name: str
    codebook: Codebook
    candidates: tuple[str, ...]
    ids: tuple[str, ...]
    texts: tuple[str, ...]
    contexts: tuple[Context, ...]
    documents: tuple[str, ...]
    labels: Flags
    codes: tuple[tuple[str, ...], ...]
    is_single: bool
    split: Split
    is_learning: Flags
    vectors: Vectors

    @cached_property
    def judged(self) -> Vectors:
        """The vectors of the segments in their contexts, shape (segments, dimension)."""
        return in_context(self.vectors, self.contexts, dict(zip(self.texts, self.vectors, strict=True)))

    @property
    def names(self) -> list[str]:
        """Each candidate's name."""
        return [self.codebook[code].name for code in self.candidates]

    @property
    def definitions(self) -> list[str]:
        """Each candidate's path of names and definition as one text."""
        paths = [", ".join(step.name for step in self.codebook.path(code)) for code in self.candidates]
        texts = [self.codebook[code].description for code in self.candidates]
        return [f"{path}. {text}" if text else path for path, text in zip(paths, texts, strict=True)]


@dataclass(frozen=True, kw_only=True)
class Draw:
    """One split of a task.

    Attributes:
        seed: which draw.
        pools: for each candidate the rows that may be its examples, in the order in which they are taken.
        tested: the rows that are tested.
    """

    seed: int
    pools: tuple[Rows, ...]
    tested: Rows

    def taken(self, shots: int) -> list[Rows]:
        """For each candidate its examples when there are so many for each."""
        return [pool[:shots] for pool in self.pools]

    def examples(self, shots: int) -> Rows:
        """All examples, each once."""
        taken = self.taken(shots)
        return np.unique(np.concatenate(taken)) if taken else np.zeros(0, dtype=np.int64)


def draw(task: Task, seed: int) -> Draw:
    """The split with this number."""
    random = np.random.default_rng(seed)
    carriers = [random.permutation(np.flatnonzero(task.labels[:, column])) for column in range(len(task.candidates))]
    if task.split == "document":
        documents = random.permutation(sorted(set(task.documents)))
        learning = np.isin(task.documents, documents[: len(documents) // 2])
    elif task.split == "own":
        learning = task.is_learning
    else:
        halves = [carrier[: min(POOL, len(carrier) // 2)] for carrier in carriers]
        learning = np.isin(np.arange(len(task.texts)), np.concatenate(halves))
        carriers = halves
    pools = tuple(carrier[learning[carrier]][:POOL] for carrier in carriers)
    tested = random.permutation(np.flatnonzero(~learning))[:MAX_TESTED]
    return Draw(seed=seed, pools=pools, tested=tested)


def whole(task: Task, seed: int) -> Draw:
    """What is tested without examples: all segments, or the own test part; at most ``MAX_TESTED``."""
    rows = np.flatnonzero(~task.is_learning) if task.split == "own" else np.arange(len(task.texts))
    random = np.random.default_rng(seed)
    return Draw(
        seed=seed,
        pools=tuple(np.zeros(0, dtype=np.int64) for _ in task.candidates),
        tested=random.permutation(rows)[:MAX_TESTED],
    )


NAMES = ("upsides", "pdpilot-themes", "pdpilot-leaves", "swj_usability", "sad", "banking77", "clinc150")


def load_task(folder: Path, name: str, encode: Encode) -> Task:
    """A task of the evaluation data by its name.

    Args:
        folder: where the sets are.
        name: one of ``NAMES``, or ``pdpilot-rolled-up``: the themes, from examples of the leaves.
        encode: gives the vectors of texts.
    """
    set_name = name.split("-")[0]
    document = json.loads((folder / set_name / "codebook.json").read_text(encoding="utf-8"))
    rows = [json.loads(line) for line in (folder / set_name / "segments.jsonl").open(encoding="utf-8")]
    rows = [row for row in rows if row.get("evaluate", True) and (set_name != "sad" or row["coder"] == "majority-of-5")]
    rows = [row for row in rows if row.get("split") != "val"]
    if set_name == "upsides":
        document["glossary"] = {"PSW": "peer support worker", "MHW": "mental health worker"}
    codebook = codebook_from_json(document)
    carried = [tuple(row["codes"]) for row in rows]
    if name == "pdpilot-themes":
        carried = [_rolled_up(codebook, codes) for codes in carried]
        document["codes"] = [code for code in document["codes"] if code["parent"] is None]
        codebook = codebook_from_json(document)
        candidates = tuple(code.id for code in codebook.codes)
    elif name == "pdpilot-rolled-up":
        candidates = tuple(code.id for code in codebook.codes if code.parent is None)
    elif name == "pdpilot-leaves":
        codebook = _cut(document, carried)
        candidates = tuple(leaf.id for leaf in codebook.leaves)
    else:
        candidates = tuple(leaf.id for leaf in codebook.leaves)
    return _task(name, rows, carried, codebook, candidates, encode, is_single=bool(document.get("single_label")))


def _task(
    name: str,
    rows: Sequence[dict[str, Any]],
    carried: Sequence[tuple[str, ...]],
    codebook: Codebook,
    candidates: tuple[str, ...],
    encode: Encode,
    *,
    is_single: bool,
) -> Task:
    columns = {code: column for column, code in enumerate(candidates)}
    labels = np.zeros((len(rows), len(candidates)), dtype=bool)
    for row, codes in enumerate(carried):
        for code in codes:
            for step in codebook.path(code) if code in codebook else ():
                if step.id in columns:
                    labels[row, columns[step.id]] = True
    kept = np.flatnonzero(labels.any(axis=1)).tolist()
    texts = tuple(rows[row]["text"] for row in kept)
    splits: dict[str, Split] = {
        "upsides": "none", "pdpilot-themes": "document", "pdpilot-rolled-up": "document", "swj_usability": "document",
        "banking77": "own", "clinc150": "own",
    }  # fmt: skip
    return Task(
        name=name,
        codebook=codebook,
        candidates=candidates,
        ids=tuple(str(rows[row].get("id", row)) for row in kept),
        texts=texts,
        contexts=(NO_CONTEXT,) * len(texts),
        documents=tuple(rows[row]["document"] for row in kept),
        labels=labels[kept],
        codes=tuple(tuple(code for code in carried[row] if code in codebook) for row in kept),
        is_single=is_single,
        split=splits.get(name, "random"),
        is_learning=np.array([rows[row].get("split") == "train" for row in kept]),
        vectors=encode([codebook.spell_out(text) for text in texts]),
    )


def with_contexts(task: Task, *, by_number: bool) -> Task:
    """The task with the coded segments beside each as its context.

    Args:
        task: in reading order.
        by_number: only where the numbers in their ids say that nothing lies between, as with paragraphs; else all
            that stand one after the other in a document, whatever was said between and not coded.
    """
    numbers = [int(re.findall(r"[0-9]+", one)[-1]) for one in task.ids]

    def beside(row: int, other: int) -> str | None:
        if not 0 <= other < len(task.texts) or task.documents[row] != task.documents[other]:
            return None
        earlier, later = sorted((row, other))
        return task.texts[other] if not by_number or follows(numbers[earlier], numbers[later]) else None

    rows = range(len(task.texts))
    return replace(task, contexts=tuple(Context(beside(row, row - 1), beside(row, row + 1)) for row in rows))


def _rolled_up(codebook: Codebook, codes: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(codebook.path(code)[0].id for code in codes))


def _cut(document: dict[str, Any], carried: Sequence[tuple[str, ...]]) -> Codebook:
    """The codebook without the leaves that are used too seldom to be tested."""
    whole = codebook_from_json(document)
    uses = Counter(code for codes in carried for code in set(codes))
    used = [leaf.id for leaf in whole.leaves if uses[leaf.id] >= LEAST_USES]
    kept = {step.id for code in used for step in whole.path(code)}
    return codebook_from_json({**document, "codes": [row for row in document["codes"] if row["id"] in kept]})
