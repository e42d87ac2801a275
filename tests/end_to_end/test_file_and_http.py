"""The same segments by file and over HTTP: the same suggestions, on the hashing and on the bundled model."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from models.codebook import built_in_codebook
from service.actions.suggest_file import suggest_file
from service.encoders import LoadedModel

SITES = ("BU", "DS", "AD")
WORDS = (
    "hope",
    "work",
    "team",
    "pay",
    "rules",
    "training",
    "role",
    "family",
    "trust",
    "staff",
    "time",
    "money",
    "help",
)


def write_rows(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def read_rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def made_up_segments(count: int) -> list[dict[str, Any]]:
    """Different texts, a few of which hold no words."""
    size = len(WORDS)
    chosen = [(WORDS[n % size], WORDS[n // size % size], WORDS[n * 7 % size]) for n in range(count)]
    texts = [f"We talked about {a}, then about {b} and {c}." for a, b, c in chosen]
    return [{"id": f"segment-{n}", "text": text} for n, text in enumerate(["...", "\U0001f600", *texts][:count])]


def made_up_examples(codes: list[str], count: int) -> list[dict[str, Any]]:
    return [
        {"text": f"{segment['text']} Again.", "codes": codes[n % 5 : n % 5 + 1], "site": SITES[n % 3], "paragraph": n}
        for n, segment in enumerate(made_up_segments(count))
    ]


def over_http(url: str, segments: list[dict[str, Any]], **fields: object) -> list[dict[str, Any]]:
    given = [{"id": segment["id"], "text": segment["text"]} for segment in segments]
    answer = httpx.post(f"{url}/v1/suggest", json={"codebook": "upsides", "segments": given, **fields}, timeout=120)
    assert answer.status_code == 200, answer.text
    results: list[dict[str, Any]] = answer.json()["results"]
    return results


@pytest.mark.parametrize("examples", [0, 5, 60])
def test_fewer_than_50_segments_get_the_same_suggestions_both_ways(
    service: Any, run_command: Any, tmp_path: Path, examples: int
) -> None:
    book = httpx.get(f"{service.url}/v1/codebooks/upsides").json()
    parents = {code["parent"] for code in book["codes"]}
    leaves = [code["id"] for code in book["codes"] if code["id"] not in parents]
    segments, coded = made_up_segments(49), made_up_examples(leaves, examples)
    (tmp_path / "book.json").write_text(json.dumps(book), encoding="utf-8")
    source, output = write_rows(tmp_path / "in.jsonl", segments), tmp_path / "out.jsonl"
    options = ["--codebook", tmp_path / "book.json", "--top-k", 0, "--min-score", 0.05]
    if examples:
        options += ["--examples", write_rows(tmp_path / "coded.jsonl", coded)]
    done = run_command("suggest", source, "--output", output, *options)
    assert done.returncode == 0, done.stderr
    results = read_rows(output)
    assert results == over_http(service.url, segments, codebook=book, examples=coded, top_k=0, min_score=0.05)
    assert {row["basis"] for row in results} == {"project" if examples == 60 else "prior"}
    assert any(row["suggestions"] for row in results)
    assert results[0] == {**results[0], "abstained": True, "suggestions": []}


def test_the_model_study_is_suggested_alike_both_ways_and_well(
    real_service: Any, minilm: LoadedModel, tmp_path: Path, evaldata: Path
) -> None:
    source, output = evaldata / "upsides" / "segments.jsonl", tmp_path / "out.jsonl"
    # Over HTTP these rows say nothing of what was said around them.
    suggest_file(source, output, built_in_codebook("upsides"), lambda: minilm, context="none", min_score=0)
    segments, results = read_rows(source), read_rows(output)
    assert [row["id"] for row in results] == [segment["id"] for segment in segments]
    assert len(results) == 36
    assert over_http(real_service.url, segments, min_score=0) == results

    judged = [pair for pair in zip(segments, results, strict=True) if pair[0]["evaluate"]]
    ranked = [(segment["codes"], [found["code"] for found in row["suggestions"]]) for segment, row in judged]
    assert len(ranked) == 23
    assert sum(bool(set(codes) & set(found)) for codes, found in ranked) >= 15
    assert sum(found[0] in codes for codes, found in ranked) >= 7
