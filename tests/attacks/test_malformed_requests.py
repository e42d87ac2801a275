"""What is not HTTP, or HTTP that two programs would read differently, through bare sockets."""

import re
import socket
import time
from collections.abc import Callable
from http.client import HTTPResponse
from typing import Any

import pytest

from service.api.guards import SECURITY_HEADERS

Connect = Callable[[], socket.socket]
AnswerTo = Callable[..., tuple[HTTPResponse, Any]]

HOST = b"Host: 127.0.0.1\r\n"
GET = b"GET /health/live HTTP/1.1\r\n" + HOST
BODY = b'{"codebook": "upsides", "segments": [{"id": "1", "text": "hope"}]}'


STATUS = re.compile(rb"HTTP/1\.1 (\d+) ")


def everything(connection: socket.socket) -> bytes:
    """What comes until the server closes the connection."""
    return b"".join(iter(lambda: connection.recv(65_536), b""))


def get(target: bytes, headers: bytes = HOST) -> bytes:
    return b"GET " + target + b" HTTP/1.1\r\n" + headers + b"\r\n"


def post(headers: bytes, body: bytes = BODY) -> bytes:
    return b"POST /v1/suggest HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n" + headers + b"\r\n" + body


def check_problem(response: HTTPResponse, problem: Any, status: int, code: str) -> None:
    assert (response.status, problem["code"]) == (status, code)
    assert set(problem) == {"type", "title", "status", "detail", "code", "request_id"}
    assert problem["status"] == status
    assert problem["request_id"] == response.headers["X-Request-ID"]
    assert response.headers["Content-Type"] == "application/problem+json"
    assert "canary" not in (str(problem) + str(response.headers)).lower()
    for name, value in SECURITY_HEADERS.items():
        assert response.headers.get_all(name) == [value]


NOT_HTTP = {
    "words": b"canary canary canary\r\n\r\n",
    "no version": b"GET /canary\r\n" + HOST + b"\r\n",
    "the start of TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"canary" * 10 + b"\r\n\r\n",
    "nothing but zeros": b"\0" * 100 + b"\r\n\r\n",
    "a target with a space": get(b"/health/live canary"),
    "a target with a control character": get(b"/health/\x01live"),
    "a target beyond ASCII": get(b"/can\xc3\xa4ry"),
    "an empty target": get(b""),
    "a method with a space": b" GET / HTTP/1.1\r\n" + HOST + b"\r\n",
    "a header without a name": GET + b": canary\r\n\r\n",
    "a header without a colon": GET + b"canary\r\n\r\n",
    "a space before the colon": GET + b"X-Canary : 1\r\n\r\n",
    "a continued first header": b"GET / HTTP/1.1\r\n canary: 1\r\n" + HOST + b"\r\n",
    "NUL in a header": GET + b"X-Canary: a\0b\r\n\r\n",
    "CR in a header": GET + b"X-Canary: a\rSet-Cookie: canary=1\r\n\r\n",
    "no host": b"GET /health/live HTTP/1.1\r\n\r\n",
    "two hosts": GET + HOST + b"\r\n",
    "two different hosts": GET + b"Host: canary.example\r\n\r\n",
    "two lengths": post(b"Content-Length: 66\r\nContent-Length: 5\r\n"),
    "two lengths in one": post(b"Content-Length: 66, 5\r\n"),
    "a negative length": post(b"Content-Length: -1\r\n"),
    "a length with a sign": post(b"Content-Length: +66\r\n"),
    "a length in words": post(b"Content-Length: canary\r\n"),
    "a length of 400 digits": post(b"Content-Length: " + b"9" * 400 + b"\r\n"),
    "an unknown coding": post(b"Transfer-Encoding: canary\r\n"),
    "two codings": post(b"Transfer-Encoding: gzip, chunked\r\n"),
    "a chunk of a negative size": post(b"Transfer-Encoding: chunked\r\n", b"-1\r\ncanary\r\n"),
    "a chunk of no size": post(b"Transfer-Encoding: chunked\r\n", b"canary\r\n"),
    "a chunk without its end": post(b"Transfer-Encoding: chunked\r\n", b"1\r\n{canary\r\n"),
    "headers of 64 kB without an end": GET + b"X-Canary: " + b"c" * 65_536,
    "a line of 64 kB without an end": b"GET /" + b"c" * 65_536,
}


