"""``themecoder suggest``: exit codes, what goes where, its options, and what a failed run leaves behind."""

import csv
import json
import os
import pty
import random
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from fcntl import ioctl
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from click.testing import CliRunner, Result

from models.codebook import built_in_codebook
from models.encoder import Vectors
from models.hashing_encoder import HashingEncoder
from service import cli

SECRET = "Zwiebelturm"
COMMAND = Path(sys.executable).with_name("themecoder")
LEAVES = len(built_in_codebook("upsides").active_leaves)
TEXTS = [
    "Peer support workers give hope because they recovered themselves.",
    "The team does not know what the peer support worker is there for.",
    "Staff are afraid that they lose their work.",
    "...",
    "We had a good lunch.",
]

Suggest = Callable[..., Result]


@pytest.fixture(autouse=True)
def hashing_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THEMECODER_MODEL", "hashing")


@pytest.fixture
def suggest() -> Suggest:
    def run(source: Path, output: Path, *options: object, codebook: object = "upsides") -> Result:
        given = [source, "--codebook", codebook, "--output", output, *options]
        return CliRunner().invoke(cli.main, ["suggest", *map(str, given)])

    return run


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def write_texts(path: Path, texts: Sequence[str] = TEXTS) -> Path:
    return write_rows(path, [{"id": number, "text": text} for number, text in enumerate(texts)])


def write_turns(path: Path, texts: Sequence[str] = TEXTS) -> Path:
    """Paragraphs of one transcript."""
    return write_rows(path, [{"id": number, "text": text, "paragraph": number} for number, text in enumerate(texts)])


def read_rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def command(source: Path, output: Path) -> list[str]:
    return [str(COMMAND), "suggest", str(source), "--codebook", "upsides", "--output", str(output)]


def many_texts(count: int) -> list[str]:
    words = " ".join(TEXTS).split()
    chance = random.Random(7)  # noqa: S311 - texts, not secrets
    return [" ".join(chance.choices(words, k=chance.randint(3, 40))) for _ in range(count)]


# What goes where


def test_results_go_to_the_output_and_everything_else_to_stderr(tmp_path: Path, suggest: Suggest) -> None:
    result = suggest(write_texts(tmp_path / "in.jsonl"), tmp_path / "out.jsonl")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.splitlines() == ["Loading the model …", f"5 rows written to {tmp_path / 'out.jsonl'}"]
    assert [row["id"] for row in read_rows(tmp_path / "out.jsonl")] == [0, 1, 2, 3, 4]


def test_each_row_has_the_shape_of_a_result_over_http(tmp_path: Path, suggest: Suggest) -> None:
    suggest(write_texts(tmp_path / "in.jsonl"), tmp_path / "out.jsonl", "--min-score", 0)
    first, *_, dots, _lunch = read_rows(tmp_path / "out.jsonl")
    assert list(first) == ["id", "abstained", "no_code", "basis", "back_off", "suggestions"]
    assert first["basis"] == "prior"
    assert 0 < first["no_code"] < 1
    (best, *_) = first["suggestions"]
    assert list(best) == ["code", "name", "path", "score", "evidence"]
    assert best["path"][-1] == {"code": best["code"], "name": best["name"], "score": best["score"]}
    assert list(best["evidence"][0]) == ["kind", "text", "similarity", "reference"]
    assert (dots["abstained"], dots["no_code"], dots["suggestions"]) == (True, 1.0, [])


