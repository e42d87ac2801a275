"""The pages in a real browser: they work, and nothing that is text ever becomes more than text."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, Page, Request, Route, expect, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")
TEXT = "Peer support workers share what they lived through, and that gives hope."
HOSTILE = "<script>window.ran = 1</script><img src=x onerror='window.ran = 1'>\u202e</p> javascript:alert(1) <!--"
# Notes what the policy of the page had to block, and keeps it until the test looks.
WATCH_POLICY = """
window.blocked = [];
addEventListener("securitypolicyviolation", (event) => window.blocked.push(event.violatedDirective));
"""


@dataclass
class Watched:
    """A page, and what must stay empty while it is used."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

    def note(self, request: Request) -> None:
        self.hosts.add(urlsplit(request.url).netloc)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip(f"there is no browser at {CHROMIUM}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Browser, service: Any) -> Iterator[Callable[[str], Page]]:
    """Opens one page of the service; after the test nothing may have complained or gone elsewhere."""
    watched = Watched(browser.new_page())
    watched.page.add_init_script(WATCH_POLICY)
    watched.page.on("console", lambda message: watched.complaints.append(f"{message.type}: {message.text}"))
    watched.page.on("pageerror", lambda error: watched.complaints.append(str(error)))
    watched.page.on("request", watched.note)

    def open_path(path: str) -> Page:
        watched.page.goto(f"{service.url}{path}")
        return watched.page

    yield open_path
    assert watched.page.evaluate("window.blocked") == []
    assert watched.page.evaluate("window.ran") is None
    # The browser itself writes a line for an answer that is an error; those are ours to cause.
    assert [said for said in watched.complaints if "status of" not in said] == []
    assert watched.hosts == {urlsplit(service.url).netloc}
    watched.page.close()


def result(**changes: Any) -> dict[str, Any]:
    nothing = {"abstained": True, "no_code": 0.7, "basis": "prior", "back_off": None, "suggestions": []}
    return {"id": "1", **nothing, **changes}


def step(name: str, score: float) -> dict[str, Any]:
    return {"code": "code", "name": name, "score": score}


def answer_with(page: Page, *answers: tuple[int, dict[str, Any]]) -> list[str]:
    """Makes the service's next answers these; gives back the texts that were asked about."""
    asked: list[str] = []

    def fulfil(route: Route) -> None:
        status, body = answers[min(len(asked), len(answers) - 1)]
        asked.append(json.loads(route.request.post_data or "")["segments"][0]["text"])
        route.fulfill(status=status, json=body)

    page.route("**/v1/suggest", fulfil)
    return asked


# The home page


def test_the_home_page_says_what_it_is_and_leads_on(open_page: Any) -> None:
    page = open_page("/")
    expect(page).to_have_title("themecoder")
    expect(page.get_by_text("No text leaves this machine")).to_be_visible()
    page.get_by_role("link", name="API", exact=True).click()
    expect(page).to_have_url(re.compile("/docs$"))
    page.get_by_role("link", name="Errors").click()
    expect(page).to_have_url(re.compile("/problems$"))
    page.get_by_role("link", name="themecoder").click()
    expect(page.get_by_role("heading", name="Try it")).to_be_visible()


def test_the_form_gives_suggestions_with_path_score_and_evidence(open_page: Any) -> None:
    page = open_page("/")
    page.get_by_label("A piece of a transcript").fill(TEXT)
    page.get_by_role("button", name="Suggest codes").click()
    first = page.get_by_role("listitem").first
    expect(first.locator(".path strong")).not_to_be_empty()
    expect(first.locator(".score")).to_contain_text(re.compile(r"\d+% likely"))
    expect(first.locator(".evidence")).to_contain_text("Its definition (similarity 0.")
    expect(page.get_by_role("status")).to_contain_text("best first")
    assert "?" not in page.url


def test_the_form_works_by_keyboard_alone(open_page: Any) -> None:
    page = open_page("/")
    page.get_by_label("A piece of a transcript").focus()
    page.keyboard.type(TEXT)
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("listitem").first).to_be_visible()
    for key in ("Tab", "Tab", "Tab"):  # the link to the codebook, then the two buttons
        page.keyboard.press(key)
    page.keyboard.press("Enter")
    expect(page.get_by_label("A piece of a transcript")).to_have_value(re.compile("A peer support worker"))
    expect(page.get_by_role("listitem").first).to_be_visible()


def test_the_form_asks_for_a_text_before_it_gives_codes(open_page: Any) -> None:
    page = open_page("/")
    for text in ("", "   "):
        page.get_by_label("A piece of a transcript").fill(text)
        page.get_by_role("button", name="Suggest codes").click()
        expect(page.get_by_role("status")).to_have_text("Please write or paste a piece of text first.")


def test_a_text_that_is_too_long_is_refused_and_not_cut(open_page: Any) -> None:
    page = open_page("/")
    page.get_by_label("A piece of a transcript").fill("word " * 2_001)
    page.get_by_role("button", name="Suggest codes").click()
    expect(page.get_by_role("status")).to_contain_text("at most 10000 characters")


def test_the_form_says_so_when_the_machine_abstains(open_page: Any) -> None:
    page = open_page("/")
    page.get_by_label("A piece of a transcript").fill("…")
    page.get_by_role("button", name="Suggest codes").click()
    expect(page.get_by_role("status")).to_have_text("No code of this codebook is likely enough, so none is suggested.")
    expect(page.get_by_role("listitem")).to_have_count(0)


