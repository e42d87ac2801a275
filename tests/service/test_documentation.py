"""The documents cannot go stale: what they list is all there is, and what they show is what happens."""

import json
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import click
import pytest
import yaml  # type: ignore[import-untyped] # stubs are a package of their own
from click.testing import CliRunner
from fastapi.testclient import TestClient

from models import codebook as codebooks
from models.codebook import built_in_codebook, codebook_from_json
from models.reference import no_reference
from models.suggester import Suggester
from service import limits
from service.cli import main
from service.encoders import LoadedModel
from service.formats.coded_files import example_from_row
from service.page.pages import error_codes
from service.settings import Settings

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
DOCUMENTS = ("README.md", "ARCHITECTURE.md", "CHANGELOG.md", "SECURITY.md", "CITATION.cff")
BLOCK = re.compile(r"```(\w+)\n(.*?)\n```", re.DOTALL)
ACROSS_MACHINES = 0.02  # scores of one model on processors of another kind


def blocks(kind: str) -> list[str]:
    return [text for found, text in BLOCK.findall(README) if found == kind]


# What is listed is all there is


def test_every_setting_is_in_the_table_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `THEMECODER_(\w+)` \| (?:`(.*?)`|none) \|", README, re.MULTILINE))
    assert set(rows) == {name.upper() for name in Settings.model_fields}
    for name, field in Settings.model_fields.items():
        default = field.default
        shown = json.dumps(default) if isinstance(default, list | dict) else str(default or "")
        assert rows[name.upper()] == shown


def test_every_option_of_the_command_is_described() -> None:
    for name, command in main.commands.items():
        assert f"themecoder {name}" in README
        options = [flag for option in command.params if isinstance(option, click.Option) for flag in option.opts]
        for flag in options:
            assert f"`{flag}`" in README or f"{flag} …" in README, flag


def test_every_address_of_the_service_is_described(client: TestClient) -> None:
    document = client.get("/v1/openapi.json").json()
    for path, operations in document["paths"].items():
        for method in operations:
            assert f"`{method.upper()} {path}`" in README
    for path in ("/", "/docs", "/problems"):
        assert f"`GET {path}`" in README
        assert client.get(path).status_code == 200


def test_every_error_code_is_explained_on_the_page_of_errors(client: TestClient) -> None:
    page = client.get("/problems").text
    for code, (status, meaning) in error_codes().items():
        assert f'<tr id="{code}">' in page
        assert status in page
        assert meaning.endswith(".")


def test_every_error_code_is_drawn_in_the_tree_of_its_side() -> None:
    drawn = "".join((ROOT / side / "errors.py").read_text(encoding="utf-8") for side in ("service", "models"))
    for code in error_codes():
        assert re.search(rf"^    .*\b{code}$", drawn, re.MULTILINE), code


@pytest.mark.parametrize(
    "words",
    [
        f"{limits.MAX_SEGMENT_CHARACTERS:,} characters; longer ones are refused",
        f"{limits.MAX_BODY_BYTES // 2**20} MiB, {limits.MAX_SEGMENTS_PER_REQUEST:,} segments, "
        f"{limits.MAX_EXAMPLES_PER_REQUEST:,} examples, {limits.REQUEST_SECONDS} seconds to arrive",
        f"{limits.MAX_SUGGESTIONS_PER_REQUEST:,} suggestions",
        f"{codebooks.MAX_CODES:,} codes, {codebooks.MAX_DEPTH} levels",
        f"{limits.MAX_LABEL_CHARACTERS} characters",
        f"a line of a file | {limits.MAX_LINE_BYTES // 2**20} MiB",
        f"{limits.MAX_CSV_COLUMNS:,} columns",
        f"a codebook file | {limits.MAX_CODEBOOK_FILE_BYTES // 2**20} MiB",
    ],
)
def test_every_limit_is_described_as_it_is(words: str) -> None:
    assert words in README


def test_every_dependency_has_its_reason() -> None:
    table = ARCHITECTURE.partition("## Dependencies")[2].partition("## ")[0]
    rows = re.findall(r"^\| ([a-z0-9, -]+) \|", table, re.MULTILINE)
    listed = {name for row in rows for name in row.split(", ")} - {"package"}
    assert listed == {re.split(r"[<>=~\[]", needed)[0] for needed in PROJECT["project"]["dependencies"]}


def test_the_map_of_folders_names_all_that_is_there() -> None:
    folder_map = ARCHITECTURE.partition("```\n")[2].partition("```")[0]
    sides = re.split(r"^(models|service)/", folder_map, flags=re.MULTILINE)[1:]
    for side, lines in zip(sides[::2], sides[1::2], strict=True):
        shown = set(re.findall(r"(?<=[ \n])\w+(?:\.py|/)(?=\s)", lines))
        there = {f"{path.name}/" if path.is_dir() else path.name for path in (ROOT / side).iterdir()}
        assert there - {"__init__.py", "__pycache__/"} <= shown


