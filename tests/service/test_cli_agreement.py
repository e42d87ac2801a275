"""``themecoder agreement``: figures, files, and what is wrong with the input, by its line."""

import json
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sklearn.metrics import cohen_kappa_score

from service.cli import main

DEMO = Path(__file__).parents[2] / "service" / "demo_study" / "codings.jsonl"
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&"
Rows = list[dict[str, Any]]
Agreement = Callable[..., Result]


@pytest.fixture
def agreement(tmp_path: Path) -> Agreement:
    def run(rows: Rows | Path, *options: object) -> Result:
        source = rows
        if not isinstance(source, Path):
            source = tmp_path / "coded.jsonl"
            source.write_text("\n".join(json.dumps(row) for row in rows) + "\n", encoding="utf-8")
        return CliRunner().invoke(main, ["agreement", str(source), *map(str, options)])

    return run


def coded(answers: dict[str, list[list[str]]], **common: Any) -> Rows:
    return [
        {"id": f"s{number}", "document": f"d{number % 6}", "coder": coder, "codes": codes, **common}
        for coder, given in answers.items()
        for number, codes in enumerate(given)
    ]


TWO = {"Ada": [["hope"], [], ["hope"], ["cost"], [], []], "Ben": [["hope"], ["hope"], ["cost"], ["cost"], [], []]}