def test_all_inputs_and_outputs_give_the_same_suggestions(tmp_path: Path, suggest: Suggest) -> None:
    texts = write_texts(tmp_path / "in.jsonl")
    with (tmp_path / "in.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("id", "text"), *enumerate(TEXTS)])
    table = pyarrow.Table.from_pydict({"id": range(len(TEXTS)), "text": TEXTS})
    pyarrow.parquet.write_table(table, tmp_path / "in.parquet")
    found = []
    for source in (texts, tmp_path / "in.csv", tmp_path / "in.parquet"):
        for ending in (".jsonl", ".csv", ".parquet"):
            output = tmp_path / f"out{ending}"
            assert suggest(source, output).exit_code == 0
            found.append(scored_codes(output))
    assert all(codes == found[0] for codes in found)


def test_a_plain_transcript_is_read_as_rows_with_its_turns_would_be(tmp_path: Path, suggest: Suggest) -> None:
    (tmp_path / "in.txt").write_text("\n".join(f"B{number}: {text}" for number, text in enumerate(TEXTS, 1)))
    write_rows(tmp_path / "in.jsonl", [{"id": n, "text": text, "paragraph": n} for n, text in enumerate(TEXTS, 1)])
    for name in ("in.txt", "in.jsonl"):
        assert suggest(tmp_path / name, tmp_path / f"{name}.jsonl").exit_code == 0
    assert read_rows(tmp_path / "in.txt.jsonl") == read_rows(tmp_path / "in.jsonl.jsonl") != []


def scored_codes(path: Path) -> list[tuple[str, str, float]]:
    if path.suffix == ".csv":
        with path.open(newline="") as file:
            return [(row["id"], row["code"], float(row["score"])) for row in csv.DictReader(file) if row["code"]]
    rows = read_rows(path) if path.suffix == ".jsonl" else pyarrow.parquet.read_table(path).to_pylist()
    return [(str(row["id"]), found["code"], found["score"]) for row in rows for found in row["suggestions"]]


def test_one_row_comes_out_for_each_that_goes_in_also_where_ids_repeat(tmp_path: Path, suggest: Suggest) -> None:
    rows = [{"id": "x", "text": TEXTS[0]}, {"id": "x", "text": TEXTS[1]}, {"text": ""}, {"id": "x", "text": TEXTS[0]}]
    suggest(write_rows(tmp_path / "in.jsonl", rows), tmp_path / "out.jsonl")
    results = read_rows(tmp_path / "out.jsonl")
    assert [row["id"] for row in results] == ["x", "x", 3, "x"]
    assert results[0] == results[3] != results[1]


@pytest.mark.parametrize("ending", [".jsonl", ".csv", ".parquet"])
def test_an_empty_input_gives_an_empty_output(tmp_path: Path, suggest: Suggest, ending: str) -> None:
    result = suggest(write_rows(tmp_path / "in.jsonl", []), tmp_path / f"out{ending}")
    assert result.exit_code == 0
    assert "0 rows written" in result.stderr
    assert scored_codes(tmp_path / f"out{ending}") == []


# Options


def test_min_score_0_and_top_k_0_give_every_leaf_of_every_segment(tmp_path: Path, suggest: Suggest) -> None:
    source = write_texts(tmp_path / "in.jsonl", [TEXTS[0], TEXTS[4]])
    suggest(source, tmp_path / "out.jsonl", "--min-score", 0, "--top-k", 0)
    for row in read_rows(tmp_path / "out.jsonl"):
        scores = [suggestion["score"] for suggestion in row["suggestions"]]
        assert len(scores) == LEAVES
        assert scores == sorted(scores, reverse=True)


def test_top_k_says_how_many_and_min_score_from_which_score(tmp_path: Path, suggest: Suggest) -> None:
    source = write_texts(tmp_path / "in.jsonl", many_texts(50))
    suggest(source, tmp_path / "all.jsonl", "--min-score", 0, "--top-k", 0)
    suggest(source, tmp_path / "out.jsonl", "--min-score", 0.15, "--top-k", 2)
    for every, some in zip(read_rows(tmp_path / "all.jsonl"), read_rows(tmp_path / "out.jsonl"), strict=True):
        assert some["suggestions"] == [found for found in every["suggestions"][:2] if found["score"] >= 0.15]
        assert some["abstained"] == every["abstained"]


def test_examples_are_learnt_from_and_cited(tmp_path: Path, suggest: Suggest) -> None:
    leaf = built_in_codebook("upsides").active_leaves[-1].id
    text = "The canteen serves dumplings on Thursdays."
    row = {"text": text, "codes": [leaf], "site": "BU", "paragraph": 11}
    examples = write_rows(tmp_path / "coded.jsonl", [row])
    source = write_texts(tmp_path / "in.jsonl", [f"{text} Always."])
    suggest(source, tmp_path / "out.jsonl", "--examples", examples)
    (result,) = read_rows(tmp_path / "out.jsonl")
    assert result["suggestions"][0]["code"] == leaf
    evidence = result["suggestions"][0]["evidence"]
    assert [(found["kind"], found["reference"]) for found in evidence] == [("example", "BU 11"), ("definition", None)]


def test_a_reference_of_100_texts_or_more_changes_scores_and_the_input_itself_is_the_default(
    tmp_path: Path, suggest: Suggest
) -> None:
    few = write_texts(tmp_path / "few.jsonl", many_texts(99))
    corpus = write_texts(tmp_path / "corpus.jsonl", many_texts(300))
    suggest(few, tmp_path / "plain.jsonl")
    suggest(few, tmp_path / "small.jsonl", "--reference", few)
    suggest(few, tmp_path / "referred.jsonl", "--reference", corpus)
    suggest(corpus, tmp_path / "whole.jsonl")
    suggest(corpus, tmp_path / "same.jsonl", "--reference", corpus)
    plain, small, referred = (read_rows(tmp_path / f"{name}.jsonl") for name in ("plain", "small", "referred"))
    assert plain == small != referred
    assert (tmp_path / "whole.jsonl").read_bytes() == (tmp_path / "same.jsonl").read_bytes()


def test_suggestions_do_not_depend_on_the_order_or_the_chunks_of_rows(tmp_path: Path, suggest: Suggest) -> None:
    rows = [{"id": number, "text": text} for number, text in enumerate(many_texts(1_300))]
    suggest(write_rows(tmp_path / "in.jsonl", rows), tmp_path / "out.jsonl", "--min-score", 0)
    shuffled = random.Random(3).sample(rows, len(rows))  # noqa: S311 - an order, not a secret
    suggest(write_rows(tmp_path / "in2.jsonl", shuffled), tmp_path / "out2.jsonl", "--min-score", 0)
    results = {row["id"]: row for row in read_rows(tmp_path / "out2.jsonl")}
    assert [results[number] for number in range(len(rows))] == read_rows(tmp_path / "out.jsonl")


def test_an_own_codebook_is_used(tmp_path: Path, suggest: Suggest) -> None:
    codes = [
        {"id": "food", "name": "Food and meals"},
        {"id": "work", "name": "Work", "description": "Jobs, colleagues"},
    ]
    (tmp_path / "own.json").write_text(json.dumps({"name": "Own", "codes": codes}), encoding="utf-8")
    source = write_texts(tmp_path / "in.jsonl", ["Food and meals matter.", "My colleagues at work."])
    suggest(source, tmp_path / "out.jsonl", "--min-score", 0, "--top-k", 1, codebook=tmp_path / "own.json")
    assert [row["suggestions"][0]["code"] for row in read_rows(tmp_path / "out.jsonl")] == ["food", "work"]


# Exit codes and messages


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--codebook", "upsides"],
        ["--output", "out.jsonl"],
        ["--codebook", "upsides", "--output", "out.jsonl", "--adapt-all"],
        ["--codebook", "upsides", "--output", "out.jsonl", "--top-k", "-1"],
        ["--codebook", "upsides", "--output", "out.jsonl", "--top-k", "three"],
        ["--codebook", "upsides", "--output", "out.jsonl", "--min-score", "1.5"],
        ["--codebook", "upsides", "--output", "out.jsonl", "--examples", "absent.jsonl"],
        ["--codebook", "upsides", "--output", "."],
    ],
)
def test_wrong_usage_is_exit_code_2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    monkeypatch.chdir(tmp_path)
    write_texts(tmp_path / "in.jsonl")
    result = CliRunner().invoke(cli.main, ["suggest", "in.jsonl", *arguments])
    assert result.exit_code == 2
    assert "Usage:" in result.stderr
    assert names(tmp_path) == ["in.jsonl"]


