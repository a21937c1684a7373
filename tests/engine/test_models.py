from __future__ import annotations

import pytest
import torch
from torch import nn

from napari_midl.engine.models import Model, ModelFamily, read_card, save_model
from napari_midl.errors import InputError


def build(_: str) -> nn.Module:
    return nn.Sequential(nn.Conv3d(1, 2, 3), nn.BatchNorm3d(2))


def model(tool: str = "vessels") -> Model:
    return Model(build("").eval(), {"tool": tool, "architecture": "toy", "steps": 3})


def test_a_model_comes_back_with_its_weights_and_card(tmp_path):
    before = model()
    sha256 = save_model(before, tmp_path / "m.safetensors")
    after = ModelFamily("vessels", build, {}).load(tmp_path / "m.safetensors")
    assert after.card == before.card
    assert after.sha256 == before.sha256 == sha256
    assert not after.network.training


def test_a_fine_tuned_models_card_tells_where_it_comes_from():
    start = model()
    start.card |= {"name": "base", "steps": 10, "training_data": ["trees"]}
    tuned = start.tuned(start.network, "patches painted", "scan", 5, seed=3)
    assert tuned.card == start.card | {
        "name": "base, fine-tuned on scan",
        "parent": start.sha256,
        "steps": 15,
        "training_data": ["trees", "patches painted on scan"],
        "seed": 3,
    }
    assert start.card["steps"] == 10


def test_half_precision_halves_the_file_and_keeps_the_hash_it_promises(tmp_path):
    sha256 = save_model(model(), tmp_path / "m.safetensors", half=True)
    after = ModelFamily("vessels", build, {}).load(tmp_path / "m.safetensors")
    assert after.sha256 == sha256
    assert next(after.network.parameters()).dtype == torch.float32


def test_a_model_of_another_tool_is_refused(tmp_path):
    save_model(model("axons"), tmp_path / "m.safetensors")
    with pytest.raises(InputError, match="'axons', not of 'vessels'"):
        ModelFamily("vessels", build, {}).load(tmp_path / "m.safetensors")


def test_a_truncated_model_is_named(tmp_path):
    path = tmp_path / "m.safetensors"
    save_model(model(), path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(InputError, match=r"m\.safetensors is not a complete"):
        ModelFamily("vessels", build, {}).load(path)


def test_weights_without_a_card_are_refused(tmp_path):
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(2)}, tmp_path / "m.safetensors")
    with pytest.raises(InputError, match="no napari-midl card"):
        read_card(tmp_path / "m.safetensors")


def test_weights_that_do_not_fit_the_card_are_refused(tmp_path):
    save_model(model(), tmp_path / "m.safetensors")
    with pytest.raises(InputError, match="does not hold the weights"):
        ModelFamily("vessels", lambda _: nn.Linear(2, 2), {}).load(tmp_path / "m.safetensors")


def test_a_model_that_cannot_be_written_leaves_nothing(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        save_model(model(), tmp_path / "file" / "m.safetensors")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
