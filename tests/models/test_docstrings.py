"""The examples in the docstrings are true."""

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted(path.stem for path in (ROOT / "models").glob("*.py") if path.stem != "__init__")
WITH_EXAMPLES = {
    "calibration",
    "codebook",
    "example_bank",
    "hashing_encoder",
    "reference",
    "remembering_encoder",
    "shared_encoder",
    "suggester",
}


@pytest.mark.parametrize("module", MODULES)
def test_examples_in_docstrings_run(module: str) -> None:
    failed, tried = doctest.testmod(importlib.import_module(f"models.{module}"))
    assert failed == 0
    assert tried or module not in WITH_EXAMPLES
