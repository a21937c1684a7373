from __future__ import annotations

import numpy as np

from napari_midl.methods.staining.colours import Curtain


def test_a_curtain_over_an_array_gives_its_colours():
    picture = np.random.default_rng(0).integers(0, 255, (6, 8, 3)).astype(np.uint8)
    curtain = Curtain(picture, 0.5)
    part = curtain[1:4, 2:7]
    np.testing.assert_array_equal(part[..., :3], picture[1:4, 2:7])
    np.testing.assert_array_equal(part[0, :, 3], [255, 255, 0, 0, 0])