@pytest.mark.parametrize("request_", NOT_HTTP.values(), ids=NOT_HTTP)
def test_what_is_not_http_is_answered_400_in_our_shape_and_the_connection_closed(
    answer_to: AnswerTo, connect: Connect, request_: bytes
) -> None:
    connection = connect()
    response, problem = answer_to(request_, connection)
    check_problem(response, problem, 400, "malformed_request")
    assert response.headers["Connection"] == "close"
    assert connection.recv(1) == b""


NOT_OURS: dict[str, tuple[bytes, int, str]] = {
    "a whole address as target": (get(b"http://127.0.0.1/health/live"), 400, "malformed_request"),
    "a foreign address as target": (get(b"http://canary.example/health/live"), 400, "malformed_request"),
    "no slash": (get(b"health/live"), 400, "malformed_request"),
    "a tunnel": (b"CONNECT canary.example:443 HTTP/1.1\r\n" + HOST + b"\r\n", 400, "malformed_request"),
    "the start of HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "malformed_request"),
    "everything": (b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n", 400, "malformed_request"),
    "a host with a path": (get(b"/health/live", b"Host: 127.0.0.1/abc?bar=\r\n"), 400, "malformed_request"),
    "an empty host": (get(b"/health/live", b"Host:\r\n"), 400, "malformed_request"),
    "no host in HTTP/1.0": (b"GET /health/live HTTP/1.0\r\n\r\n", 400, "malformed_request"),
    "a foreign host": (get(b"/health/live", b"Host: canary.example\r\n"), 421, "host_not_served"),
    "a foreign host by a proxy": (
        get(b"/health/live", b"Host: canary.example\r\nX-Forwarded-Host: 127.0.0.1\r\n"),
        421,
        "host_not_served",
    ),
    "dots": (get(b"/v1/../health/live"), 404, "not_found"),
    "one dot": (get(b"/./health/live"), 404, "not_found"),
    "two slashes": (get(b"//health/live"), 404, "not_found"),
    "escaped dots": (get(b"/assets/%2e%2e/pages.py"), 404, "not_found"),
    "an escaped NUL": (get(b"/health/live%00"), 404, "not_found"),
    "an escaped line end": (get(b"/health/live%0d%0aSet-Cookie:%20canary=1"), 404, "not_found"),
    "bytes that are no UTF-8": (get(b"/%ff%fe%c0%af"), 404, "not_found"),
    "a fragment": (get(b"/health/live#canary"), 404, "not_found"),
    "headers of 40 kB": (GET + b"X-Canary: c\r\n" * 3_000 + b"\r\n", 431, "headers_too_large"),
    "one header of 40 kB": (GET + b"X-Canary: " + b"c" * 40_000 + b"\r\n\r\n", 431, "headers_too_large"),
    "10,000 parameters": (get(b"/v1/codebooks?" + b"&".join([b"c=1"] * 10_000)), 431, "headers_too_large"),
    "1,000 parameters": (get(b"/v1/codebooks?" + b"&".join([b"c=1"] * 1_000)), 422, "unknown_or_repeated_field"),
}


@pytest.mark.parametrize(("request_", "status", "code"), NOT_OURS.values(), ids=NOT_OURS)
def test_what_is_http_but_not_for_us_is_refused_in_our_shape(
    answer_to: AnswerTo, request_: bytes, status: int, code: str
) -> None:
    response, problem = answer_to(request_)
    problem.pop("place", None)
    check_problem(response, problem, status, code)


def test_a_line_end_in_a_header_never_makes_a_header_of_the_answer(answer_to: AnswerTo) -> None:
    for header in (b"X-Request-ID: canary\r\n canary: 1\r\n", b"Origin: a\r\n\tSet-Cookie: canary=1\r\n"):
        response, body = answer_to(GET + header + b"\r\n")
        assert "canary" not in str(response.headers) + str(body)
        assert response.headers["Set-Cookie"] is None


@pytest.mark.parametrize(
    "ranges",
    [
        "bytes=0-0",
        "bytes=0-",
        "bytes=-1",
        "bytes=5-1",
        "bytes=canary",
        "bytes=" + ",".join(f"{start}-{start + 1}" for start in range(0, 2_600, 2)),
        "bytes=" + "0-," * 5_000,
        "bytes=0-99999999999999999999",
    ],
)
@pytest.mark.parametrize("name", ["page.css", "swagger-ui-bundle.js"])
def test_ranges_are_ignored_and_the_file_comes_whole(answer_to: AnswerTo, name: str, ranges: str) -> None:
    whole, expected = answer_to(get(b"/assets/" + name.encode()))
    began = time.perf_counter()
    response, body = answer_to(get(b"/assets/" + name.encode(), HOST + f"Range: {ranges}\r\n".encode()))
    assert response.status == whole.status == 200
    assert body == expected
    assert time.perf_counter() - began < 2


def test_10_000_ranges_are_more_than_headers_may_hold(answer_to: AnswerTo) -> None:
    ranges = ",".join(f"{start}-{start}" for start in range(10_000))
    response, problem = answer_to(get(b"/assets/page.css", HOST + f"Range: bytes={ranges}\r\n".encode()))
    assert response.status in (400, 431)
    assert problem["code"] in ("malformed_request", "headers_too_large")


@pytest.mark.parametrize("path", [b"/", b"/health/live", b"/v1/codebooks"])
@pytest.mark.parametrize("protocol", [b"websocket", b"h2c", b"TLS/1.0"])
def test_an_upgrade_is_not_made_and_the_request_answered_as_it_is(
    answer_to: AnswerTo, path: bytes, protocol: bytes
) -> None:
    upgrade = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: " + protocol + b"\r\nHTTP2-Settings: AAMAAABk\r\n"
    key = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    response, _ = answer_to(get(path, HOST + upgrade + key))
    assert response.status == 200
    assert response.headers["Upgrade"] is None


def test_a_length_shorter_than_the_body_leaves_a_rest_that_is_no_request(connect: Connect) -> None:
    connection = connect()
    connection.sendall(post(b"Content-Length: %d\r\n" % len(BODY), BODY + b"canary canary\r\n\r\n"))
    received = everything(connection)
    assert STATUS.findall(received) == [b"200", b"400"]
    assert b"canary" not in received


def test_a_length_longer_than_the_body_is_waited_for_in_vain(connect: Connect) -> None:
    connection = connect()
    connection.sendall(post(b"Content-Length: %d\r\n" % (len(BODY) + 1)))
    assert STATUS.findall(everything(connection)) == [b"408"]


def test_what_follows_a_refused_body_is_not_taken_for_a_request(connect: Connect) -> None:
    connection = connect()
    hidden = b"DELETE /canary HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    connection.sendall(post(b"Content-Length: 3000000\r\n", hidden))
    assert STATUS.findall(everything(connection)) == [b"413"]


@pytest.mark.parametrize("broken", [b"canary\r\n", b"FFFFFFFFFFFFFFFFFFFFF\r\n"])
def test_a_body_that_breaks_off_after_its_answer_gets_no_second_answer(
    answer_to: AnswerTo, connect: Connect, broken: bytes
) -> None:
    connection = connect()
    request = b"POST /nothing HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n1\r\nc\r\n"
    response, _ = answer_to(request, connection)
    assert response.status == 404
    connection.sendall(broken)
    assert connection.recv(65_536) == b""


def test_requests_sent_all_at_once_are_answered_one_after_the_other(connect: Connect) -> None:
    connection = connect()
    suggest = post(b"Content-Length: %d\r\n" % len(BODY))
    connection.sendall(get(b"/health/live") + suggest + get(b"/nothing") + get(b"/", HOST + b"Connection: close\r\n"))
    assert STATUS.findall(everything(connection)) == [b"200", b"200", b"404", b"200"]


def test_head_has_no_body_on_the_wire(connect: Connect) -> None:
    connection = connect()
    connection.sendall(b"HEAD /problems HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n")
    head, _, body = everything(connection).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"content-length: " in head
    assert body == b""


def test_the_server_names_neither_itself_nor_its_version(answer_to: AnswerTo) -> None:
    for request in (GET + b"\r\n", get(b"/nothing"), b"canary\r\n\r\n"):
        response, _ = answer_to(request)
        assert response.headers["Server"] is None
        assert response.headers["X-Powered-By"] is None