def test_an_input_that_is_not_there_is_exit_code_2(tmp_path: Path, suggest: Suggest) -> None:
    assert suggest(tmp_path / "absent.jsonl", tmp_path / "out.jsonl").exit_code == 2


def refused(result: Result) -> str:
    assert (result.exit_code, result.stdout) == (1, "")
    assert SECRET not in result.stderr
    assert "Traceback" not in result.stderr
    (line,) = result.stderr.removeprefix("Loading the model …\n").splitlines()
    return line


def test_a_mistake_in_the_input_is_named_by_line_and_never_shown(tmp_path: Path, suggest: Suggest) -> None:
    source = write_rows(tmp_path / "in.jsonl", [{"text": SECRET}, {"words": SECRET}])
    line = refused(suggest(source, tmp_path / "out.jsonl"))
    assert line == "Error: INPUT: A segment needs a text. (line 2, text) [field_not_valid]"
    assert not (tmp_path / "out.jsonl").exists()


def test_a_mistake_is_found_before_the_model_is_loaded(tmp_path: Path, suggest: Suggest) -> None:
    source = write_texts(tmp_path / "in.jsonl", [*many_texts(2_000), f"{SECRET}\x07"])
    result = suggest(source, tmp_path / "out.jsonl")
    assert "Loading" not in result.stderr
    assert "(line 2001" in refused(result)


