"""What the machine said in an evaluation -> a jsonl file, a line for each fold and segment."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from models.judgements import Study
from models.learning_curve import Prediction
from service.errors import FileNotAccepted
from service.formats.json_lines import json_line
from service.formats.whole_files import whole_file


def check_predictions_file(path: Path) -> None:
    """Passes a .jsonl file.

    Raises:
        FileNotAccepted: it is something else.
    """
    if path.suffix.lower() != ".jsonl":
        raise FileNotAccepted("The file of predictions must end in .jsonl.")


def write_predictions(path: Path, ids: Sequence[str], study: Study, predictions: Sequence[Prediction]) -> None:
    """Writes ``{"shots", "draw", "id", "document", "codes", "suggestions": [{"code", "score"}]}``, best first.

    ``codes`` are those that people applied; every leaf stands among the suggestions. Segments of which people say
    nothing (no consensus) are left out.

    Raises:
        FileNotAccepted: it cannot be written.
    """
    with whole_file(path) as file:
        for prediction in predictions:
            for row in _rows(ids, study, prediction):
                file.write(json_line(row).encode("utf-8"))


def _rows(ids: Sequence[str], study: Study, prediction: Prediction) -> Iterator[dict[str, Any]]:
    fold = prediction.fold
    judged = prediction.judged(study)
    for number, row in enumerate(fold.tested):
        if not study.truth.seen[0, row]:
            continue
        applied = study.truth.applied[0, row]
        scores = judged.scores[number]
        yield {
            "shots": fold.shots,
            "draw": fold.draw,
            "id": ids[row],
            "document": study.truth.documents[row],
            "codes": [code for code, applies in zip(study.truth.codes, applied, strict=True) if applies],
            "suggestions": [
                {"code": study.leaves[column], "score": float(scores[column])} for column in judged.order[number]
            ],
        }
