"""BERT without padding between texts: the layout, and the same arithmetic as the library's own."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import BertConfig, BertModel

from models.flat_bert import LENGTH_STEP, FlatBert, lay_out

PAD = 0
ROWS = st.lists(st.lists(st.integers(1, 60), min_size=1, max_size=70), min_size=1, max_size=6)


def small_bert(**config: Any) -> BertModel:
    torch.manual_seed(0)
    sizes: dict[str, Any] = {
        "vocab_size": 64,
        "hidden_size": 24,
        "num_hidden_layers": 2,
        "num_attention_heads": 3,
        "intermediate_size": 40,
        "max_position_embeddings": 80,
    }
    without_dropout = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    return BertModel(BertConfig(**sizes | without_dropout | config), add_pooling_layer=False)


@given(ROWS, st.integers(0, 30))
def test_every_word_piece_keeps_its_text_and_its_position(rows: list[list[int]], spare: int) -> None:
    total = sum(map(len, rows))
    texts = lay_out(rows, total + spare, PAD)
    assert len(texts.ids) == len(texts.positions) == len(texts.places) == total + spare
    assert texts.ids[total:].tolist() == [PAD] * spare
    assert sorted(member for part in texts.padded for member in part.members) == list(range(len(rows)))
    for part in texts.padded:
        for member, mask, entries in zip(part.members, part.mask, part.entries, strict=True):
            assert texts.ids[entries[mask]].tolist() == rows[member]
            assert texts.positions[entries[mask]].tolist() == list(range(len(rows[member])))


@given(ROWS)
def test_attention_sees_each_text_in_a_row_of_its_own_length_alone(rows: list[list[int]]) -> None:
    texts = lay_out(rows, 512, PAD)
    for part in texts.padded:
        length = part.mask.shape[1]
        assert {-(-len(rows[member]) // LENGTH_STEP) * LENGTH_STEP for member in part.members} == {length}
    entries = torch.cat([part.entries.flatten() for part in texts.padded])
    total = sum(map(len, rows))
    assert entries[texts.places[:total]].tolist() == list(range(total))


@settings(max_examples=20)
@given(ROWS)
def test_hidden_states_are_those_of_the_librarys_model(rows: list[list[int]]) -> None:
    bert = small_bert()
    texts = lay_out(rows, 512, PAD)
    with torch.inference_mode():
        for part, states in zip(texts.padded, FlatBert(bert)(texts), strict=True):
            for member, own in zip(part.members, states, strict=True):
                expected = bert(input_ids=torch.tensor([rows[member]])).last_hidden_state[0]
                assert torch.allclose(own[: len(rows[member])], expected, atol=1e-5)


@pytest.mark.parametrize(
    ("config", "readable"),
    [({}, True), ({"hidden_act": "relu"}, False), ({"is_decoder": True}, False)],
)
def test_only_plain_models_are_read(config: dict[str, Any], readable: bool) -> None:
    assert FlatBert.can_read(small_bert(**config)) == readable
