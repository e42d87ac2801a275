"""``themecoder evaluate``: protocols, files, and what is wrong with the input, by its line."""

import json
from collections import defaultdict
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from sklearn.metrics import cohen_kappa_score

from service.cli import main

DEMO = Path(__file__).parents[2] / "service" / "demo_study" / "codings.jsonl"
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&"
BOOK = {
    "name": "Barriers",
    "codes": [
        {"id": "access", "name": "Access"},
        {"id": "bus", "name": "The bus", "parent": "access"},
        {"id": "cost", "name": "What it costs", "parent": "access"},
        {"id": "fear", "name": "Fear of others"},
    ],
}
SENTENCES = {
    "bus": "The bus is late",
    "cost": "What it costs is too much",
    "fear": "I fear what others say",
    "": "Well",
}
Rows = list[dict[str, Any]]
Evaluate = Callable[..., Result]


@pytest.fixture
def evaluate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Evaluate:
    monkeypatch.setenv("THEMECODER_MODEL", "hashing")
    (tmp_path / "book.json").write_text(json.dumps(BOOK), encoding="utf-8")

    monkeypatch.chdir(tmp_path)

    def run(rows: Rows, *options: object, codebook: object = tmp_path / "book.json") -> Result:
        source = tmp_path / "coded.jsonl"
        source.write_text("\n".join(json.dumps(row) for row in rows) + "\n", encoding="utf-8")
        return CliRunner().invoke(main, ["evaluate", str(source), "--codebook", str(codebook), *map(str, options)])

    return run


def coded(count: int = 48, documents: int = 6, **common: Any) -> Rows:
    """Segments with the codes in turn, and some with none."""
    kinds = list(SENTENCES)
    return [
        {
            "id": f"s{number}",
            "text": f"{SENTENCES[kinds[number % 4]]}, number {number}.",
            "codes": [kinds[number % 4]] if kinds[number % 4] else [],
            "document": f"d{number % documents}",
            "site": f"site {number % 3}",
            "paragraph": number,
            **common,
        }
        for number in range(count)
    ]


def read_rows(path: Path) -> Rows:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def test_the_learning_curve_goes_to_the_terminal_and_the_rest_into_files(evaluate: Evaluate, tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("out.jsonl", "out.json", "out.html")]
    result = evaluate(
        coded(), "--shots", "0,2", "--draws", 2, "--predictions", files[0], "--json", files[1], "--report", files[2]
    )
    assert result.exit_code == 0, result.stderr
    header, zero, two = (line.split("\t") for line in result.stdout.splitlines())
    assert header == ["shots", "draws", "segments", "hit@1", "hit@3", "mrr", "micro_f1", "macro_f1"]
    assert (zero[:3], two[:2]) == (["0", "1", "48"], ["2", "2"])
    assert all(path.exists() for path in files)
    found = read(files[1])
    assert found["truth"] == {"coder": "unnamed coder", "coders": ["unnamed coder"], "left_out": 0}
    assert found["protocol"]["split"] == "document"
    assert "Methods, ready for a paper" in files[2].read_text(encoding="utf-8")


def test_predictions_hold_every_leaf_best_first_and_make_the_same_figures(evaluate: Evaluate, tmp_path: Path) -> None:
    options = ("--shots", "0,2", "--draws", 2, "--predictions", tmp_path / "p.jsonl", "--json", tmp_path / "o.json")
    evaluate(coded(), *options)
    rows = read_rows(tmp_path / "p.jsonl")
    assert list(rows[0]) == ["shots", "draw", "id", "document", "codes", "suggestions"]
    hits: dict[tuple[int, int], list[bool]] = defaultdict(list)
    for row in rows:
        scores = [one["score"] for one in row["suggestions"]]
        assert scores == sorted(scores, reverse=True)
        assert {one["code"] for one in row["suggestions"]} == {"bus", "cost", "fear"}
        if row["codes"]:
            hits[row["shots"], row["draw"]].append(row["suggestions"][0]["code"] in row["codes"])
    found = read(tmp_path / "o.json")
    for point in found["curve"]:
        by_draw = [np.mean(values) for (shots, _), values in hits.items() if shots == point["shots"]]
        assert point["figures"]["hit@1"]["value"] == pytest.approx(np.mean(by_draw))
        assert point["draws"] == len(by_draw)


