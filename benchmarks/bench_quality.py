"""Suggestion quality on human-coded data, beside the plain prototype, in one run.

Needs THEMECODER_EVALDATA. Zero-shot: the suggester on all segments of a set that carry a candidate code,
as `themecoder suggest` reads a file (its own reference statistics from 100 texts on). Eight examples:
splits drawn at random, by document where there are many documents; both methods on the same draws.

The prototype: unit mean of a code's examples and, with the weight of two examples, its path of names and
definition as one text. hit@1 / hit@3: a right code is first / among the first three.
"""

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from models.codebook import Codebook, codebook_from_json
from models.encoder import Vectors, unit_rows
from models.reference import CorpusSample, Reference
from models.suggester import Example, Suggester, encode_segments
from service.encoders import Encoders, LoadedModel
from service.settings import Settings

SETS = ("upsides", "pdpilot", "swj_usability", "sad", "banking77")
BY_DOCUMENT = ("swj_usability",)
LEAST_USES = {"pdpilot": 3}
POOL = 16
MAX_TESTED = 1_000
Hits = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class CodedSet:
    """The segments of one set that carry a candidate code, with their vectors."""

    name: str
    codebook: Codebook
    texts: list[str]
    codes: list[tuple[str, ...]]
    documents: list[str]
    vectors: Vectors


def load_set(folder: Path, name: str, model: LoadedModel) -> CodedSet:
    """One set of the evaluation data, its codebook cut to the candidate codes and those above them."""
    rows = [json.loads(line) for line in (folder / name / "segments.jsonl").open(encoding="utf-8")]
    rows = [row for row in rows if row.get("evaluate", True) and row.get("split", "test") == "test"]
    rows = [row for row in rows if row.get("coder") in (None, "majority-of-5") or name != "sad"]
    codebook = _cut(json.loads((folder / name / "codebook.json").read_text(encoding="utf-8")), rows, name)
    leaves = {leaf.id for leaf in codebook.active_leaves}
    rows = [row for row in rows if leaves & set(row["codes"])]
    texts = [row["text"] for row in rows]
    return CodedSet(
        name=name,
        codebook=codebook,
        texts=texts,
        codes=[tuple(code for code in row["codes"] if code in leaves) for row in rows],
        documents=[row["document"] for row in rows],
        vectors=encode_segments(codebook, model.encoder, texts),
    )


def _cut(document: dict, rows: Sequence[dict], name: str) -> Codebook:  # type: ignore[type-arg] # JSON
    """The codebook without the codes that are used too seldom to be tested."""
    codebook = codebook_from_json(document)
    if name == "upsides":
        return codebook_from_json(
            {**document, "glossary": {"PSW": "peer support worker", "MHW": "mental health worker"}}
        )
    if name not in LEAST_USES:
        return codebook
    uses = Counter(code for row in rows for code in set(row["codes"]))
    used = {code_id for code_id, count in uses.items() if count >= LEAST_USES[name]}
    kept_ids = {code.id for code_id in used for code in codebook.path(code_id)}
    return codebook_from_json({**document, "codes": [row for row in document["codes"] if row["id"] in kept_ids]})


def corpus(coded: CodedSet, rows: Sequence[int]) -> Reference:
    """The reference that a file of these segments makes."""
    sample = CorpusSample()
    sample.add([coded.codebook.spell_out(coded.texts[row]) for row in rows], coded.vectors[list(rows)])
    return sample.reference()


def suggester_hits(coded: CodedSet, model: LoadedModel, tested: Sequence[int], examples: Sequence[int]) -> Hits:
    """Our suggester."""
    suggester = Suggester(
        coded.codebook,
        model.encoder,
        background=model.background,
        reference=corpus(coded, tested),
        examples=[Example(text=coded.texts[row], codes=coded.codes[row]) for row in examples],
    )
    texts = [coded.texts[row] for row in tested]
    results = suggester.suggest_encoded(texts, coded.vectors[list(tested)], top_k=3, min_score=0)
    ranked = [[suggestion.code for suggestion in result.suggestions] for result in results]
    return _hits(ranked, [coded.codes[row] for row in tested])


