"""Many requests at once: nobody's answer changes, and what cannot be served in time is told so."""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi.testclient import TestClient

from models.encoder import EncoderIdentity, Vectors
from models.hashing_encoder import HashingEncoder
from service import limits
from service.actions.suggest_codes import SuggestCodes
from service.app import create_app
from service.encoders import Encoders
from service.settings import HASHING_MODEL, Settings

ProblemOf = Callable[[Any], dict[str, Any]]
Suggest = Callable[..., Any]

TEXTS = [
    "They give hope.",
    "Peer support workers have been through it themselves, and so people open up to them sooner than to us.",
    "At first we were afraid of losing our jobs.",
    "...",
    "hope " * 2_000,
    "Sie geben Hoffnung.",
    *(f"The family of patient {number} was glad about the visits at home." for number in range(35)),
]
EXAMPLES = [
    {"text": f"Visit {number} gave the family hope.", "codes": ["equal-partners"], "site": "BU", "paragraph": number}
    for number in range(12)
]


def results(suggest: Suggest, texts: Sequence[str], **fields: Any) -> dict[str, bytes]:
    """Each text's result, as bytes of the answer would have it."""
    segments = [{"id": str(TEXTS.index(text)), "text": text} for text in texts]
    response = suggest(segments=segments, top_k=0, min_score=0, **fields)
    assert response.status_code == 200, response.text
    return {result["id"]: json.dumps(result).encode() for result in response.json()["results"]}


@pytest.mark.parametrize("examples", [[], EXAMPLES], ids=["no examples", "examples"])
def test_a_segment_gets_the_same_alone_and_among_others_in_any_order(
    suggest: Suggest, examples: list[dict[str, Any]]
) -> None:
    alone: dict[str, bytes] = {}
    for text in TEXTS:
        alone |= results(suggest, [text], examples=examples)
    for texts in (TEXTS, TEXTS[::-1], TEXTS[::2], TEXTS[1:4], [TEXTS[7], *TEXTS[:7]]):
        for segment_id, result in results(suggest, texts, examples=examples).items():
            assert result == alone[segment_id]


def test_eight_threads_at_once_get_what_one_alone_gets(suggest: Suggest) -> None:
    alone = results(suggest, TEXTS)
    shares = [TEXTS[number:] + TEXTS[:number] for number in range(8)]
    with ThreadPoolExecutor(8) as threads:
        for answers in threads.map(lambda share: [results(suggest, share) for _ in range(4)], shares):
            assert answers == [alone] * 4


def test_the_same_request_gets_the_same_bytes(suggest: Suggest) -> None:
    assert len({suggest(examples=EXAMPLES).content for _ in range(5)}) == 1


class HeldEncoder:
    """An encoder that keeps whoever asks it waiting until it is let go."""

    identity: EncoderIdentity = HashingEncoder.identity

    def __init__(self) -> None:
        self.go = threading.Event()
        self._encoder = HashingEncoder()

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.go.wait(timeout=30)
        return self._encoder.encode(texts)


@pytest.fixture
def held() -> Iterator[tuple[TestClient, HeldEncoder]]:
    """A service whose encoder is held."""
    settings = Settings(model=HASHING_MODEL)
    encoder = HeldEncoder()
    encoders = Encoders(settings, wrap=lambda _: encoder)
    encoders.load()
    with TestClient(create_app(settings), base_url="http://127.0.0.1:8000") as client:
        client.app_state["suggest_codes"] = SuggestCodes(encoders)
        yield client, encoder
        encoder.go.set()


def test_beyond_the_limit_of_waiting_requests_the_rest_are_told_at_once(
    held: tuple[TestClient, HeldEncoder], problem_of: ProblemOf
) -> None:
    client, encoder = held
    body = {"codebook": "upsides", "segments": [{"id": "canary", "text": "canary"}]}
    excess = 30
    refused = threading.Semaphore(0)

    def ask() -> Any:
        response = client.post("/v1/suggest", json=body)
        if response.status_code == 503:
            refused.release()
        return response

    with ThreadPoolExecutor(limits.MAX_WAITING_REQUESTS + excess) as threads:
        asked = [threads.submit(ask) for _ in range(limits.MAX_WAITING_REQUESTS + excess)]
        told = [refused.acquire(timeout=20) for _ in range(excess)]
        live, codebook = client.get("/health/live"), client.get("/v1/codebooks/upsides")
        encoder.go.set()
        responses = [future.result() for future in asked]

    assert all(told)
    assert live.status_code == codebook.status_code == 200
    answered = [response for response in responses if response.status_code == 200]
    busy = [response for response in responses if response.status_code == 503]
    assert (len(answered), len(busy)) == (limits.MAX_WAITING_REQUESTS, excess)
    assert {problem_of(response)["code"] for response in busy} == {"service_busy"}
    assert all(int(response.headers["Retry-After"]) > 0 for response in busy)
    assert client.post("/v1/suggest", json=body).status_code == 200


CODES = [{"id": f"c{number}", "name": f"Canary {number}"} for number in range(1_000)]


def test_an_answer_larger_than_the_limit_is_refused_before_it_is_made(suggest: Suggest, problem_of: ProblemOf) -> None:
    segments = [{"id": str(number), "text": "canary"} for number in range(51)]
    response = suggest(codebook={"name": "n", "codes": CODES}, segments=segments, top_k=0, min_score=0)
    problem = problem_of(response)
    assert (response.status_code, problem["code"], problem["place"]) == (422, "answer_too_large", "top_k")


def test_definitions_repeated_beyond_the_limit_are_refused(suggest: Suggest, problem_of: ProblemOf) -> None:
    codes = [{"id": f"c{number}", "name": f"Canary {number}", "description": "c" * 9_000} for number in range(200)]
    segments = [{"id": str(number), "text": "canary"} for number in range(10)]
    response = suggest(codebook={"name": "n", "codes": codes}, segments=segments, top_k=0, min_score=0)
    problem = problem_of(response)
    assert (response.status_code, problem["code"]) == (422, "answer_too_large")


def test_a_full_request_may_ask_for_every_leaf_of_a_usual_codebook(suggest: Suggest) -> None:
    segments = [{"id": str(number), "text": "They give hope."} for number in range(1_000)]
    assert suggest(segments=segments, top_k=2_000, min_score=0).status_code == 200