def test_the_form_shows_the_theme_when_only_that_is_likely(open_page: Any) -> None:
    page = open_page("/")
    back_off = step("Benefits", 0.42) | {"path": [step("Benefits", 0.42)]}
    answer_with(page, (200, {"results": [result(back_off=back_off)]}))
    page.get_by_role("button", name="Use an example").click()
    expect(page.get_by_role("status")).to_contain_text("No single code is likely enough")
    expect(page.get_by_role("listitem")).to_contain_text("Benefits")
    expect(page.get_by_role("listitem")).to_contain_text("42% likely")


def test_the_form_waits_for_a_model_that_is_being_loaded(open_page: Any) -> None:
    page = open_page("/")
    loading = {"code": "model_unavailable", "detail": "The model is being loaded."}
    asked = answer_with(page, (503, loading), (200, {"results": [result()]}))
    page.get_by_label("A piece of a transcript").fill(TEXT)
    page.get_by_role("button", name="Suggest codes").click()
    expect(page.get_by_role("status")).to_contain_text("The model is being loaded. Trying again")
    expect(page.get_by_role("status")).to_contain_text("No code of this codebook")
    assert asked == [TEXT, TEXT]


def test_the_form_says_why_a_service_with_a_token_refuses(open_page: Any) -> None:
    page = open_page("/")
    answer_with(page, (401, {"code": "token_required", "detail": "This service answers only with a token."}))
    page.get_by_role("button", name="Use an example").click()
    expect(page.get_by_role("status")).to_contain_text("asks for a token")


def test_what_looks_like_html_is_shown_as_text(open_page: Any) -> None:
    page = open_page("/")
    evidence = {"kind": "example", "text": HOSTILE, "similarity": 0.5, "reference": HOSTILE}
    path = [step(HOSTILE, 0.5), step(HOSTILE, 0.4)]
    found = {"code": HOSTILE, "name": HOSTILE, "path": path, "score": 0.4, "evidence": [evidence]}
    answer_with(page, (200, {"results": [result(suggestions=[found])]}), (422, {"code": "x", "detail": HOSTILE}))
    page.get_by_label("A piece of a transcript").fill(HOSTILE)
    page.get_by_role("button", name="Suggest codes").click()
    expect(page.locator(".path bdi")).to_have_text([HOSTILE, HOSTILE])
    expect(page.locator(".evidence q")).to_have_text(HOSTILE)
    page.get_by_role("button", name="Suggest codes").click()
    expect(page.get_by_role("status")).to_have_text(HOSTILE)
    assert page.locator("#results script, #results img, #status *").count() == 0


@pytest.mark.parametrize("text", ["\U0001f468\u200d\U0001f469\u200d\U0001f467 family", "e\u0301 \u202eabc\u2028\u4f60"])
def test_scripts_count_the_characters_of_a_text_as_the_service_does(open_page: Any, service: Any, text: str) -> None:
    with httpx.Client(base_url=f"{service.url}/v1") as client:
        project = client.post("/projects", json={"name": "Characters"}).json()["id"]
        client.put(f"/projects/{project}/transcripts/t", json={"segments": [{"text": text}]}).raise_for_status()
    page = open_page("/")
    read = "async address => { const one = (await (await fetch(address)).json()).items[0].text; return [...one]; }"
    assert page.evaluate(read, f"/v1/projects/{project}/segments") == list(text)


def test_the_form_lets_no_text_go_to_helpers_of_the_browser(open_page: Any) -> None:
    box = open_page("/").get_by_label("A piece of a transcript")
    assert (box.get_attribute("spellcheck"), box.get_attribute("translate")) == ("false", "no")


@pytest.mark.parametrize("path", ["/", "/docs", "/problems"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_fits_a_phone_in_light_and_dark(open_page: Any, path: str, scheme: Any) -> None:
    page = open_page(path)
    page.set_viewport_size({"width": 360, "height": 700})
    page.emulate_media(color_scheme=scheme)
    if path == "/docs":
        expect(page.get_by_text("/v1/suggest").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    lightness = page.evaluate("getComputedStyle(document.querySelector('.home')).color.match(/\\d+/g).map(Number)[0]")
    assert (lightness > 128) == (scheme == "dark")


# The other pages


def test_every_error_code_has_its_place_on_the_page_of_errors(open_page: Any) -> None:
    page = open_page("/problems#segment_too_long")
    expect(page.locator("tr:target")).to_contain_text("segment_too_long")
    assert page.get_by_role("row").count() > 30


def test_the_api_page_shows_every_operation(open_page: Any) -> None:
    page = open_page("/docs")
    for path in ("/v1/suggest", "/v1/codebooks", "/v1/codebooks/{codebook_id}", "/health/live", "/health/ready"):
        expect(page.locator(f".opblock-summary-path[data-path='{path}']")).to_be_visible()


def test_the_api_page_lets_one_try_an_operation(open_page: Any) -> None:
    page = open_page("/docs")
    codes = [{"id": "hope", "name": HOSTILE}, {"id": "work", "name": "Work"}]
    segments = [{"id": "1", "text": f"{HOSTILE} hope"}]
    body = {"codebook": {"name": "Own", "codes": codes}, "segments": segments, "min_score": 0}
    page.get_by_role("button", name="POST /v1/suggest Suggest").click()
    page.locator(".opblock-post .body-param__text").fill(json.dumps(body))
    page.get_by_role("button", name="Execute").click()
    response = page.locator(".live-responses-table .response")
    expect(response.locator(".response-col_status")).to_contain_text("200")
    expect(response).to_contain_text("window.ran = 1")
    assert page.locator(".responses-wrapper script, .responses-wrapper img").count() == 0
