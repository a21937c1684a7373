"""Where a plane cuts a mesh."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from napari_midl.methods.anatomy.contours import cut


def test_a_plane_cuts_a_box_along_its_outline() -> None:
    box = trimesh.creation.box((2.0, 4.0, 6.0))
    faces = np.asarray(box.faces, np.int32)
    lines, triangles = cut(box.vertices, faces, 2, 1.0)
    assert np.allclose(lines[..., 2], 1.0) and len(lines) == len(triangles)
    length = np.linalg.norm(lines[:, 0] - lines[:, 1], axis=1).sum()
    assert length == pytest.approx(2 * (2 + 4))
    assert len(cut(box.vertices, faces, 2, 9.0)[0]) == 0
