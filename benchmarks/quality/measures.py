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
        self._shown: list[tuple[float, float]] = []

    def add(self, scores: Floats, labels: Flags, abstained: Flags) -> None:
        """Takes in one draw: scores and labels, both of shape (segments, codes), and where nothing is suggested."""
        rows = np.arange(len(scores))
        best = scores.argmax(axis=1)
        confidence, right = scores[rows, best], labels[rows, best]
        self._confidence.append(confidence)
        self._right.append(right)
        base = float(((labels.mean(axis=0) - labels) ** 2).mean())
        self._brier.append((float(((scores - labels) ** 2).mean()), base))
        shown = ~abstained
        self._shown.append((float(shown.mean()), float(right[shown].mean()) if shown.any() else np.nan))

    def summary(self) -> str:
        """Calibration error of the first suggestion, Brier score over pairs, and how much is suggested by default."""
        error = calibration_error(np.concatenate(self._confidence), np.concatenate(self._right))
        each = np.mean([calibration_error(*draw) for draw in zip(self._confidence, self._right, strict=True)])
        ours, base = np.mean(self._brier, axis=0)
        share, right = np.nanmean(self._shown, axis=0)
        return (
            f"calibration error {error:.3f} ({each:.3f} in single draws), Brier score {ours:.4f} (rates {base:.4f}), "
            f"shown {share:.2f}, first right {right:.2f}"
        )
