"""Encoding: throughput beside SentenceTransformer.encode with its defaults, and nearness of bf16 to fp32.

Texts are mixes of 5 to 250 words from the shipped everyday talk. Both encoders take turns over the same
texts, so that other load on the machine meets both. Ours reads texts of more than 256 word pieces whole;
the reference cuts them.
"""

import json
import random
import statistics
import time
from collections.abc import Callable, Sequence
from importlib import resources

import numpy as np

from models.codebook import built_in_codebook
from models.encoder import TextEncoder, Vectors
from models.reference import no_reference, shipped_background
from models.suggester import Suggester
from models.transformer_encoder import TransformerEncoder
from service.encoders import Encoders
from service.settings import BUNDLED_MODEL, Settings

TEXTS = 400
ROUNDS = 5


def mixed_texts(count: int, *, longest: int, seed: int = 7) -> list[str]:
    """Invented texts of 5 to ``longest`` words."""
    source = resources.files("models") / "reference" / "everyday_talk.json"
    words = " ".join(json.loads(source.read_text(encoding="utf-8"))["texts"]).split()
    draw = random.Random(seed)
    texts = []
    for _ in range(count):
        length = draw.randint(5, longest)
        start = draw.randrange(len(words) - length)
        texts.append(" ".join(words[start : start + length]))
    return texts


def alternate(candidates: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median seconds of each candidate, called in turns after one call to warm up."""
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    for turn in range(rounds + 1):
        for name, call in candidates.items():
            began = time.perf_counter()
            call()
            if turn:
                seconds[name].append(time.perf_counter() - began)
    return {name: statistics.median(values) for name, values in seconds.items()}


def first_suggestions(encoder: TextEncoder, texts: Sequence[str]) -> list[str]:
    """The best code of the built-in codebook for each text."""
    suggester = Suggester(
        built_in_codebook("upsides"), encoder, background=shipped_background(encoder), reference=no_reference()
    )
    return [result.suggestions[0].code for result in suggester.suggest(texts, top_k=1, min_score=0)]


def main() -> None:
    """Prints the figures."""
    # After our own import, which sets the offline switches.
    from sentence_transformers import SentenceTransformer

    folder = Encoders(Settings()).checked_folder(BUNDLED_MODEL)
    ours = TransformerEncoder(folder, name=BUNDLED_MODEL)
    exact = TransformerEncoder(folder, name=BUNDLED_MODEL, precision="fp32")
    plain = SentenceTransformer(str(folder.path), device="cpu", local_files_only=True)
    texts = mixed_texts(TEXTS, longest=250)
    seconds = alternate({"ours": lambda: ours.encode(texts), "default": lambda: plain.encode(texts)}, ROUNDS)
    print(f"precision: {ours.precision}; {TEXTS} texts of 5 to 250 words, median of {ROUNDS} alternating rounds")
    for name, value in seconds.items():
        print(f"  {name:8s} {TEXTS / value:7.1f} texts/s")
    print(f"  ratio    {seconds['default'] / seconds['ours']:7.2f}")
    distance = 1 - np.sum(ours.encode(texts) * exact.encode(texts), axis=1)
    print(f"1 - cosine to fp32: largest {distance.max():.1e}, median {np.median(distance):.1e}")
    short = mixed_texts(2_000, longest=80, seed=8)
    same = np.mean(
        [a == b for a, b in zip(first_suggestions(ours, short), first_suggestions(exact, short), strict=True)]
    )
    print(f"first suggestion as with fp32: {same:.2%} of {len(short)} texts")
    alone: Vectors = np.concatenate([ours.encode([text]) for text in texts[:50]])
    print(f"bit-equal alone and together: {bool((alone == ours.encode(texts)[:50]).all())}")


if __name__ == "__main__":
    main()
