"""Cards that hold the wrong thing: a sentence before any work, for every tool."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from napari_midl.engine.models import CARD, read_card, shipped_weights
from napari_midl.errors import InputError
from napari_midl.methods.anatomy.models import named_model as anatomy_model
from napari_midl.methods.axons.models import named_model as axon_model
from napari_midl.methods.segment.models import named_model as segment_model
from napari_midl.methods.staining.models import named_despeckler, named_translator
from napari_midl.methods.vessels.models import named_model as vessel_model

OLD = Path(__file__).parents[1] / "fixtures" / "v498e827"
MODELS = {
    "vessels": (shipped_weights("vessels-base"), vessel_model),
    "axons": (shipped_weights("axons-base"), axon_model),
    "segment": (shipped_weights("segment-trees"), segment_model),
    "anatomy": (OLD / "anatomy" / "egg.safetensors", anatomy_model),
    "despeckler": (shipped_weights("staining-despeckler"), named_despeckler),
    "stain": (
        shipped_weights("staining-density"),
        lambda path: named_translator(path, "density"),
    ),
}


def held(path: Path) -> dict:
    with safe_open(path, framework="numpy") as file:
        return json.loads(file.metadata()[CARD])


def with_card(tool: str, folder: Path, changes: dict, drop: str = "") -> Path:
    """The tool's model with another card."""
    source, _ = MODELS[tool]
    card = held(source) | changes
    card.pop(drop, None)
    out = folder / "m.safetensors"
    save_file(load_file(source), out, {CARD: json.dumps(card)})
    return out


WRONG = {
    "steps": ["12", 1.5, -1, True, None, [1], {}],
    "seed": ["0"],
    "name": [5, None],
    "parent": [5],
    "settings": [5, ["generator"], "generator"],
    "scores": [3],
    "training_data": ["trees", [1], None, {"a": 1}],
    "architecture": [5, None, "", "huge", "compact 1", "compact ² ² ² ²"],
}


@pytest.mark.parametrize("field", WRONG)
@pytest.mark.parametrize("tool", MODELS)
def test_a_wrong_field_is_a_sentence(tool, field, tmp_path):
    for value in WRONG[field]:
        path = with_card(tool, tmp_path, {field: value})
        with pytest.raises(InputError) as error:
            MODELS[tool][1](path)
        said = str(error.value)
        assert said.startswith(str(path))
        assert said.endswith(".")


@pytest.mark.parametrize(
    "tool, field, values",
    [
        ("axons", "calibration", ["ab", [1], [1, "2"], [1, float("nan")], None, {"0": 1, "1": 2}]),
        ("anatomy", "spread_ratio", ["1", None, [1], float("inf")]),
        ("anatomy", "template", [5, [], {"name": "egg"}, {"landmarks": 5}]),
        ("stain", "stains", [5, [], {"vectors": [[1, 2, 3]], "full": [1, 1]}]),
        ("stain", "stains", [{"vectors": [[1, 0, 0], [0, 1, 0]], "full": [1, "?"]}]),
    ],
)
def test_a_wrong_field_of_one_tool_is_a_sentence(tool, field, values, tmp_path):
    for value in values:
        path = with_card(tool, tmp_path, {field: value})
        with pytest.raises(InputError, match=rf"m\.safetensors has .* as {field} on its card"):
            MODELS[tool][1](path)


@pytest.mark.parametrize("changes", [{"name": 5}, {"number": "1"}, {"mirror": None}, {"name": "x"}])
def test_a_wrong_landmark_on_a_card_is_a_sentence(changes, tmp_path):
    template = held(MODELS["anatomy"][0])["template"]
    template["landmarks"][0] |= changes
    if changes == {"name": "x"}:
        template["landmarks"][1]["name"] = "x"
    path = with_card("anatomy", tmp_path, {"template": template})
    with pytest.raises(InputError, match="as template on its card"):
        anatomy_model(path)


@pytest.mark.parametrize("tool, field", [("vessels", "architecture"), ("anatomy", "template")])
def test_a_missing_field_is_a_sentence(tool, field, tmp_path):
    path = with_card(tool, tmp_path, {}, drop=field)
    with pytest.raises(InputError, match=rf"m\.safetensors has a card without {field}"):
        MODELS[tool][1](path)


def test_fields_that_nobody_knows_are_kept(tmp_path):
    path = with_card("vessels", tmp_path, {"mood": ["good", 3]})
    assert vessel_model(path).card["mood"] == ["good", 3]
    assert read_card(path) == held(path)


@pytest.mark.parametrize("text", ["5", "[1, 2]", "null", "{", '"card"', "[" * 100_000])
def test_a_card_that_is_none_is_a_sentence(text, tmp_path):
    path = tmp_path / "m.safetensors"
    save_file({"a": np.zeros(2)}, path, {CARD: text})
    with pytest.raises(InputError, match="no napari-midl card"):
        read_card(path)


def test_sizes_that_the_file_does_not_hold_take_no_memory(tmp_path):
    path = with_card("anatomy", tmp_path, {"architecture": "compact 8 3 999999999 999999999"})
    with pytest.raises(InputError, match="does not hold the weights that its card names"):
        anatomy_model(path)


def test_weights_that_are_no_numbers_are_refused(tmp_path):
    source, load = MODELS["axons"]
    tensors = load_file(source)
    name = next(iter(tensors))
    tensors[name].ravel()[0] = np.nan
    save_file(tensors, tmp_path / "m.safetensors", {CARD: json.dumps(held(source))})
    with pytest.raises(InputError, match="weights that are no numbers"):
        load(tmp_path / "m.safetensors")


def test_triangles_between_vertices_that_are_not_there_are_refused(tmp_path):
    source, load = MODELS["anatomy"]
    tensors = load_file(source)
    tensors["faces"][0, 0] = 10_000
    save_file(tensors, tmp_path / "m.safetensors", {CARD: json.dumps(held(source))})
    with pytest.raises(InputError, match="triangles between vertices that it lacks"):
        load(tmp_path / "m.safetensors")


def test_a_template_of_other_landmarks_than_the_weights_is_refused(tmp_path):
    template = held(MODELS["anatomy"][0])["template"]
    template["landmarks"] = template["landmarks"][:5]
    for item in template["landmarks"]:
        item["mirror"] = ""
    path = with_card("anatomy", tmp_path, {"template": template})
    with pytest.raises(InputError, match="has 8 landmarks, but its card names 5"):
        anatomy_model(path)
