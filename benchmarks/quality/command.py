"""What the commands of these benchmarks share: options, where the coded sets are, an encoder that remembers."""

import argparse
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from quality.kept_vectors import KeptVectors
from quality.ours import KeptEncoder
from quality.tasks import Task, load_task


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


def report_each(
    description: str | None,
    figures: str,
    *,
    tasks: Sequence[str],
    shots: str,
    report: Callable[[Task, int, int, KeptEncoder], None],
) -> None:
    """Runs a benchmark with the options of its command line: tasks, ``--draws``, ``--shots``.

    Args:
        description: what ``--help`` says.
        figures: what there are no figures on where the coded sets are not at hand.
        tasks: the default.
        shots: the default numbers of examples, with commas between.
        report: prints the lines of one task, number of examples and number of draws.
    """
    options_of = parser(description)
    options_of.add_argument("tasks", nargs="*", default=tasks)
    options_of.add_argument("--draws", type=int, default=5)
    options_of.add_argument("--shots", default=shots)
    options = options_of.parse_args()
    folder = evaluation_data(figures)
    encoder = kept_encoder(options.cache)
    for name in options.tasks:
        task = load_task(folder, name, encoder.encode)
        for number in options.shots.split(","):
            report(task, int(number), options.draws, encoder)
