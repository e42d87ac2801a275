"""POST /v1/suggest under 8 clients, one segment of up to 60 words each, beside the bare endpoint of the same run.

The service runs as its own process on the bundled model. Every text is new, so nothing is remembered but
the codebook. The clients send the next request when the last one is answered, and share this machine's
processors with the service.
"""

import asyncio
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from bench_encoding import mixed_texts

PORT = 8199
CLIENTS = 8
SECONDS = 10.0
WORDS = 60
MOST_REQUESTS = 20_000


def service() -> subprocess.Popen[bytes]:
    """The service, with its start told in figures."""
    began = time.perf_counter()
    command = [str(Path(sys.executable).with_name("themecoder")), "serve", "--port", str(PORT)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    for path in ("/health/live", "/health/ready"):
        while not answers(path):
            assert process.poll() is None, "the service did not start"
            time.sleep(0.01)
        print(f"{path} after {time.perf_counter() - began:.2f} s")
    return process


def answers(path: str) -> bool:
    """Whether the service answers with 200 there."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{PORT}{path}", timeout=5) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def request(method: str, path: str, body: bytes = b"") -> bytes:
    """One HTTP/1.1 request as bytes."""
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{PORT}\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def suggest_requests(count: int) -> Iterator[bytes]:
    """Requests for new texts of 5 to 60 words, made beforehand so that no client waits for it."""
    bodies = (
        {"codebook": "upsides", "segments": [{"id": "1", "text": text}]}
        for text in mixed_texts(count, longest=WORDS, seed=100)
    )
    return iter([request("POST", "/v1/suggest", json.dumps(body).encode()) for body in bodies])


async def _client(next_request: Callable[[], bytes], until: float, seconds: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", PORT)
    while time.perf_counter() < until:
        message = next_request()
        began = time.perf_counter()
        writer.write(message)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head[:40]
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        seconds.append(time.perf_counter() - began)
    writer.close()


async def load(next_request: Callable[[], bytes], seconds: float, clients: int = CLIENTS) -> list[float]:
    """Seconds that each request took; each client sends the next one when the last one is answered."""
    taken: list[float] = []
    until = time.perf_counter() + seconds
    await asyncio.gather(*(_client(next_request, until, taken) for _ in range(clients)))
    return taken


def show(name: str, taken: list[float], seconds: float) -> None:
    """Prints one line of figures."""
    p50, p99 = np.percentile(np.array(taken) * 1000, [50, 99])
    print(f"{name:22s} {len(taken) / seconds:7.0f} requests/s, p50 {p50:6.1f} ms, p99 {p99:6.1f} ms")


def main() -> None:
    """Prints the figures."""
    process = service()
    texts = suggest_requests(MOST_REQUESTS)
    bare = request("GET", "/health/live")
    try:
        asyncio.run(load(lambda: next(texts), 3))
        for _ in range(2):
            show("bare GET /health/live", asyncio.run(load(lambda: bare, SECONDS / 2)), SECONDS / 2)
            show("POST /v1/suggest", asyncio.run(load(lambda: next(texts), SECONDS)), SECONDS)
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main()
