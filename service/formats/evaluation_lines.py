"""An evaluation -> lines for the terminal."""

from collections.abc import Iterator, Mapping
from typing import Any

from models.learning_curve import MEASURES

# What is left of the rest when one is left out.
ALL_OTHERS = "rest"


def evaluation_lines(result: Mapping[str, Any]) -> Iterator[str]:
    """A line for each number of shots, tab-separated: shots, draws, segments, and each measure with its interval."""
    yield "\t".join(["shots", "draws", "segments", *MEASURES])
    for point in result["curve"]:
        shots = ALL_OTHERS if point["shots"] is None else str(point["shots"])
        cells = [_cell(point["figures"][name]) for name in MEASURES]
        yield "\t".join([shots, str(point["draws"]), str(point["segments"]), *cells])


def _cell(figure: Mapping[str, Any]) -> str:
    if figure["value"] is None:
        return "undefined"
    interval = "" if figure["low"] is None else f" ({figure['low']:.2f}-{figure['high']:.2f})"
    return f"{figure['value']:.3f}{interval}"
