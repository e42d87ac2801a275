"""``themecoder suggest`` over a million short generated rows: killed half-way, resumed, within bounded memory.

With the hashing encoder by default, because a million texts through the bundled model take hours on a laptop; another
key may be given: ``million_rows.py [ROWS] [MODEL]``.
"""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench_encoding import mixed_texts

COMMAND = Path(sys.executable).with_name("themecoder")


def write_rows(path: Path, count: int) -> None:
    """Rows of 5 to 12 words, each with a number of its own."""
    texts = mixed_texts(20_000, longest=12, seed=5)
    draw = random.Random(1)
    with path.open("w", encoding="utf-8") as file:
        for number in range(count):
            file.write(json.dumps({"id": number, "text": f"{draw.choice(texts)} {number}"}) + "\n")


def kept_bytes(folder: Path) -> int:
    """How much is kept of what is encoded."""
    return sum(path.stat().st_size for path in folder.glob("*.sqlite3*"))


def suggest(source: Path, output: Path, model: str) -> subprocess.Popen[bytes]:
    """The command, begun."""
    arguments = ["suggest", source, "--codebook", "upsides", "--output", output, "--top-k", "1", "--resume"]
    environment = {**os.environ, "THEMECODER_MODEL": model}
    return subprocess.Popen([COMMAND, *map(str, arguments)], env=environment, stderr=subprocess.DEVNULL)


def peak_kilobytes(pid: int) -> int:
    """The most memory of a process so far; 0 if it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")), 0)


def main() -> None:
    """Prints the figures."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    model = sys.argv[2] if len(sys.argv) > 2 else "hashing"
    with tempfile.TemporaryDirectory() as folder:
        source, output = Path(folder, "rows.jsonl"), Path(folder, "suggestions.jsonl")
        write_rows(source, rows)
        print(f"{rows} rows, {source.stat().st_size / 1e6:.0f} MB, model {model}", flush=True)
        began = time.perf_counter()
        process = suggest(source, output, model)
        # A vector takes about 1,600 bytes with its hash.
        while kept_bytes(output.with_name(".suggestions.jsonl.resume")) < rows * 800:
            assert process.poll() is None, "it ended before it could be killed"
            time.sleep(0.1)
        process.send_signal(signal.SIGKILL)
        process.wait()
        print(f"killed with half of it encoded after {time.perf_counter() - began:.0f} s", flush=True)
        began = time.perf_counter()
        process, most = suggest(source, output, model), 0
        while process.poll() is None:
            most = max(most, peak_kilobytes(process.pid))
            time.sleep(0.5)
        assert process.returncode == 0
        print(f"resumed and done after another {time.perf_counter() - began:.0f} s", flush=True)
        with output.open(encoding="utf-8") as file:
            assert [json.loads(line)["id"] for line in file] == list(range(rows))
        assert not output.with_name(".suggestions.jsonl.resume").exists()
        print(f"rows in order; most memory of the resumed process {most / 1024:.0f} MB")


if __name__ == "__main__":
    main()
