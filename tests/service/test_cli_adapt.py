"""``themecoder suggest --adapt``: what it says, and what it does where there is nothing to fit."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from models import encoder_fitting
from service import cli

SAYINGS = (
    "The bus {} late.", "My sister {} a nurse.", "Soup {} on the table.", "The ward {} full.", "Our garden {} green.",
    "His knee {} sore.", "Money {} short.", "The song {} too loud.", "School {} far away.", "The doctor {} kind.",
    "Snow {} on the hills.", "The dog {} asleep.",
)  # fmt: skip


def write_lines(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def suggest(folder: Path, *options: str) -> Result:
    source = write_lines(folder / "in.jsonl", [{"id": 1, "text": "The bread is warm."}])
    codebook = folder / "book.json"
    codebook.write_text(
        json.dumps({"name": "Book", "codes": [{"id": "now", "name": "A"}, {"id": "then", "name": "B"}]})
    )
    given = [source, "--codebook", codebook, "--output", folder / "out.jsonl", "--min-score", "0", *options]
    return CliRunner().invoke(cli.main, ["suggest", *map(str, given)])


def examples(folder: Path, count: int) -> str:
    now = [{"text": saying.format("is"), "codes": ["now"]} for saying in SAYINGS]
    then = [{"text": saying.format("was"), "codes": ["then"]} for saying in SAYINGS]
    return str(write_lines(folder / "coded.jsonl", [*now, *then][:count]))


def test_adapting_without_examples_is_wrong_usage(tmp_path: Path) -> None:
    result = suggest(tmp_path, "--adapt")
    assert result.exit_code == 2
    assert "--adapt learns from --examples" in result.stderr


def test_the_fitted_model_is_used_where_it_is_better_and_the_comparison_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoder_fitting, "LEARNING_RATE", 2e-4)
    result = suggest(tmp_path, "--adapt", "--examples", examples(tmp_path, 24))
    assert result.exit_code == 0
    loading, fitting, *_progress, verdict, written = result.stderr.splitlines()
    assert (loading, fitting) == ("Loading the model …", "Fitting the model …")
    assert verdict.startswith("The fitted model is used: on 24 held-out examples a right code is first for ")
    assert written.startswith("1 row written to ")
    row = json.loads((tmp_path / "out.jsonl").read_text())
    assert row["suggestions"][0]["code"] == "now"


def test_with_too_few_examples_the_model_is_used_as_it_is(tmp_path: Path) -> None:
    result = suggest(tmp_path, "--adapt", "--examples", examples(tmp_path, 3))
    assert result.exit_code == 0
    assert "Too few examples to tell whether fitting the model helps: it is used as it is." in result.stderr


def test_a_model_without_weights_cannot_be_fitted(tmp_path: Path) -> None:
    result = suggest(tmp_path, "--adapt", "--model", "hashing", "--examples", examples(tmp_path, 24))
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1].endswith("[model_folder_missing]")
    assert not (tmp_path / "out.jsonl").exists()
