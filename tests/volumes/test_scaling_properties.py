"""What holds of the scaling of any image."""

from __future__ import annotations

import numpy as np
import pytest

from napari_midl.errors import InputError
from napari_midl.volumes.scaling import Scaling, robust_scaling
from napari_midl.volumes.volume import Volume

pytest.importorskip("hypothesis")
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

DTYPES = ("uint8", "int16", "uint16", "uint32", "int64", "float16", "float32", "float64")
seeds = st.integers(0, 2**32 - 1)


@given(
    low=st.floats(-1e6, 1e6),
    width=st.floats(1e-3, 1e6),
    values=arrays.arrays(np.float64, 50, elements=st.floats(-1e9, 1e9)),
    dtype=st.sampled_from(DTYPES),
)
def test_a_scaling_rises_and_stays_in_its_range(low, width, values, dtype):
    scaling = Scaling(low, low + width)
    limits = np.iinfo(dtype) if np.dtype(dtype).kind in "ui" else np.finfo(dtype)
    ordered = np.sort(values.clip(float(limits.min), float(limits.max)).astype(dtype))
    scaled = scaling(ordered)
    assert scaled.dtype == np.float32
    assert (np.diff(scaled) >= 0).all()
    assert scaled.min() >= 0 and scaled.max() <= 1


@settings(deadline=None, max_examples=50)
@given(arrays.arrays(np.float64, (2, 12, 13), elements=st.floats(allow_nan=True, width=32)))
def test_any_image_that_is_not_flat_has_a_scaling(image):
    finite = image[np.isfinite(image)]
    assume(finite.size > image.size / 2)
    try:
        scaling = robust_scaling(Volume.from_array(image))
    except InputError:
        assert not finite.size or np.unique(finite, return_counts=True)[1].max() > 0.9 * finite.size
        return
    assert np.isfinite([scaling.low, scaling.high]).all()
    assert finite.min() <= scaling.low < scaling.high <= finite.max()


@settings(deadline=None, max_examples=30)
@given(
    seed=seeds,
    texture=st.floats(0, 3),
    level=st.floats(10, 1000),
    count=st.integers(1, 60),
    value=st.one_of(st.floats(1e4, 1e9), st.floats(-1e9, -1e4)),
)
def test_hot_pixels_never_fool_it(seed, texture, level, count, value):
    rng = np.random.default_rng(seed)
    y, x = np.indices((110, 110))
    image = level * (1 + 0.1 * rng.standard_normal(y.shape) + 0.1 * texture * np.sin(x / 9))
    clean = robust_scaling(Volume.from_array(image[None]))
    hot = image.copy()
    hot.flat[rng.choice(hot.size, count, replace=False)] = value
    fooled = robust_scaling(Volume.from_array(hot[None]))
    width = clean.high - clean.low
    assert abs(fooled.low - clean.low) < 0.1 * width
    assert abs(fooled.high - clean.high) < 0.1 * width