def test_the_same_seed_gives_the_same_figures_and_another_one_others(evaluate: Evaluate, tmp_path: Path) -> None:
    made = []
    for number, seed in enumerate((1, 1, 2)):
        evaluate(coded(), "--shots", 2, "--draws", 1, "--seed", seed, "--predictions", tmp_path / f"{number}.jsonl")
        made.append((tmp_path / f"{number}.jsonl").read_text(encoding="utf-8"))
    assert made[0] == made[1] != made[2]


@pytest.mark.parametrize(("split", "apart"), [("document", True), ("random", False)])
def test_by_document_no_tested_document_is_learnt_from(
    evaluate: Evaluate, tmp_path: Path, split: str, apart: bool
) -> None:
    evaluate(coded(), "--shots", 4, "--draws", 1, "--split", split, "--predictions", tmp_path / "p.jsonl")
    tested = {row["document"] for row in read_rows(tmp_path / "p.jsonl")}
    assert (len(tested) == 3) == apart


@pytest.mark.parametrize(
    ("protocol", "folds"), [("leave-one-document-out", 6), ("leave-one-site-out", 3)]
)  # fmt: skip
def test_leaving_one_out_tests_every_segment_once(
    evaluate: Evaluate, tmp_path: Path, protocol: str, folds: int
) -> None:
    result = evaluate(coded(), "--protocol", protocol, "--predictions", tmp_path / "p.jsonl", "--json", tmp_path / "o")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.splitlines()[1].startswith("rest\t1\t48\t")
    rows = read_rows(tmp_path / "p.jsonl")
    assert sorted(row["id"] for row in rows) == sorted(row["id"] for row in coded())
    assert {row["draw"] for row in rows} == set(range(folds))
    assert {row["shots"] for row in rows} == {None}
    key = "document" if protocol == "leave-one-document-out" else "id"
    together = defaultdict(set)
    for row in rows:
        together[row["draw"]].add(row[key])
    assert key == "id" or all(len(names) == 1 for names in together.values())


def test_several_coders_are_judged_by_their_consensus_or_by_one_of_them(evaluate: Evaluate, tmp_path: Path) -> None:
    other = [{**row, "codes": ["fear"] if number % 8 == 0 else row["codes"]} for number, row in enumerate(coded())]
    rows = coded(coder="Ada") + [{**row, "coder": "Ben"} for row in other]
    evaluate(rows, "--shots", 0, "--json", tmp_path / "both.json")
    both = read(tmp_path / "both.json")
    assert both["truth"] == {"coder": "consensus", "coders": ["Ada", "Ben"], "left_out": 6}
    assert both["main"]["segments"] == 42
    (between,) = both["main"]["agreement"]["humans"]
    assert between["segments"] == 48
    flat = [[code in row["codes"] for row in given for code in ("bus", "cost", "fear")] for given in (coded(), other)]
    assert between["pooled"]["kappa"]["value"] == pytest.approx(cohen_kappa_score(*flat), abs=1e-9)
    evaluate(rows, "--shots", 0, "--coder", "Ben", "--json", tmp_path / "ben.json")
    assert read(tmp_path / "ben.json")["truth"] == {"coder": "Ben", "coders": ["Ada", "Ben"], "left_out": 0}


def test_codes_with_fewer_examples_than_shots_are_named(evaluate: Evaluate, tmp_path: Path) -> None:
    result = evaluate(coded(24), "--shots", 8, "--draws", 1, "--split", "random", "--json", tmp_path / "o.json")
    assert "bus: 3 to 3 examples instead of 8" in result.stderr
    assert {one["code"] for one in read(tmp_path / "o.json")["shortages"]} == {"bus", "cost", "fear"}


