"""Whether the suggester knows what no code applies to, and what examples of "no code applies" teach it.

    python benchmarks/bench_abstention.py [--draws 5] [--cache FOLDER]

Needs THEMECODER_EVALDATA. Segments that carry a code against those that carry none (clinc150: out of scope; sad: a
stressor of another kind), told apart by the chance that no code applies, and by the score of the first suggestion;
AUROC, beside the best cosine of the prototype baseline (of the names, without examples). "Kept": the shares of both
for which something is suggested by default. Vectors are kept in the cache folder.
"""

import json
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
from quality.baselines import prototype
from quality.command import evaluation_data, kept_encoder, parser
from quality.ours import KeptEncoder, examples_of, suggester
from quality.tasks import Draw, Floats, Rows, Task, draw, load_task, whole
from sklearn.metrics import roc_auc_score

from models.encoder import Vectors
from models.suggester import Example

SHOTS = (0, 8)
NONE_EXAMPLES = (0, 16, 64)


def uncoded(folder: Path, name: str) -> list[dict[str, str]]:
    """The rows of a set that carry no code."""
    rows = [json.loads(line) for line in (folder / name / "segments.jsonl").open(encoding="utf-8")]
    return [row for row in rows if not row["codes"] and (name != "sad" or row["coder"] == "majority-of-5")]


def parts(rows: list[dict[str, str]], seed: int) -> tuple[Rows, Rows]:
    """Which uncoded rows may be examples, and which are tested: their own split, or halves at random."""
    mixed = np.random.default_rng(seed).permutation(len(rows))
    splits = np.array([rows[row].get("split", "") for row in mixed])
    if splits[0]:
        return mixed[splits == "train"], mixed[splits == "test"]
    return mixed[: len(rows) // 2], mixed[len(rows) // 2 :]


def baseline(task: Task, split: Draw, shots: int, encoder: KeptEncoder, vectors: Vectors) -> Floats:
    """The best cosine of each vector to a prototype, or without examples to a name."""
    if not shots:
        best: Floats = (vectors.astype(np.float64) @ encoder.encode(task.names).T).max(axis=1)
        return best
    stand_in = replace(task, vectors=np.concatenate([task.vectors, vectors]))
    tested = Draw(seed=split.seed, pools=split.pools, tested=np.arange(len(task.vectors), len(stand_in.vectors)))
    nearest: Floats = prototype(stand_in, tested, shots, encoder.encode(task.definitions)).max(axis=1)
    return nearest


def report(folder: Path, name: str, draws: int, encoder: KeptEncoder) -> None:
    """Prints the lines of one set."""
    task, rows = load_task(folder, name, encoder.encode), uncoded(folder, name)
    texts = [row["text"] for row in rows]
    for shots in SHOTS:
        found: dict[str, list[list[float]]] = defaultdict(list)
        for seed in range(draws):
            split = draw(task, seed) if shots else whole(task, seed)
            learnt, tested = parts(rows, seed)
            shown = [task.texts[row] for row in split.tested] + [texts[row] for row in tested]
            vectors = encoder.encode(shown)
            has_code = np.arange(len(shown)) < len(split.tested)
            found["baseline"].append([roc_auc_score(has_code, baseline(task, split, shots, encoder, vectors))])
            examples = examples_of(task, split.examples(shots).tolist())
            for count in NONE_EXAMPLES:
                of_none = [Example(text=texts[row], codes=()) for row in learnt[:count]]
                ours = suggester(task, split, [*examples, *of_none], encoder)
                chances = ours.chances(shown, vectors)
                kept = ~ours.calibration.abstains(chances)
                by_any = roc_auc_score(has_code, -chances.none)
                by_first = roc_auc_score(has_code, chances.codes.max(axis=1))
                found[f"{count} of none"].append([by_any, by_first, kept[has_code].mean(), kept[~has_code].mean()])
        for line, figures in found.items():
            mean = np.mean(figures, axis=0)
            text = f"AUROC {mean[0]:.3f}"
            if len(mean) > 1:
                text += (
                    f", by the first suggestion {mean[1]:.3f}; kept {mean[2]:.2f} with a code, {mean[3]:.2f} without"
                )
            print(f"{name} {shots} examples of each code, {line}: {text}", flush=True)


def main() -> None:
    """Prints the figures of both sets."""
    options_of = parser(__doc__)
    options_of.add_argument("--draws", type=int, default=5)
    options = options_of.parse_args()
    folder = evaluation_data("abstention")
    encoder = kept_encoder(options.cache)
    for name in ("clinc150", "sad"):
        report(folder, name, options.draws, encoder)


if __name__ == "__main__":
    main()