def test_the_message_says_in_which_file_a_mistake_is(tmp_path: Path, suggest: Suggest) -> None:
    good, output = write_texts(tmp_path / "in.jsonl"), tmp_path / "out.jsonl"
    bad = write_rows(tmp_path / "bad.jsonl", [{"text": 1, "codes": []}])
    (tmp_path / "book.json").write_text('{"codes": [{"id": "Zwiebelturm"}]}', encoding="utf-8")
    assert refused(suggest(good, output, "--examples", bad)).startswith("Error: --examples: ")
    assert refused(suggest(good, output, "--reference", bad)).startswith("Error: --reference: ")
    assert refused(suggest(good, tmp_path / "out.txt")).startswith("Error: --output: ")
    line = refused(suggest(good, output, codebook=tmp_path / "book.json"))
    assert line == "Error: --codebook: Must be a text. (codes[0].name) [codebook_not_accepted]"


def test_an_example_with_an_unknown_code_is_refused_by_its_line(tmp_path: Path, suggest: Suggest) -> None:
    rows = [{"text": "a", "codes": []}, {"text": SECRET, "codes": [SECRET]}]
    examples = write_rows(tmp_path / "coded.jsonl", rows)
    line = refused(suggest(write_texts(tmp_path / "in.jsonl"), tmp_path / "out.jsonl", "--examples", examples))
    assert "--examples: " in line
    assert "(line 2, codes) [example_not_accepted]" in line


@pytest.mark.parametrize("role", ["INPUT", "--examples", "--reference"])
def test_a_file_that_is_read_is_never_overwritten(tmp_path: Path, suggest: Suggest, role: str) -> None:
    source, other = write_texts(tmp_path / "in.jsonl"), tmp_path / "other.jsonl"
    write_rows(other, [{"text": "a", "codes": []}])
    (tmp_path / "link.jsonl").symlink_to(source if role == "INPUT" else other)
    options = [] if role == "INPUT" else [role, other]
    before = other.read_bytes(), source.read_bytes()
    assert "[file_not_accepted]" in refused(suggest(source, tmp_path / "link.jsonl", *options))
    assert (other.read_bytes(), source.read_bytes()) == before


def test_unknown_names_are_refused_with_their_code(
    tmp_path: Path, suggest: Suggest, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, output = write_texts(tmp_path / "in.jsonl"), tmp_path / "out.jsonl"
    assert "[codebook_unknown]" in refused(suggest(source, output, codebook="downsides"))
    assert "[model_unknown]" in refused(suggest(source, output, "--model", "../x"))
    monkeypatch.setenv("THEMECODER_MODELS", '{"own": "/absent/folder"}')
    assert "[model_folder_missing]" in refused(suggest(source, output, "--model", "own"))
    assert not output.exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [("MODEL", "absent"), ("MODELS", "{"), ("MODELS", '{"A/../b": "x"}'), ("HOSTS", "a"), ("PORT", "80000")],
)
def test_a_setting_that_is_no_good_is_refused_by_its_name(
    tmp_path: Path, suggest: Suggest, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"THEMECODER_{name}", value)
    line = refused(suggest(write_texts(tmp_path / "in.jsonl"), tmp_path / "out.jsonl"))
    assert f"THEMECODER_{name}" in line
    assert line.endswith("[cannot_start]")


def test_a_fault_of_our_own_shows_its_kind_and_not_its_message(
    tmp_path: Path, suggest: Suggest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object, **_kwargs: object) -> None:
        raise RuntimeError(SECRET)

    monkeypatch.setattr("service.cli.suggest_command.Encoders", fail)
    line = refused(suggest(write_texts(tmp_path / "in.jsonl"), tmp_path / "out.jsonl"))
    assert "RuntimeError" in line
    assert "[internal_error]" in line


# Whole or not at all