def test_fitting_is_tried_for_each_round_of_learning_and_said_to_be_of_no_use_where_examples_are_few(
    evaluate: Evaluate, tmp_path: Path
) -> None:
    options = ("--shots", "0,2", "--draws", "2", "--model", "all-minilm-l6-v2", "--json", tmp_path / "f.json")
    adapted = evaluate(coded(), "--adapt", *options)
    assert adapted.exit_code == 0, adapted.stderr
    assert adapted.stderr.count("Too few examples to tell whether fitting the model helps") == 2
    figures = read(tmp_path / "f.json")
    assert "In 2 rounds of learning it was tried" in figures.pop("notes")[-1]
    assert evaluate(coded(), *options).stdout == adapted.stdout
    as_it_is = read(tmp_path / "f.json")
    assert as_it_is.pop("notes") == []
    assert as_it_is == figures


def test_segments_without_words_are_left_out_and_named(evaluate: Evaluate, tmp_path: Path) -> None:
    result = evaluate([*coded(), {"id": "x", "text": " … ", "codes": []}], "--shots", 0, "--json", tmp_path / "o.json")
    assert "1 row left out" in result.stderr
    assert "line 49" in result.stderr
    assert read(tmp_path / "o.json")["material"]["segments"] == 48


@pytest.mark.parametrize(
    ("rows", "options", "words"),
    [
        ([*coded(8), {"id": "x", "text": "Canary", "codes": ["canary"]}], [], "codes of line 9"),
        ([*coded(8), {"id": "x", "codes": []}], [], "line 9, text"),
        ([*coded(8), {**coded(8)[0], "codes": []}], [], "codes of line 1 and line 9"),
        ([*coded(8), {**coded(8)[0], "text": "Canary"}], [], "text of line 1 and line 9"),
        (coded(8), ["--coder", "Canary"], "No row has this coder"),
        (coded(8, documents=1), [], "no two documents"),
        (coded(8, documents=1), ["--protocol", "leave-one-document-out"], "no two documents"),
        ([{**row, "site": "s"} for row in coded(8)], ["--protocol", "leave-one-site-out"], "no two sites"),
        (
            [*coded(8), {"id": "x", "text": "Canary", "codes": []}],
            ["--protocol", "leave-one-site-out"],
            "site of line 9",
        ),
        ([], [], "No segment has a coding"),
        (coded(8), ["--model", "canary"], "model_unknown"),
        (coded(8), ["--predictions", "canary.csv"], "must end in .jsonl"),
        (coded(8), ["--json", "coded.jsonl"], "must not be a file that is read"),
        (coded(8), ["--report", "book.json"], "must not be a file that is read"),
    ],
)
def test_what_is_wrong_is_said_with_its_line_and_without_its_text(
    evaluate: Evaluate, rows: Rows, options: list[object], words: str
) -> None:
    result = evaluate(rows, *options)
    assert result.exit_code == 1
    assert words in result.stderr
    assert "canary" not in result.stderr.lower()
    assert result.stdout == ""


@pytest.mark.parametrize(
    "options",
    [
        ["--shots", "1,x"],
        ["--shots", "-1"],
        ["--shots", ""],
        ["--shots", "1001"],
        ["--draws", "0"],
        ["--split", "canary"],
        ["--protocol", "canary"],
        ["--seed", "-1"],
        ["--adaptive"],
    ],
)
def test_options_that_cannot_be_are_wrong_usage(evaluate: Evaluate, options: list[str]) -> None:
    assert evaluate(coded(8), *options).exit_code == 2