def figures(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def test_the_figures_are_those_of_scikit_learn_at_full_precision(agreement: Agreement, tmp_path: Path) -> None:
    result = agreement(coded(TWO), "--json", tmp_path / "out.json")
    assert result.exit_code == 0, result.stderr
    found = figures(tmp_path / "out.json")
    for row in found["codes"]:
        one, other = ([row["code"] in codes for codes in TWO[coder]] for coder in ("Ada", "Ben"))
        assert row["figures"]["kappa"]["value"] == pytest.approx(cohen_kappa_score(one, other), abs=1e-9)
        assert row["figures"]["kappa"]["n"] == 6
    header, everything, *_ = (line.split("\t") for line in result.stdout.splitlines())
    assert header[:4] == ["unit", "n", "raw_agreement", "kappa"]
    assert everything[:2] == ["all codes", "12"]
    assert "only 6 transcripts" in result.stderr


def test_only_the_coders_asked_for_are_compared(agreement: Agreement, tmp_path: Path) -> None:
    rows = coded({**TWO, "Cy, the third": [["cost"]] * 6})
    assert agreement(rows, "--coders", "Ben, Ada", "--json", tmp_path / "out.json").exit_code == 0
    assert figures(tmp_path / "out.json")["coders"] == ["Ben", "Ada"]


def test_rows_that_say_the_same_again_count_once_and_are_named(agreement: Agreement, tmp_path: Path) -> None:
    rows = coded(TWO)
    result = agreement([*rows, {**rows[0], "codes": ["hope", "hope"]}], "--json", tmp_path / "out.json")
    assert figures(tmp_path / "out.json")["notes"] == [
        "1 row counted once with the earlier row that says the same: line 13."
    ]
    assert "line 13" in result.stderr


@pytest.mark.parametrize(
    ("rows", "options", "words"),
    [
        (coded({"Ada": [["hope"]]}), [], "two coders or more"),
        (coded(TWO), ["--coders", "Ada"], "two coders or more"),
        (coded(TWO), ["--coders", "Ada,Canary"], "--coders, name 2"),
        ([*coded(TWO)[:1], *coded(TWO)[7:8]], [], "No segment was looked at"),
        ([*coded(TWO), {**coded(TWO)[0], "codes": ["canary"]}], [], "codes of line 1 and line 13"),
        ([*coded(TWO), {**coded(TWO)[0], "document": "canary"}], [], "document of line 1 and line 13"),
        (coded(TWO, text="canary")[:7] + coded(TWO, text="another canary")[7:], [], "text of line 2 and line 8"),
        ([{**coded(TWO)[0], "site": "canary"}, {**coded(TWO)[6], "site": "other"}], [], "site of line 1 and line 2"),
        (coded(TWO), ["--codebook", "upsides"], "codes of line 1, line 3, line 4"),
        ([{"id": "1", "coder": "A"}], [], "line 1, codes"),
        ([{"id": "1", "codes": [], "coder": ["canary"]}], [], "line 1, coder"),
        ([], [], "two coders or more"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_line_and_without_its_text(
    agreement: Agreement, rows: Rows, options: list[str], words: str
) -> None:
    result = agreement(rows, *options)
    assert result.exit_code == 1
    assert words in result.stderr
    assert "canary" not in result.stderr.lower()
    assert result.stdout == ""


def test_a_file_of_another_kind_and_an_unknown_option_are_wrong(agreement: Agreement, tmp_path: Path) -> None:
    other = tmp_path / "coded.csv"
    other.write_text("id,codes\n", encoding="utf-8")
    assert "must be a .jsonl file" in agreement(other).stderr
    assert agreement(coded(TWO), "--canary").exit_code == 2
    assert agreement(tmp_path / "nowhere.jsonl").exit_code == 2


class Page(HTMLParser):
    """What a page would load or run, and what it says."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.addresses: list[str] = []
        self.handlers: list[str] = []
        self.words = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "action", "data")]
        self.handlers += [name for name, _ in attrs if name.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.words += data


def test_the_report_stands_alone_and_shows_hostile_names_as_text(agreement: Agreement, tmp_path: Path) -> None:
    codebook = {"name": "b", "codes": [{"id": "x", "name": HOSTILE}, {"id": "y", "name": "Why", "parent": "x"}]}
    (tmp_path / "book.json").write_text(json.dumps(codebook), encoding="utf-8")
    rows = coded({HOSTILE: [["x"], ["y"], [], []], "Ben": [["x"], [], ["y"], []]})
    result = agreement(rows, "--codebook", tmp_path / "book.json", "--report", tmp_path / "out.html")
    assert result.exit_code == 0, result.stderr
    page = Page(tmp_path / "out.html")
    assert page.tags.isdisjoint({"script", "img", "link", "iframe", "object", "form"})
    assert (page.addresses, page.handlers) == ([], [])
    assert HOSTILE in page.words
    for words in ("Level by level", "Cohen's kappa", "Methods, ready for a paper", "What the figures mean"):
        assert words in page.words


def test_undefined_figures_have_their_reason_in_the_report(agreement: Agreement, tmp_path: Path) -> None:
    rows = coded({"Ada": [["hope"], ["hope"]], "Ben": [["hope"], ["hope"]], "Cy": [["hope"], ["hope"]]})
    assert agreement(rows, "--report", tmp_path / "out.html").exit_code == 0
    words = Page(tmp_path / "out.html").words
    assert "undefined1" in words
    assert "Every coder applied it" in words
    assert "Coder with coder" in words


def test_the_demo_study_is_compared_per_code_and_level(agreement: Agreement, tmp_path: Path) -> None:
    result = agreement(DEMO, "--codebook", "upsides", "--json", tmp_path / "out.json")
    assert result.exit_code == 0, result.stderr
    found = figures(tmp_path / "out.json")
    assert (found["segments"], found["documents"], found["resampled"]) == (118, 6, "document")
    assert [one["level"] for one in found["levels"]] == [1, 2, 3]
    assert len(found["codes"]) + len(found["unused_codes"]) == 21
    by_code = {row["code"]: row["figures"]["kappa"]["value"] for row in found["codes"]}
    answers: dict[str, dict[str, list[str]]] = {}
    for line in DEMO.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        answers.setdefault(row["coder"], {})[row["id"]] = row["codes"]
    ids = list(answers["coder-a"])
    one, other = (["role-clarity" in answers[coder][each] for each in ids] for coder in ("coder-a", "coder-b"))
    assert by_code["role-clarity"] == pytest.approx(cohen_kappa_score(one, other), abs=1e-9)


def test_agreement_on_sad_is_that_of_scikit_learn(agreement: Agreement, tmp_path: Path, evaldata: Path) -> None:
    folder = evaldata / "sad"
    options = ["--codebook", folder / "codebook.json", "--json", tmp_path / "out.json"]
    assert agreement(folder / "segments.jsonl", *options).exit_code == 0
    answers: dict[str, dict[str, list[str]]] = {}
    for line in (folder / "segments.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        answers.setdefault(row["coder"], {})[row["id"]] = row["codes"]
    one, other = (["+".join(answers[coder][each]) for each in answers["majority-of-5"]] for coder in answers)
    found = figures(tmp_path / "out.json")["all_codes"]["sets"]["kappa"]
    assert found["value"] == pytest.approx(cohen_kappa_score(one, other), abs=1e-9)
    assert found["value"] == pytest.approx(0.535, abs=5e-4)
