"""Writes constraints.txt: every dependency to the version, with hashes, none younger than a week.

torch stands first and without hashes, because its CPU and CUDA builds differ; what only its CUDA build
needs is left out.
"""

import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

TORCH = "torch==2.13.0"
BUILD_TOOL = "hatchling"
ONLY_FOR_CUDA = re.compile(r"(nvidia|cuda|triton)")
# fastapi 0.165 is the first with a limit for request bodies.
YOUNGER_ALLOWED = ("fastapi",)
HEADER = """\
# What is installed, to the version. Renewed by `make pins`. torch has no hash, because its CPU and CUDA builds
# differ; the Makefile installs it first.
"""


def resolve() -> str:
    """The pinned dependencies of the product, its tools and its build, as uv prints them."""
    today = datetime.now(UTC)
    command = ["uv", "pip", "compile", "pyproject.toml", "-", "--extra", "dev", "--quiet", "--no-header", "--no-annotate"]
    command += ["--generate-hashes", "--universal", "--python-version", "3.11", "--no-emit-package", "torch"]
    command += ["--exclude-newer", f"{today - timedelta(days=7):%Y-%m-%d}"]
    for package in YOUNGER_ALLOWED:
        command += ["--exclude-newer-package", f"{package}={today:%Y-%m-%d}"]
    wanted = f"{TORCH}\n{BUILD_TOOL}\n"
    return subprocess.run(command, input=wanted, capture_output=True, text=True, check=True).stdout  # noqa: S603 - fixed command


def main() -> int:
    """Writes the file and says how many packages it pins."""
    blocks = re.split(r"\n(?=[A-Za-z])", resolve().strip())
    kept = [block for block in blocks if not ONLY_FOR_CUDA.match(block)]
    Path("constraints.txt").write_text("\n".join([HEADER + TORCH, *kept]) + "\n", encoding="utf-8")
    print(f"constraints.txt: {len(kept) + 1} packages pinned")
    return 0


if __name__ == "__main__":
    sys.exit(main())
