"""What the commands of these benchmarks share: options, where the coded sets are, an encoder that remembers."""

import argparse
import os
from pathlib import Path

from quality.kept_vectors import KeptVectors
from quality.ours import KeptEncoder


def parser(description: str | None) -> argparse.ArgumentParser:
    """A parser with ``--cache``, the folder in which vectors are kept."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "themecoder-benchmarks")
    return made


def evaluation_data(figures: str) -> Path:
    """Where the coded sets are; says that there are no such figures, and ends the program well, where they are not."""
    folder = os.environ.get("THEMECODER_EVALDATA")
    if folder is None:
        print(f"THEMECODER_EVALDATA is not set: no figures on {figures}")
        raise SystemExit(0)
    return Path(folder)


def kept_encoder(cache: Path) -> KeptEncoder:
    """The bundled model, which encodes no text twice."""
    vectors = KeptVectors(cache)
    return KeptEncoder(vectors.encode, vectors.identity)
