"""Writes constraints.txt and constraints-dev.txt: every dependency pinned with hashes, none younger than a week.

torch stands first and without hashes, because its CPU and CUDA builds differ; what only its CUDA build
needs is left out.
"""

import re
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

TORCH = "torch==2.13.0"
BUILD_TOOLS = ("hatchling", "editables")
ONLY_FOR_CUDA = re.compile(r"(nvidia|cuda|triton)")
HEADER = """\
# What is installed, to the version and the byte. Renewed by `make pins`. torch has no hash, because its CPU and
# CUDA builds differ; it is installed first.
"""
HEADER_DEV = "# The tools for tests and checks, beside constraints.txt. Renewed by `make pins`.\n"


def resolve(*options: str) -> list[str]:
    """The lines of each package, with version and hashes, as uv resolves the product with these options."""
    today = datetime.now(UTC)
    command = ["uv", "pip", "compile", "pyproject.toml", "-", "--quiet", "--no-header", "--no-annotate", *options]
    command += ["--generate-hashes", "--universal", "--python-version", "3.11", "--no-emit-package", "torch"]
    command += ["--exclude-newer", f"{today - timedelta(days=7):%Y-%m-%d}"]
    wanted = "\n".join([TORCH, *BUILD_TOOLS])
    answer = subprocess.run(command, input=wanted, capture_output=True, text=True, check=True)  # noqa: S603 - fixed command
    blocks = re.split(r"\n(?=[A-Za-z])", answer.stdout.strip())
    return [block for block in blocks if not ONLY_FOR_CUDA.match(block)]


def main() -> int:
    """Writes both files and says how many packages they pin."""
    everything = resolve("--extra", "dev")
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as chosen:
        chosen.write("\n".join(everything))
        chosen.flush()
        needed = resolve("--constraints", chosen.name)
    tools = [block for block in everything if block not in needed]
    Path("constraints.txt").write_text("\n".join([HEADER + TORCH, *needed]) + "\n", encoding="utf-8")
    Path("constraints-dev.txt").write_text("\n".join([HEADER_DEV.rstrip(), *tools]) + "\n", encoding="utf-8")
    print(f"{len(needed) + 1} packages pinned for the product, {len(tools)} for its tools")
    return 0


if __name__ == "__main__":
    sys.exit(main())
