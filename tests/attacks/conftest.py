"""A real server in a process of its own, spoken to through bare sockets."""

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
LIMITS = {"REQUEST_SECONDS": 1.0, "HEADER_SECONDS": 1.0, "ANSWER_SECONDS": 1.0, "LINGER_SECONDS": 1.0}


@pytest.fixture(scope="session")
def server_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that holds what the server writes to stderr."""
    return tmp_path_factory.mktemp("server") / "stderr"


@pytest.fixture(scope="session")
def server(server_log: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """The server's process and port. At the end, its log holds no trace of what any test has sent."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("THEMECODER_")}
    command = [sys.executable, str(HERE / "server_with_other_limits.py"), json.dumps(LIMITS)]
    with (
        server_log.open("wb") as log,
        subprocess.Popen(
            command, cwd=ROOT, env={**environment, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, stderr=log
        ) as process,
    ):
        assert process.stdout is not None
        port = int(process.stdout.readline())
        _wait_until_ready(port)
        yield process, port
        process.terminate()
        # It ends itself with the same signal once everything is closed, so that whoever started it can tell.
        assert process.wait(timeout=40) == -signal.SIGTERM
    written = server_log.read_text()
    assert "Traceback" not in written
    assert "canary" not in written.lower()
    assert '"level": "error"' not in written


def _wait_until_ready(port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
                connection.sendall(b"GET /health/ready HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
                if b" 200 " in connection.recv(20):
                    return
        except OSError:
            pass
        time.sleep(0.05)
    raise TimeoutError("the server did not become ready")


@pytest.fixture
def server_process(server: tuple[subprocess.Popen[bytes], int]) -> subprocess.Popen[bytes]:
    return server[0]


@pytest.fixture
def connect(server: tuple[subprocess.Popen[bytes], int]) -> Iterator[Callable[[], socket.socket]]:
    """Opens a connection to the server; all are closed at the end of the test."""
    opened: list[socket.socket] = []

    def connect() -> socket.socket:
        opened.append(socket.create_connection(("127.0.0.1", server[1]), timeout=60))
        return opened[-1]

    yield connect
    for connection in opened:
        connection.close()


@pytest.fixture
def answer_to(connect: Callable[[], socket.socket]) -> Callable[..., tuple[HTTPResponse, Any]]:
    """Sends bytes over a connection of their own, or a given one, and gives the answer and its body."""

    def answer_to(request: bytes, connection: socket.socket | None = None) -> tuple[HTTPResponse, Any]:
        connection = connection or connect()
        connection.sendall(request)
        return read_answer(connection)

    return answer_to


def read_answer(connection: socket.socket) -> tuple[HTTPResponse, Any]:
    with closing(HTTPResponse(connection)) as response:
        response.begin()
        body = response.read()
    return response, json.loads(body) if "json" in response.headers["Content-Type"] else body


@pytest.fixture
def seconds_of_health(answer_to: Callable[..., tuple[HTTPResponse, Any]]) -> Callable[[], float]:
    """How long /health/live takes to answer, on a connection of its own."""

    def measure() -> float:
        began = time.perf_counter()
        response, _ = answer_to(b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert response.status == 200
        return time.perf_counter() - began

    return measure


@pytest.fixture(scope="session", autouse=True)
def _many_files() -> None:
    """The tests hold more connections than a shell usually allows files."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
