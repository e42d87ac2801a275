"""The demo study as it is shipped: its transcripts, its codings and its list of sites agree with each other."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from models.codebook import built_in_codebook

FOLDER = Path(__file__).parents[2] / "service" / "demo_study"
STUDY: dict[str, Any] = json.loads((FOLDER / "study.json").read_text(encoding="utf-8"))
CODERS = ("coder-a", "coder-b")
TURN = re.compile(r"(I|B[1-9]): (\S.*\S)")
WORDS_IN_A_ROW = 6


def turns_of(site: dict[str, Any]) -> list[tuple[str, str]]:
    """Speaker and text of each turn; each stands on a line of its own, with an empty line between."""
    body = (FOLDER / site["file"]).read_text(encoding="utf-8")
    matches = [TURN.fullmatch(block) for block in body.removesuffix("\n").split("\n\n")]
    assert all(matches), site["file"]
    return [(match[1], match[2]) for match in matches if match]


TURNS = {site["site"]: turns_of(site) for site in STUDY["sites"]}
CODINGS: list[dict[str, Any]] = [
    json.loads(line) for line in (FOLDER / "codings.jsonl").read_text(encoding="utf-8").splitlines()
]


def codes_by_segment(coder: str) -> dict[str, frozenset[str]]:
    return {row["id"]: frozenset(row["codes"]) for row in CODINGS if row["coder"] == coder}


def word_sequences(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", re.sub(r"['\u2019]", "", text.lower()))
    return {tuple(words[start : start + WORDS_IN_A_ROW]) for start in range(len(words) - WORDS_IN_A_ROW + 1)}


def test_the_study_says_that_it_is_invented_and_lists_all_its_files() -> None:
    assert "invented" in STUDY["name"].lower()
    assert "no person said any of this" in STUDY["note"]
    assert STUDY["codebook"] == built_in_codebook("upsides").id
    assert {site["file"] for site in STUDY["sites"]} == {path.name for path in FOLDER.glob("*.txt")}
    for site in STUDY["sites"]:
        assert set(site) == {"site", "document", "file", "language", "original_language", "date"}
        assert site["document"] == f"demo-{site['site'].lower()}"
        assert site["file"] == f"{site['site'].lower()}.txt"
        assert site["language"] == "en"
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", site["date"])
    assert {site["site"] for site in STUDY["sites"]} == {"BU", "DS", "AD", "Ulm", "UKE", "BGU"}


def test_there_are_as_many_turns_as_a_demonstration_needs() -> None:
    assert 140 <= sum(map(len, TURNS.values())) <= 170
    for turns in TURNS.values():
        speakers = Counter(speaker for speaker, _ in turns)
        assert turns[0][0] == "I"
        assert 4 <= len(speakers - Counter({"I": speakers["I"]})) <= 6
        assert all(10 <= len(text.split()) <= 80 for speaker, text in turns if speaker != "I")


def test_no_text_stands_twice() -> None:
    texts = [text for turns in TURNS.values() for _, text in turns]
    assert len(texts) == len(set(texts))
    sequences = Counter(sequence for text in texts for sequence in word_sequences(text))
    assert [sequence for sequence, times in sequences.items() if times > 1] == []


def test_each_coding_names_its_turn() -> None:
    for row in CODINGS:
        assert list(row) == ["id", "document", "site", "paragraph", "speaker", "section", "codes", "coder", "text"]
        site = row["site"]
        assert row["id"] == f"{site.lower()}-{row['paragraph']}"
        assert row["document"] == f"demo-{site.lower()}"
        assert (row["speaker"], row["text"]) == TURNS[site][row["paragraph"] - 1]
        assert row["section"]


def test_both_coders_coded_every_turn_of_a_participant_once_and_no_other() -> None:
    expected = sorted(
        (f"{site.lower()}-{paragraph}", coder)
        for site, turns in TURNS.items()
        for paragraph, (speaker, _) in enumerate(turns, start=1)
        if speaker != "I"
        for coder in CODERS
    )
    assert sorted((row["id"], row["coder"]) for row in CODINGS) == expected


def test_codes_are_of_the_codebook_and_each_coder_used_every_leaf_several_times() -> None:
    codebook = built_in_codebook("upsides")
    known = {code.id for code in codebook.codes}
    leaves = known - {code.parent for code in codebook.codes}
    for coder in CODERS:
        used = Counter(code for codes in codes_by_segment(coder).values() for code in codes)
        assert set(used) <= known
        assert {leaf: used[leaf] for leaf in leaves if used[leaf] < 3} == {}
    assert all(len(row["codes"]) == len(set(row["codes"])) for row in CODINGS)


def test_the_coders_agree_often_but_not_always() -> None:
    first, second = (codes_by_segment(coder) for coder in CODERS)
    same = sum(first[segment] == second[segment] for segment in first)
    assert 0.7 <= same / len(first) <= 0.9
    none_applies = sum(not first[segment] or not second[segment] for segment in first)
    assert 0.1 <= none_applies / len(first) <= 0.25


@pytest.mark.parametrize("site", TURNS)
def test_nothing_is_taken_from_the_quotes_of_the_published_study(site: str, evaldata: Path) -> None:
    lines = (evaldata / "upsides" / "segments.jsonl").read_text(encoding="utf-8").splitlines()
    quoted = {sequence for line in lines for sequence in word_sequences(json.loads(line)["text"])}
    assert quoted
    for _, text in TURNS[site]:
        assert not word_sequences(text) & quoted, text
