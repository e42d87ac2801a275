"""What is measured: hits, and whether scores are probabilities."""

import numpy as np

from quality.tasks import Flags, Floats

BINS = 10


def hits(scores: Floats, labels: Flags) -> tuple[float, float]:
    """(how often a right code is first, how often one is among the first three)."""
    best = np.argsort(-scores, axis=1, kind="stable")[:, :3]
    right = np.take_along_axis(labels, best, axis=1)
    return float(right[:, 0].mean()), float(right.any(axis=1).mean())


def calibration_error(confidence: Floats, right: Flags) -> float:
    """Mean distance of score and frequency over bins of equally many first suggestions."""
    bins = np.array_split(np.argsort(confidence, kind="stable"), BINS)
    return float(np.mean([abs(confidence[rows].mean() - right[rows].mean()) for rows in bins if len(rows)]))


class Probabilities:
    """Collects scores over draws: a small set has too few segments for ten bins in one draw."""

    def __init__(self) -> None:
        self._confidence: list[Floats] = []
        self._right: list[Flags] = []
        self._brier: list[tuple[float, float]] = []

    def add(self, scores: Floats, labels: Flags) -> None:
        """Takes in one draw: scores and labels, both of shape (segments, codes)."""
        rows = np.arange(len(scores))
        best = scores.argmax(axis=1)
        self._confidence.append(scores[rows, best])
        self._right.append(labels[rows, best])
        base = float(((labels.mean(axis=0) - labels) ** 2).mean())
        self._brier.append((float(((scores - labels) ** 2).mean()), base))

    def summary(self) -> str:
        """Calibration error of the first suggestion, and the Brier score over pairs beside the base rate's."""
        error = calibration_error(np.concatenate(self._confidence), np.concatenate(self._right))
        ours, base = np.mean(self._brier, axis=0)
        return f"calibration error {error:.3f}, Brier score {ours:.4f} (base rates {base:.4f})"