@pytest.mark.parametrize("ending", [".jsonl", ".csv", ".parquet"])
def test_a_failed_run_leaves_an_older_output_and_no_other_file(tmp_path: Path, suggest: Suggest, ending: str) -> None:
    source = write_rows(tmp_path / "in.jsonl", [{"text": "a"}, {"text": None}])
    output = tmp_path / f"out{ending}"
    output.write_bytes(b"older")
    refused(suggest(source, output))
    assert output.read_bytes() == b"older"
    assert names(tmp_path) == ["in.jsonl", output.name]


def test_an_input_that_changes_under_the_run_fails_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write_texts(tmp_path / "in.jsonl")

    def grow(encoded: int, total: int) -> None:
        if encoded == total:
            write_texts(source, [*reversed(TEXTS)])

    from service.actions.suggest_file import suggest_file
    from service.encoders import Encoders
    from service.errors import FileNotAccepted
    from service.settings import Settings

    codebook = built_in_codebook("upsides")
    load = Encoders(Settings(model="hashing")).load
    with pytest.raises(FileNotAccepted, match="changed"):
        suggest_file(source, tmp_path / "out.jsonl", codebook, load, progress=grow)
    assert names(tmp_path) == ["in.jsonl"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_run_that_is_stopped_leaves_nothing_behind(tmp_path: Path, number: signal.Signals) -> None:
    source = write_texts(tmp_path / "in.jsonl", many_texts(20_000))
    with subprocess.Popen(command(source, tmp_path / "out.jsonl"), stderr=subprocess.PIPE, text=True) as process:
        wait_until(lambda: len(names(tmp_path)) == 2)  # the input and the unfinished output
        process.send_signal(number)
        _, stderr = process.communicate(timeout=20)
    assert process.returncode == 1
    assert stderr.splitlines()[-1] == "Aborted!"
    assert names(tmp_path) == ["in.jsonl"]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_what_is_interrupted_goes_on_where_it_was_and_comes_to_the_same(
    tmp_path: Path, suggest: Suggest, number: signal.Signals, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = many_texts(6_000)
    source = write_turns(tmp_path / "in.jsonl", texts)
    output, folder = tmp_path / f"out.{ending}", tmp_path / f".out.{ending}.resume"
    with subprocess.Popen([*command(source, output), "--resume"], stderr=subprocess.DEVNULL) as process:
        wait_until(lambda: any(path.stat().st_size > 2_000_000 for path in folder.glob("*.sqlite3-wal")))
        process.send_signal(number)
    assert not output.exists()
    encoded: list[str] = []
    encode = HashingEncoder.encode

    def noted(self: HashingEncoder, given: Sequence[str]) -> Vectors:
        encoded.extend(given)
        return encode(self, given)

    monkeypatch.setattr(HashingEncoder, "encode", noted)
    assert suggest(source, output, "--resume").exit_code == 0
    assert len(set(encoded) & set(texts)) < len(set(texts)) - 500
    assert names(tmp_path) == ["in.jsonl", output.name]
    assert suggest(source, tmp_path / f"plain.{ending}").exit_code == 0
    assert output.read_bytes() == (tmp_path / f"plain.{ending}").read_bytes()


def test_what_was_said_around_counts_across_pieces_of_a_file_unless_it_shall_not(
    tmp_path: Path, suggest: Suggest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def suggested(source: Path, *options: object) -> bytes:
        assert suggest(source, tmp_path / "out.jsonl", "--top-k", 0, "--min-score", 0, *options).exit_code == 0
        return (tmp_path / "out.jsonl").read_bytes()

    alone = suggested(write_texts(tmp_path / "alone.jsonl"))
    turns = write_turns(tmp_path / "turns.jsonl")
    whole = suggested(turns)
    assert whole != alone == suggested(turns, "--context", "none")
    monkeypatch.setattr("service.actions.suggest_file.CHUNK", 2)
    assert suggested(turns) == whole
    coded = write_rows(
        tmp_path / "coded.jsonl",
        [{"text": "Yes.", "codes": ["role-clarity"], "paragraph": 1}, {"text": "No.", "codes": [], "paragraph": 2}],
    )
    assert suggested(turns, "--examples", coded) != suggested(turns, "--examples", coded, "--context", "none")
    assert suggest(turns, tmp_path / "out.jsonl", "--context", "canary").exit_code == 2


def test_a_cache_spares_encoding_another_time_and_changes_nothing(
    tmp_path: Path, suggest: Suggest, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, cache = write_texts(tmp_path / "in.jsonl"), tmp_path / "cache"
    assert suggest(source, tmp_path / "first.jsonl", "--cache", cache).exit_code == 0
    monkeypatch.setattr(HashingEncoder, "encode", unless(TEXTS, HashingEncoder.encode))
    assert suggest(source, tmp_path / "second.jsonl", "--cache", cache).exit_code == 0
    assert (tmp_path / "first.jsonl").read_bytes() == (tmp_path / "second.jsonl").read_bytes()
    assert cache.stat().st_mode & 0o777 == 0o700
    (file,) = cache.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert b"hope because" not in file.read_bytes()


def unless(texts: Sequence[str], encode: Callable[..., Vectors]) -> Callable[..., Vectors]:
    def encoded(self: HashingEncoder, given: Sequence[str]) -> Vectors:
        assert not set(given) & set(texts)
        return encode(self, given)

    return encoded


@pytest.mark.parametrize("there", ["a file", "another kind of file"])
def test_a_cache_that_cannot_be_one_is_refused(tmp_path: Path, suggest: Suggest, there: str) -> None:
    source, cache = write_texts(tmp_path / "in.jsonl"), tmp_path / "cache"
    if there == "a file":
        cache = source
    else:
        suggest(source, tmp_path / "out.csv", "--cache", cache)
        (file,) = cache.iterdir()
        file.write_bytes(b"no database" * 1_000)
    result = suggest(source, tmp_path / "out.jsonl", "--cache", cache)
    assert result.exit_code == (2 if there == "a file" else 1)
    assert not (tmp_path / "out.jsonl").exists()


def test_a_run_under_nohup_outlives_its_terminal(tmp_path: Path) -> None:
    source = write_texts(tmp_path / "in.jsonl", many_texts(5_000))
    nohup = ["nohup", *command(source, tmp_path / "out.jsonl")]
    with subprocess.Popen(nohup, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=tmp_path) as process:
        wait_until(lambda: len(names(tmp_path)) == 2)
        process.send_signal(signal.SIGHUP)
    assert process.returncode == 0
    assert len(read_rows(tmp_path / "out.jsonl")) == 5_000


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


# Progress


def test_progress_elsewhere_than_on_a_terminal_is_a_few_plain_lines(
    tmp_path: Path, suggest: Suggest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.cli.progress.PLAIN_PROGRESS_SECONDS", 0)
    result = suggest(write_texts(tmp_path / "in.jsonl", many_texts(1_100)), tmp_path / "out.jsonl")
    assert result.stderr.splitlines() == [
        "Loading the model …",
        "segments encoded: 512 of 1100",
        "segments encoded: 1024 of 1100",
        f"1100 rows written to {tmp_path / 'out.jsonl'}",
    ]


def test_progress_on_a_terminal_is_a_bar_that_is_gone_in_the_end(tmp_path: Path) -> None:
    source = write_texts(tmp_path / "in.jsonl", many_texts(4_000))
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 90, 0, 0))
    with subprocess.Popen(command(source, tmp_path / "out.jsonl"), stderr=theirs, stdout=theirs) as process:
        os.close(theirs)
        shown = read_terminal(ours)
    assert process.returncode == 0
    assert "segments encoded:  " in shown
    assert "/4000 [" in shown
    assert shown.rpartition("\r\n")[0].rpartition("\r")[2] == f"4000 rows written to {tmp_path / 'out.jsonl'}"


def read_terminal(ours: int) -> str:
    parts = []
    while True:
        try:
            part = os.read(ours, 4_096)
        except OSError:  # how Linux says that nobody has the other end open
            break
        parts.append(part)
    os.close(ours)
    return b"".join(parts).decode()


# The command itself


def test_the_command_says_what_it_can_do_and_its_version() -> None:
    for arguments, text in ((["--help"], "suggest"), (["suggest", "--help"], "--min-score"), (["--version"], "0.")):
        result = CliRunner().invoke(cli.main, arguments)
        assert result.exit_code == 0
        assert text in result.stdout


@pytest.mark.parametrize("arguments", [["absent"], ["--absent"], ["serve", "--absent"]])
def test_an_unknown_command_or_option_is_exit_code_2(arguments: list[str]) -> None:
    done = subprocess.run([COMMAND, *arguments], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "No such" in done.stderr
