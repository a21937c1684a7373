from __future__ import annotations

import numpy as np

from napari_midl.volumes.growing import MostProbable


def test_the_most_probable_class_and_the_first_where_nothing_is_computed():
    stored = np.zeros((3, 1, 2, 2), np.float32)  # two classes and a doubt
    stored[:, 0, 0, 0] = 0.7, 0.2, 0.1
    stored[:, 0, 0, 1] = 0.3, 0.6, 0.9
    stored[:, 0, 1, 0] = 0.2, 0.3, 0.5
    called = MostProbable(stored, 2)
    assert called.dtype == np.uint8
    np.testing.assert_array_equal(np.asarray(called[:]), [[[1, 2], [0, 0]]])