def prototype_hits(coded: CodedSet, model: LoadedModel, tested: Sequence[int], pools: dict[str, list[int]]) -> Hits:
    """The plain prototype."""
    leaves = coded.codebook.active_leaves
    paths = [", ".join(code.name for code in coded.codebook.path(leaf.id)) for leaf in leaves]
    own = [f"{path}. {leaf.description}" for path, leaf in zip(paths, leaves, strict=True)]
    words = encode_segments(coded.codebook, model.encoder, own)
    sums = np.stack([coded.vectors[pools[leaf.id]].sum(axis=0) for leaf in leaves])
    similarities = coded.vectors[list(tested)] @ unit_rows(sums + 2 * words).T
    order = np.argsort(-similarities, axis=1, kind="stable")[:, :3]
    return _hits([[leaves[column].id for column in row] for row in order], [coded.codes[row] for row in tested])


def _hits(ranked: Sequence[Sequence[str]], right: Sequence[Sequence[str]]) -> Hits:
    pairs = list(zip(ranked, right, strict=True))
    first = np.mean([codes[0] in own for codes, own in pairs])
    three = np.mean([any(code in own for code in codes) for codes, own in pairs])
    return float(first), float(three)


def draw(coded: CodedSet, seed: int, shots: int) -> tuple[dict[str, list[int]], list[int]]:
    """(rows that are examples of each leaf, rows that are tested), with nothing in both."""
    random = np.random.default_rng(seed)
    carriers = _carriers(coded)
    if coded.name in BY_DOCUMENT:
        documents = random.permutation(sorted(set(coded.documents)))
        learning = set(documents[: len(documents) // 2])
        rows = range(len(coded.texts))
        tested = [row for row in rows if coded.documents[row] not in learning]
        pools = {
            code: [int(row) for row in random.permutation(own) if coded.documents[row] in learning]
            for code, own in carriers.items()
        }
    else:
        pools = {code: [int(row) for row in random.permutation(own)[: _half(own)]] for code, own in carriers.items()}
        pooled = {row for pool in pools.values() for row in pool}
        tested = [row for row in range(len(coded.texts)) if row not in pooled]
    tested = [int(row) for row in random.permutation(tested)[:MAX_TESTED]]
    return {code: pool[:shots] for code, pool in pools.items()}, tested


def _half(own: npt.NDArray[np.int64]) -> int:
    return min(POOL, len(own) // 2)


def _carriers(coded: CodedSet) -> dict[str, npt.NDArray[np.int64]]:
    return {
        leaf.id: np.array([row for row, codes in enumerate(coded.codes) if leaf.id in codes], dtype=np.int64)
        for leaf in coded.codebook.active_leaves
    }


def report(coded: CodedSet, model: LoadedModel, draws: int, shots: int) -> None:
    """Prints the lines of one set."""
    everything = range(len(coded.texts))
    print(f"{coded.name}: {len(coded.texts)} segments, {len(coded.codebook.active_leaves)} leaves")
    first, three = suggester_hits(coded, model, everything, ())
    print(f"  0 examples  suggester {first:.3f} / {three:.3f}")
    if coded.name == "upsides":
        return
    ours, theirs = [], []
    for seed in range(draws):
        pools, tested = draw(coded, seed, shots)
        examples = sorted({row for pool in pools.values() for row in pool})
        theirs.append(prototype_hits(coded, model, tested, pools))
        ours.append(suggester_hits(coded, model, tested, examples))
    for name, hits in (("suggester", ours), ("prototype", theirs)):
        mean, spread = np.mean(hits, axis=0), np.std([first for first, _ in hits])
        print(f"  {shots} examples  {name} {mean[0]:.3f} / {mean[1]:.3f} (± {spread:.3f} over {draws} draws)")
    first, three = np.mean(np.subtract(ours, theirs), axis=0)
    print(f"  paired difference {first:+.3f} / {three:+.3f}")


def main() -> int:
    """Prints the figures of the sets named, by default all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", default=SETS)
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--shots", type=int, default=8)
    options = parser.parse_args()
    folder = os.environ.get("THEMECODER_EVALDATA")
    if folder is None:
        print("THEMECODER_EVALDATA is not set: no figures on suggestion quality")
        return 0
    model = Encoders(Settings()).load()
    for name in options.sets:
        report(load_set(Path(folder), name, model), model, options.draws, options.shots)
    return 0


if __name__ == "__main__":
    sys.exit(main())
