"""A study from upload to export, over HTTP, on both databases: the loop that the product is for."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import httpx
import pytest


@pytest.fixture
def api(start_service: Any, database_url: str) -> Any:
    service = start_service(database=database_url)
    service.wait_until_ready()
    with httpx.Client(base_url=f"{service.url}/v1", timeout=60) as client:
        yield client


def quotes_as_csv(evaldata: Path) -> bytes:
    rows = [json.loads(line) for line in (evaldata / "upsides" / "segments.jsonl").read_text("utf-8").splitlines()]
    columns = ["id", "text", "paragraph", "site"]
    table = io.StringIO()
    writer = csv.DictWriter(table, columns, extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return table.getvalue().encode()


def test_quotes_are_suggested_for_decided_on_and_exported_with_their_references(api: Any, evaldata: Path) -> None:
    api.post("/projects", json={"name": "Quotes", "external_id": "q"}).raise_for_status()
    uploaded = api.post(
        "/projects/ext:q/transcripts", content=quotes_as_csv(evaldata), headers={"Content-Type": "text/csv"}
    )
    assert sum(one["segments"] for one in uploaded.json()["transcripts"]) == 36
    made = api.post("/projects/ext:q/suggestions", json={"min_score": 0}).json()
    assert (made["segments"], made["suggestions"]) == (36, 108)
    waiting = api.get("/projects/ext:q/suggestions", params={"limit": 200}).json()["items"]
    firsts = [one for one in waiting if one["rank"] == 1]
    assert firsts[0]["segment"]["reference"] == "BU 11"

    def decide(**wish: Any) -> Any:
        answer = api.post("/projects/ext:q/decisions", json={"analyst": "Ada", **wish})
        assert answer.status_code == 200, answer.text
        return answer.json()

    for one in firsts[:5]:
        decide(kind="accept", suggestion=one["id"])
    for one in firsts[5:8]:
        decide(kind="reject", suggestion=one["id"])
    other = next(one["code"] for one in waiting if one["code"] != firsts[8]["code"])
    decide(kind="replace", suggestion=firsts[8]["id"], code=other)
    undone = decide(kind="accept", suggestion=firsts[9]["id"])
    decide(kind="undo", decision=undone["id"])
    decide(kind="no_code", segment=firsts[10]["segment"]["id"])

    table = api.get("/projects/ext:q/exports/codings", params={"format": "csv", "mode": "data"}).text
    rows = list(csv.DictReader(io.StringIO(table)))
    by_status: dict[str, list[str]] = {}
    for row in rows:
        by_status.setdefault(row["status"], []).append(row["reference"])
    references = [one["segment"]["reference"] for one in firsts]
    assert by_status["accepted"] == references[:5]
    assert by_status["accepted"][0] == "BU 11"
    assert by_status["replaced"] == [references[8]]
    assert by_status["no_code"] == [references[10]]
    assert by_status["rejected"] == references[5:9]
    assert {row["decided_by"] for row in rows} == {"Ada"}
    trail = list(csv.DictReader(io.StringIO(api.get("/projects/ext:q/exports/decisions?format=csv&mode=data").text)))
    assert [row["kind"] for row in trail] == ["accept"] * 5 + ["reject"] * 3 + ["replace", "accept", "undo", "no_code"]
    assert trail[9]["undone_by"] == trail[10]["number"]

    again = api.post("/projects/ext:q/suggestions", json={"min_score": 0}).json()
    assert again["segments"] == 36
    offered = {
        (one["segment"]["id"], one["code"])
        for one in api.get("/projects/ext:q/suggestions", params={"limit": 200}).json()["items"]
    }
    refused = {(one["segment"]["id"], one["code"]) for one in firsts[5:9]}
    assert not offered & refused
    assert not {segment for segment, _ in offered} & {firsts[10]["segment"]["id"]}