class Page(HTMLParser):
    """What a page would load or run, and what it says."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.suspects: list[str] = []
        self.words = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.suspects += [name for name, _ in attrs if name in ("src", "href", "action") or name.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.words += data


def test_the_report_stands_alone_and_shows_hostile_names_as_text(evaluate: Evaluate, tmp_path: Path) -> None:
    codes = [{**code, "name": f"{code['name']} {HOSTILE}"} for code in BOOK["codes"]]  # type: ignore[index]
    (tmp_path / "hostile.json").write_text(json.dumps({"name": HOSTILE, "codes": codes}), encoding="utf-8")
    hostile = [{**row, "site": f"{HOSTILE}{number % 2}", "coder": HOSTILE} for number, row in enumerate(coded())]
    other = [{**row, "coder": "Ben"} for row in hostile]
    result = evaluate(
        [*hostile, *other], "--shots", "0,1", "--report", tmp_path / "o.html", codebook=tmp_path / "hostile.json"
    )
    assert result.exit_code == 0, result.stderr
    page = Page(tmp_path / "o.html")
    assert page.tags.isdisjoint({"script", "img", "link", "iframe", "object", "form"})
    assert page.suspects == []
    for words in (HOSTILE, "How much examples help", "The machine as a coder", "Site by site", "Do the scores mean"):
        assert words in page.words


def test_the_demo_study_is_evaluated_by_leaving_one_site_out(evaluate: Evaluate, tmp_path: Path) -> None:
    rows = read_rows(DEMO)
    options = ("--protocol", "leave-one-site-out", "--json", tmp_path / "o.json", "--report", tmp_path / "o.html")
    result = evaluate(rows, *options, codebook="upsides")
    assert result.exit_code == 0, result.stderr
    found = read(tmp_path / "o.json")
    assert [one["site"] for one in found["main"]["sites"]["sites"]] == ["AD", "BGU", "BU", "DS", "UKE", "Ulm"]
    assert found["main"]["agreement"]["humans"][0]["segments"] == 118


def test_what_was_said_around_counts_unless_it_shall_not_and_the_report_says_so(
    evaluate: Evaluate, tmp_path: Path
) -> None:
    ordered = sorted(coded(24), key=lambda row: str(row["document"]))
    rows = [{**row, "paragraph": number} for number, row in enumerate(ordered)]
    found = {}
    for use, words in (("neighbours", "turns directly before and after"), ("none", "was left aside")):
        files = ("--json", tmp_path / "o.json", "--report", tmp_path / "o.html")
        assert evaluate(rows, "--shots", "1", "--draws", "1", "--context", use, *files).exit_code == 0
        found[use] = read(tmp_path / "o.json")
        assert words in Page(tmp_path / "o.html").words
        assert found[use]["protocol"]["context"] == use
    assert found["none"]["material"]["in_context"] == 0 < found["neighbours"]["material"]["in_context"]
    assert found["none"]["main"] != found["neighbours"]["main"]


def test_on_sad_the_machine_stands_beside_human_figures_equal_to_scikit_learn(
    evaluate: Evaluate, tmp_path: Path, evaldata: Path
) -> None:
    rows = read_rows(evaldata / "sad" / "segments.jsonl")
    options = ("--shots", 0, "--coder", "majority-of-5", "--json", tmp_path / "o.json")
    result = evaluate(rows, *options, codebook=evaldata / "sad" / "codebook.json")
    assert result.exit_code == 0, result.stderr
    agreement = read(tmp_path / "o.json")["main"]["agreement"]
    answers: dict[str, dict[str, str]] = defaultdict(dict)
    for row in rows:
        if any(character.isalnum() for character in row["text"]):
            answers[row["coder"]][row["id"]] = "+".join(row["codes"])
    one, other = ([answers[coder][each] for each in answers["majority-of-5"]] for coder in answers)
    (between,) = agreement["humans"]
    assert between["sets"]["kappa"]["value"] == pytest.approx(cohen_kappa_score(one, other), abs=1e-9)
    assert [pair["coders"][1] for pair in agreement["machine"]] == ["majority-of-5", "original-author", "consensus"]
    assert {pair["segments"] for pair in agreement["machine"][:2]} == {between["segments"]}
