"""What the vessels dock says, and in which unit: no screen is needed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from napari_midl.engine.jobs import run
from napari_midl.methods.vessels.analyse import VesselGraph, analyse
from napari_midl.methods.vessels.export import in_world, with_units
from napari_midl.methods.vessels.words import gain, numbers
from napari_midl.volumes.space import Space
from napari_midl.volumes.volume import Volume


@pytest.fixture
def graph():
    def of(unit):
        nodes = pd.DataFrame({"id": [1, 2], "type": 0, "x": [1.0, 3.0], "y": 1.0, "z": 1.0})
        nodes = nodes.assign(radius=1.0, parent=[-1, 1])
        branches = pd.DataFrame({"length": [1500.0, 20.0], "mean_radius": [2.0, 4.0]})
        return VesselGraph(branches.assign(volume=1.0), nodes, [], unit, Space.of((1, 1, 1), unit))

    return of


@pytest.mark.parametrize(("unit", "apart"), [("centimeter", 2e4), ("angstrom", 2e-4), ("voxel", 2)])
def test_an_swc_is_in_micrometres_or_in_voxels(graph, unit, apart):
    nodes = in_world(graph(unit))
    assert nodes["x"][1] - nodes["x"][0] == pytest.approx(apart)
    assert graph(unit).nodes["x"][1] == 3


def test_the_columns_of_the_table_name_their_units(graph):
    columns = list(with_units(graph("micrometer")))
    assert columns == ["length (µm)", "mean radius (µm)", "volume (µm³)"]


def test_the_numbers_have_units_and_few_digits():
    inside = np.zeros((3, 5, 1600), bool)
    inside[1, 2, 10:1531] = True
    volume = Volume.from_array(inside, scale=(1, 1, 1), units=("micrometer",) * 3, name="mask")
    said = numbers(run(analyse(volume)))
    assert said["total length"] == "1,520 µm" and said["segments"] == "1"
    assert said["volume fraction"] == "6.34%" and said["median radius"] == "1 µm"
    assert said["length density"] == "63,333 mm/mm³"


def test_a_gain_is_a_verdict_with_the_scores_and_what_they_rest_on():
    before, after = ({"dice": d, "precision": 0.5, "recall": 0.5} for d in (0.9, 0.93))
    counts = {"blocks": 3, "voxels of vessel": 1200, "voxels of background": 3400}
    results = {"steps": 40, "before": before, "after": after, "counts": counts}
    said = gain(results | {"verdict": "better", "basis": "chose", "advice": "Too thin."})
    assert said.startswith("<b>Better after 40 steps.</b>")
    assert "0.90" in said and "<b>0.93</b>" in said
    assert "(3 blocks, 1,200 voxels of vessel, 3,400 voxels of background)" in said
    assert "the score also chose the model" in said and said.endswith("<b>Too thin.</b>")


def test_without_a_score_there_is_no_table():
    assert gain({"steps": 3, "before": {}, "after": {}}) == "<b>Trained for 3 steps.</b>"
