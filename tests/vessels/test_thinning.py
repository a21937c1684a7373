"""The skeleton, also where scikit-image leaves nothing."""

from __future__ import annotations

import numpy as np
import pytest

from napari_midl.engine.jobs import run
from napari_midl.methods.vessels.analyse import analyse
from napari_midl.methods.vessels.thinning import thinned
from napari_midl.volumes.volume import Volume


@pytest.mark.parametrize("thick", [(2, 2), (2, 1), (4, 4), (1, 2), (3, 3), (6, 2)])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_straight_piece_of_any_thickness_has_its_length(thick, axis):
    mask = np.zeros((12, 12, 60), bool)
    mask[3 : 3 + thick[0], 4 : 4 + thick[1], 5:50] = True
    mask = np.moveaxis(mask, 2, axis)
    graph = run(analyse(Volume.from_array(mask, name="mask")))
    assert len(graph.branches) == 1
    assert 44 - max(thick) <= graph.branches["length"][0] <= 44.5
    assert (graph.branches["tortuosity"] < 1.05).all()


def test_a_straight_tube_of_an_even_diameter_is_no_empty_mask():
    z, y, _ = np.indices((30, 60, 60))
    tube = np.hypot(z - 14.5, y - 29.5) <= 9
    thin = thinned(tube)
    assert 40 <= thin.sum() <= 60
    assert set(np.unique(np.argwhere(thin)[:, 1])) <= {29, 30}


def test_what_is_lost_is_found_beside_what_is_not():
    mask = np.zeros((12, 40, 60), bool)
    mask[3:5, 4:6, 5:50] = mask[3:6, 20:23, 5:50] = True
    thin = thinned(mask)
    assert thin[:, :10].sum() > 40 and thin[:, 15:].sum() > 40
    assert not thin[~mask].any()


def test_a_step_is_no_gap():
    mask = np.zeros((40, 20, 60), bool)
    for x in range(5, 50):
        mask[x // 2 + 4 : x // 2 + 6, 10:12, x] = True
    graph = run(analyse(Volume.from_array(mask, name="mask")))
    assert len(graph.branches) == 1
    assert graph.branches["straight_length"][0] == pytest.approx(np.hypot(44, 22), abs=6)