def test_the_direction_of_imports_is_the_one_that_is_checked() -> None:
    (contract,) = [found for found in PROJECT["tool"]["importlinter"]["contracts"] if found["type"] == "layers"]
    layers = [layer.replace("service.", "") for layer in contract["layers"]]
    sentence = re.search(r"checked by `make check`: `([^`]+)`", ARCHITECTURE)
    assert sentence
    steps = [set(re.split(r", ", step)) for step in re.sub(r"\s+", " ", sentence[1]).split(" -> ")]
    flat = [set(layer.split(" | ")) for layer in layers]
    assert steps == [flat[0] | flat[1], *flat[2:]]


def test_the_version_is_the_same_everywhere() -> None:
    version = PROJECT["project"]["version"]
    assert f"## [{version}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert citation()["version"] == version


def citation() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    return document


def test_the_citation_has_what_its_format_asks_for() -> None:
    document = citation()
    assert document["cff-version"] == "1.2.0"
    assert {"message", "title", "authors"} <= set(document)
    assert document["license"] == PROJECT["project"]["license"]
    for reference in document["references"]:
        assert {"type", "title", "authors"} <= set(reference)
    assert document["references"][0]["doi"] == "10.1186/s12888-022-04206-5"


def test_links_and_pictures_lead_somewhere() -> None:
    for name in DOCUMENTS:
        for target in re.findall(r"\]\(([^)#]+)\)", (ROOT / name).read_text(encoding="utf-8")):
            assert target.startswith("https://") or (ROOT / target).exists(), target
    assert (ROOT / "docs" / "home.png").stat().st_size < 200_000


# What is shown is what happens


def request_of_readme() -> dict[str, Any]:
    (request,) = [re.search(r"-d '(.*)'", text, re.DOTALL) for text in blocks("sh") if "/v1/suggest" in text]
    assert request
    body: dict[str, Any] = json.loads(request[1])
    return body


def test_the_request_and_the_answer_have_the_shape_of_the_service(client: TestClient) -> None:
    answer = client.post("/v1/suggest", json={**request_of_readme(), "min_score": 0}).json()
    assert shape(answer) == shape(json.loads(blocks("json")[0]))


def shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__


def test_the_answer_is_the_one_that_the_bundled_model_gives(minilm: LoadedModel) -> None:
    shown = json.loads(blocks("json")[0])
    body = request_of_readme()
    book = built_in_codebook(body["codebook"])
    suggester = Suggester(book, minilm.encoder, background=minilm.background, reference=no_reference())
    (result,) = suggester.suggest([body["segments"][0]["text"]], top_k=body["top_k"])
    (best,) = result.suggestions
    (expected,) = shown["results"][0]["suggestions"]
    assert (best.code, best.name) == (expected["code"], expected["name"])
    assert [step.code for step in best.path] == [step["code"] for step in expected["path"]]
    assert best.score == pytest.approx(expected["score"], abs=ACROSS_MACHINES)
    assert shown["codebook"] == {"id": book.id, "version": book.version}
    assert shown["model"]["hash"] == minilm.encoder.identity.hash


def test_the_codebook_and_the_coded_segments_are_accepted() -> None:
    codebook = codebook_from_json(json.loads(blocks("json")[1]))
    examples = [example_from_row(json.loads(line), "") for line in blocks("jsonl")[0].splitlines()]
    assert [example.reference for example in examples] == ["BU 3", "BU 4", "b-5"]
    assert all(code in codebook for example in examples for code in example.codes)


def test_the_commands_for_files_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("THEMECODER_MODEL", "hashing")
    Path("interviews.csv").write_text(blocks("csv")[0] + "\n", encoding="utf-8")
    Path("barriers.json").write_text(blocks("json")[1], encoding="utf-8")
    Path("coded.jsonl").write_text(blocks("jsonl")[0], encoding="utf-8")
    Path("transcripts.jsonl").write_text('{"text": "There was no bus."}', encoding="utf-8")
    commands = [shlex.split(text) for text in blocks("sh") if text.startswith("themecoder suggest")]
    assert len(commands) == 2
    for command in commands:
        result = CliRunner().invoke(main, command[1:])
        assert result.exit_code == 0, result.stderr
    shown = blocks("csv")[1].splitlines()
    made = Path("suggestions.csv").read_text(encoding="utf-8").splitlines()
    assert made[0] == shown[0]
    assert len(made) == len(shown)


def test_the_commands_of_the_home_page_are_those_of_the_readme(client: TestClient) -> None:
    page = client.get("/").text
    for words in ("/v1/suggest", "themecoder suggest interviews.csv --codebook upsides --output"):
        assert words in page
