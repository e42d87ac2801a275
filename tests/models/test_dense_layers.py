"""Linear layers: both forms give what torch's own functions give, in blocks or at once."""

import pytest
import torch
from torch.nn import functional as F

from models import dense_layers
from models.dense_layers import FusedDense, PlainDense, dense
from models.transformer_encoder import default_precision

pytestmark = pytest.mark.skipif(default_precision() != "bf16", reason="this processor does not compute in bf16")

SHAPES = [(48, 48), (96, 32), (32, 96)]
ROWS = [1, 63, 64, 128, 129, 300]


def layer(outputs: int, inputs: int, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(outputs * 1_000 + inputs)
    return (torch.randn(outputs, inputs) / inputs**0.5).to(dtype), torch.randn(outputs).to(dtype)


@pytest.mark.parametrize("kind", [PlainDense, FusedDense])
@pytest.mark.parametrize(("outputs", "inputs"), SHAPES)
@pytest.mark.parametrize("rows", ROWS)
def test_values_are_those_of_full_precision_within_a_rounding(
    kind: type[PlainDense | FusedDense], outputs: int, inputs: int, rows: int
) -> None:
    weight, bias = layer(outputs, inputs, torch.bfloat16)
    states, more = torch.randn(rows, inputs).bfloat16(), torch.randn(rows, outputs).bfloat16()
    made = kind(weight, bias)
    with torch.inference_mode():
        expected = F.linear(states.float(), weight.float(), bias.float())
        for values, exact in (
            (made(states), expected),
            (made.gelu(states), F.gelu(expected)),
            (made.plus(states, more), expected + more.float()),
        ):
            assert values.dtype == torch.bfloat16
            assert torch.allclose(values.float(), exact, rtol=0.02, atol=0.03)


def test_full_precision_is_computed_by_torch_itself() -> None:
    assert isinstance(dense(*layer(8, 8, torch.float32)), PlainDense)


def test_a_build_without_the_fused_operators_does_without(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(dense(*layer(8, 8, torch.bfloat16)), FusedDense)
    monkeypatch.setattr(dense_layers, "_can_fuse", lambda: False)
    assert isinstance(dense(*layer(8, 8, torch.bfloat16)), PlainDense)
