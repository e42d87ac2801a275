"""The service and the command as processes of their own, as people run them.

Every one of them runs under ``socket_guard``: a test in which one tried to reach beyond this machine fails.
"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

COMMAND = Path(sys.executable).with_name("themecoder")
GUARD = Path(__file__).with_name("socket_guard")
ADDRESS = re.compile(r"themecoder on (http://\S+)")


@dataclass(frozen=True, kw_only=True)
class RunningService:
    """A service process: where it listens, and the file that holds what it says."""

    url: str
    log: Path
    process: subprocess.Popen[bytes]

    def wait_until_ready(self, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        # One client: each new one costs more than the service's whole answer.
        with httpx.Client(base_url=self.url) as client:
            while client.get("/health/ready").status_code != 200:
                assert time.monotonic() < deadline, self.log.read_text()
                time.sleep(0.1)


Environment = Callable[..., dict[str, str]]
StartService = Callable[..., RunningService]
RunCommand = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def guard_record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where guarded processes note attempts to reach beyond this machine."""
    record = tmp_path_factory.mktemp("socket-guard") / "attempts"
    record.touch()
    return record


@pytest.fixture(autouse=True)
def nothing_reached_beyond_this_machine(guard_record: Path) -> Iterator[None]:
    before = guard_record.read_text()
    yield
    assert guard_record.read_text() == before


@pytest.fixture(scope="session")
def environment(guard_record: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """What a process sees: of this machine's THEMECODER_ variables only the given ones, and the guard."""
    data = tmp_path_factory.mktemp("data")

    def build(**settings: object) -> dict[str, str]:
        plain = {name: value for name, value in os.environ.items() if not name.startswith("THEMECODER_")}
        guarded = {**plain, "PYTHONPATH": str(GUARD), "SOCKET_GUARD_RECORD": str(guard_record)}
        # On a machine with little to spare, threads that wait busily for each other take minutes.
        guarded["OMP_WAIT_POLICY"] = "PASSIVE"
        given = {f"THEMECODER_{name.upper()}": str(value) for name, value in settings.items()}
        return {**guarded, "THEMECODER_MODEL": "hashing", "THEMECODER_DATA": str(data), **given}

    return build


@contextmanager
def service_process(folder: Path, environment: dict[str, str]) -> Iterator[RunningService]:
    log = folder / f"service-{time.monotonic_ns()}.log"
    with log.open("wb") as file:
        process = subprocess.Popen([COMMAND, "serve", "--port", "0"], stderr=file, env=environment)
    try:
        yield RunningService(url=wait_for_address(log, process), log=log, process=process)
    finally:
        process.terminate()
        process.wait(timeout=20)


def wait_for_address(log: Path, process: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + 60
    while (found := ADDRESS.search(log.read_text())) is None:
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found[1]


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory, environment: Environment) -> Iterator[RunningService]:
    """One service on the hashing model, on a port that the system chose."""
    with service_process(tmp_path_factory.mktemp("service"), environment()) as running:
        running.wait_until_ready()
        yield running


@pytest.fixture(scope="session")
def real_service(tmp_path_factory: pytest.TempPathFactory, environment: Environment) -> Iterator[RunningService]:
    """One service on the bundled model."""
    with service_process(tmp_path_factory.mktemp("service"), environment(model="all-minilm-l6-v2")) as running:
        running.wait_until_ready(seconds=300)
        yield running


@pytest.fixture
def start_service(tmp_path: Path, environment: Environment) -> Iterator[StartService]:
    """Starts services with settings of a test's own, and stops them after it."""
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(service_process(tmp_path, environment(**settings)))


@pytest.fixture
def run_command(environment: Environment) -> RunCommand:
    """Runs ``themecoder`` with arguments, and settings as keywords; ``wrapper`` goes before the command."""

    def run(*arguments: object, wrapper: Sequence[str] = (), **settings: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*wrapper, COMMAND, *map(str, arguments)],
            env=environment(**settings),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    return run
