"""``themecoder suggest`` over a million short generated rows: killed half-way, resumed, within bounded memory.

With the hashing encoder by default, because a million texts through the bundled model take hours on a laptop; another
key may be given: ``million_rows.py [ROWS] [MODEL]``.
"""

import json
import os
import random
import resource
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
        assert suggest(source, output, model).wait() == 0
        print(f"resumed and done after another {time.perf_counter() - began:.0f} s", flush=True)
        with output.open(encoding="utf-8") as file:
            assert [json.loads(line)["id"] for line in file] == list(range(rows))
        assert not output.with_name(".suggestions.jsonl.resume").exists()
        most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"rows in order; most memory of either process {most:.0f} MB")


if __name__ == "__main__":
    main()
