"""Clients that take their time, or a great many connections."""

import contextlib
import re
import socket
import subprocess
import time
from collections.abc import Callable
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

import pytest

Connect = Callable[[], socket.socket]
AnswerTo = Callable[..., tuple[HTTPResponse, Any]]

HEAD = b"POST /v1/suggest HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
# The limits of the server under test are a second and less; nothing here should take longer than this.
PATIENCE = 10.0


def seconds_until_closed(connection: socket.socket) -> float:
    began = time.monotonic()
    connection.settimeout(PATIENCE)
    with contextlib.suppress(ConnectionError):
        while connection.recv(65_536):
            pass
    return time.monotonic() - began


def drip(connection: socket.socket, byte: bytes) -> float:
    """Sends a byte now and then until the server closes; gives the seconds that it took."""
    began = time.monotonic()
    connection.settimeout(0.1)
    while time.monotonic() - began < PATIENCE:
        try:
            connection.sendall(byte)
            if not connection.recv(65_536):
                break
        except TimeoutError:
            continue
        except ConnectionError:
            break
    return time.monotonic() - began


def test_a_body_that_does_not_come_is_answered_408_and_the_connection_closed(connect: Connect) -> None:
    connections = [connect() for _ in range(4)]
    for connection, rest in zip(
        connections,
        [
            b"Content-Length: 1000\r\n\r\n",
            b'Content-Length: 1000\r\n\r\n{"canary',
            b"Transfer-Encoding: chunked\r\n\r\n",
            b'Transfer-Encoding: chunked\r\n\r\n8\r\n{"canary\r\n',
        ],
        strict=True,
    ):
        connection.sendall(HEAD + rest)
    for connection in connections:
        with HTTPResponse(connection) as response:
            response.begin()
            assert response.status == 408
            assert response.headers["Content-Type"] == "application/problem+json"
            assert response.headers["Connection"] == "close"
            assert b'"code":"request_too_slow"' in response.read()
        assert seconds_until_closed(connection) < PATIENCE


def test_a_body_that_comes_byte_by_byte_is_cut_off_all_the_same(connect: Connect) -> None:
    connection = connect()
    connection.sendall(HEAD + b"Content-Length: 100000\r\n\r\n")
    assert 0.5 < drip(connection, b" ") < PATIENCE


def test_headers_that_do_not_come_end_the_connection(connect: Connect) -> None:
    begun = [b"", b"G", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Canary: ", b"\r\n"]
    connections = [connect() for _ in begun]
    for connection, sent in zip(connections, begun, strict=True):
        connection.sendall(sent)
    assert all(seconds_until_closed(connection) < PATIENCE for connection in connections)


def test_headers_that_come_byte_by_byte_are_cut_off_all_the_same(connect: Connect) -> None:
    connection = connect()
    connection.sendall(b"GET / HTTP/1.1\r\nX-Canary: ")
    assert 0.5 < drip(connection, b"a") < PATIENCE


def test_the_next_request_on_a_connection_has_as_little_time(answer_to: AnswerTo, connect: Connect) -> None:
    connection = connect()
    for _ in range(3):
        response, _ = answer_to(b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", connection)
        assert response.status == 200
    connection.sendall(b"GET /health/live HTTP/1.1\r\nHost")
    assert seconds_until_closed(connection) < PATIENCE


def test_a_body_that_nobody_reads_may_not_go_on_for_ever(answer_to: AnswerTo, connect: Connect) -> None:
    connection = connect()
    request = b"POST /nothing HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    response, _ = answer_to(request, connection)
    assert response.status == 404
    assert drip(connection, b"1\r\nc\r\n") < PATIENCE


def test_a_client_that_does_not_take_its_answers_is_cut_off(answer_to: AnswerTo, connect: Connect) -> None:
    get = b"GET /assets/swagger-ui-bundle.js HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    _, script = answer_to(get + b"\r\n")
    connection = connect()
    # Far more than the buffers of the two sockets hold.
    connection.sendall((get + b"\r\n") * 19 + get + b"Connection: close\r\n\r\n")
    time.sleep(2)
    received = 0
    with contextlib.suppress(ConnectionError):
        while part := connection.recv(2**20):
            received += len(part)
    assert received < 20 * len(script)


@pytest.mark.parametrize(
    "begun",
    [b"", b"GET / HT", HEAD + b"Content-Length: 1000\r\n\r\n{"],
    ids=["nothing sent", "half a line", "half a body"],
)
def test_a_thousand_connections_that_wait_keep_nobody_else_waiting(
    connect: Connect, seconds_of_health: Callable[[], float], begun: bytes
) -> None:
    waiting = [connect() for _ in range(1_000)]
    with contextlib.suppress(ConnectionError):
        for connection in waiting:
            connection.sendall(begun)
    seconds = sorted(seconds_of_health() for _ in range(20))
    middle, slowest = seconds[10] * 1000, seconds[-1] * 1000
    print(f"1,000 connections open, /health/live: median {middle:.1f} ms, slowest {slowest:.1f} ms")
    # Who had to wait for the others would wait for their time limits, again and again.
    assert seconds[10] < 1
    assert all(seconds_until_closed(connection) < PATIENCE for connection in waiting)
    assert seconds_of_health() < PATIENCE


def test_a_body_of_300_mb_leaves_memory_as_it_was(
    connect: Connect, answer_to: AnswerTo, server_process: subprocess.Popen[bytes]
) -> None:
    before = peak_memory_mb(server_process)
    connection = connect()
    connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    chunk = b"100000\r\n" + b"c" * 2**20 + b"\r\n"
    sent = 0
    with contextlib.suppress(ConnectionError):
        for _ in range(300):
            connection.sendall(chunk)
            sent += 1
    growth = peak_memory_mb(server_process) - before
    print(f"{sent} MB sent, peak memory of the server {growth:+.1f} MB")
    assert growth < 64


def test_what_is_too_large_is_told_so_while_it_is_still_being_sent(connect: Connect) -> None:
    connection = connect()
    connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    for _ in range(20):
        connection.sendall(b"100000\r\n" + b"c" * 2**20 + b"\r\n")
    with HTTPResponse(connection) as response:
        response.begin()
        assert response.status == 413
        assert b'"code":"body_too_large"' in response.read()
    assert seconds_until_closed(connection) < PATIENCE


def test_what_is_declared_too_large_is_told_so_before_it_is_sent(answer_to: AnswerTo) -> None:
    for length in (b"2097153", b"9" * 20):
        request = HEAD + b"Expect: 100-continue\r\nContent-Length: " + length + b"\r\n\r\n"
        response, problem = answer_to(request)
        assert (response.status, problem["code"]) == (413, "body_too_large")
        assert response.headers["Connection"] == "close"


def test_a_client_that_is_asked_to_go_on_gets_its_answer(connect: Connect) -> None:
    body = b'{"codebook": "upsides", "segments": [{"id": "1", "text": "hope"}]}'
    connection = connect()
    connection.sendall(HEAD + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body))
    assert connection.recv(100).startswith(b"HTTP/1.1 100 ")
    connection.sendall(body)
    assert connection.recv(100).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("begun", [b"", b"{", b'{"codebook": "canary'])
@pytest.mark.parametrize("length", [b"Content-Length: 1000\r\n", b"Transfer-Encoding: chunked\r\n"])
@pytest.mark.parametrize("half", [True, False], ids=["half closed", "closed"])
def test_a_client_that_leaves_in_the_middle_of_a_body_is_no_error(
    connect: Connect,
    server_log: Path,
    seconds_of_health: Callable[[], float],
    begun: bytes,
    length: bytes,
    half: bool,
) -> None:
    before = server_log.stat().st_size
    connection = connect()
    connection.sendall(HEAD + length + b"\r\n" + begun)
    if half:
        connection.shutdown(socket.SHUT_WR)
        seconds_until_closed(connection)
    connection.close()
    seconds_of_health()
    written = server_log.read_bytes()[before:]
    assert b'"status": 5' not in written
    assert b'"level": "error"' not in written
    assert b"Traceback" not in written


def peak_memory_mb(process: subprocess.Popen[bytes]) -> float:
    status = Path(f"/proc/{process.pid}/status").read_text()
    match = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert match
    return int(match[1]) / 1024
