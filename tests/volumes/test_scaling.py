from __future__ import annotations

from dataclasses import replace

import dask.array as da
import numpy as np
import pytest
import zarr
from scipy import ndimage

from napari_midl.errors import InputError
from napari_midl.volumes.open import open_volume
from napari_midl.volumes.scaling import (
    FlatImage,
    Scaling,
    display_range,
    robust_scaling,
    scaling_around,
)
from napari_midl.volumes.volume import Volume


def noise(shape=(16, 64, 64), seed=0):
    return np.random.default_rng(seed).normal(100, 10, shape).astype(np.float32)


@pytest.mark.parametrize("shape", [(16, 64, 64), (2, 5, 5), (30, 30)])
def test_one_hot_pixel_dims_nothing(shape):
    clean = noise(shape)
    hot = clean.copy()
    hot.flat[7] = 1e6
    dead = clean.copy()
    dead.flat[7] = -1e6
    for array in (clean, hot, dead):
        scaled = robust_scaling(Volume.from_array(array))(clean)
        assert scaled.dtype == np.float32
        assert 0 <= scaled.min() < 0.05
        assert 0.95 < scaled.max() <= 1
        assert scaled.std() > 0.1


def test_not_a_number_is_ignored_and_becomes_zero():
    clean = noise()
    holes = clean.copy()
    holes[:4] = np.nan
    scaling = robust_scaling(Volume.from_array(holes))
    assert scaling.low == pytest.approx(robust_scaling(Volume.from_array(clean)).low, rel=0.05)
    assert (scaling(holes)[:4] == 0).all()
    assert scaling(np.array([np.inf, -np.inf])).tolist() == [1, 0]


def test_integers_keep_their_values():
    array = np.arange(1000, dtype=np.uint16).reshape(10, 10, 10)
    scaling = robust_scaling(Volume.from_array(array), percentiles=(0, 100))
    assert (scaling.low, scaling.high) == (0, 999)
    assert scaling(array).flat[-1] == 1


@pytest.mark.parametrize("chunks", [(64, 64, 64), (1, 2048, 2048)])
def test_large_volume_is_sampled_evenly_and_the_same_each_time(chunks):
    read = []

    def ramp(block_info=None):
        box = block_info[None]["array-location"]
        read.append(box)
        return np.broadcast_to(
            np.arange(*box[0], dtype=np.float32)[:, None, None], [b - a for a, b in box]
        )

    array = da.map_blocks(
        ramp,
        chunks=da.core.normalize_chunks(chunks, (2048, 2048, 2048)),
        dtype=np.float32,
        meta=np.empty((0, 0, 0), np.float32),
    )
    scaling = robust_scaling(Volume.from_array(array))
    assert len(read) <= 64
    # A ramp over the whole depth is only seen by blocks that are spread through it.
    assert scaling.low < 250
    assert scaling.high > 1800
    assert robust_scaling(Volume.from_array(array)) == scaling


def test_sparse_image_is_scaled_by_its_range():
    array = np.zeros((10, 100, 100), np.uint8)
    array[0, 0, :5] = 7
    scaling = robust_scaling(Volume.from_array(array))
    assert (scaling.low, scaling.high) == (0, 7)


def percentiles(array):
    low = np.percentile(array, 0.5, method="higher")
    return float(low), float(np.percentile(array, 99.8, method="lower"))


def measured(array, **options):
    scaling = robust_scaling(Volume.from_array(array), **options)
    return scaling.low, scaling.high


def vessels(shape=(12, 96, 96), seed=0):
    """Tubes in a twentieth of a noisy volume."""
    z, y, x = np.indices(shape)
    tubes = ((z - 6) ** 2 + (y - 20) ** 2 < 16) | ((z - 5) ** 2 + (x - 50) ** 2 < 9)
    noise = np.random.default_rng(seed).normal(60, 12, shape)
    return np.clip(noise + 110 * tubes, 0, 65535).astype(np.uint16)


def tissue(shape=(200, 240), seed=0):
    y, x = np.indices(shape)
    speckle = 1 + 0.2 * np.random.default_rng(seed).standard_normal(shape)
    return (1000 + 600 * np.sin(x / 17) * np.cos(y / 23)) * speckle


def fibres(share_of_depth=1, blur=0.0, seed=0):
    """Bright fibres in few voxels of noise."""
    image = np.zeros((20, 200, 200))
    image[:share_of_depth, 100:103, 50:150] = 1000
    if blur:
        image = ndimage.gaussian_filter(image, (0, blur, blur))
    return image + np.random.default_rng(seed).normal(100, 5, image.shape)


@pytest.mark.parametrize(
    "image",
    [
        noise(),
        vessels(),
        vessels().astype(np.uint8),
        tissue(),
        fibres(20),
        fibres(20, blur=1.5),
        np.random.default_rng(0).gamma(3, 100, (300, 300)),
    ],
)
def test_an_ordinary_image_is_scaled_by_its_percentiles(image):
    low, high = percentiles(image)
    assert measured(image) == pytest.approx((low, high), abs=0.02 * (high - low))


@pytest.mark.parametrize(
    "name",
    [
        "vessels/tubenet_octa_image.tif",
        "vessels/vesselnn_santos2015_lowContrastVessels_image.tif",
        "axons/depaola_08.jpg",
        "axons/chasedb1_12L_image.png",
        "staining/falsecolor_II_nuclear.tif",
    ],
)
def test_real_images_are_scaled_by_their_percentiles(shared, name):
    volume = open_volume(shared / "data" / name).spatial(1 if "chase" in name else 0)
    scaling = robust_scaling(volume)
    assert (scaling.low, scaling.high) == percentiles(np.asarray(volume.data))


def with_blob(image, value):
    blob = np.zeros(image.shape, bool)
    blob[..., 60:72, 70:80] = True
    return np.where(blob, value, image)


def with_hot_pixels(image, value, share=0.005):
    hot = np.random.default_rng(9).random(image.shape) < share
    return np.where(hot, value, image)


def padded(image, value=0.0):
    whole = np.full((*image.shape[:-2], *(3 * n for n in image.shape[-2:])), value)
    whole[..., : image.shape[-2], : image.shape[-1]] = image
    return whole


def with_holes(image):
    image = image.astype(float)
    image[..., :30, :] = np.nan
    image[..., 40, 40], image[..., 40, 50] = np.inf, -np.inf
    return image


def saturated(image):
    image = image.astype(float)
    image[..., 50:90, 60:90] = 65535
    return image


@pytest.mark.parametrize("image", [vessels(), tissue()], ids=["vessels", "tissue"])
@pytest.mark.parametrize(
    "fool",
    [
        lambda image: with_blob(image, 20000),
        lambda image: with_blob(image, 65535),
        lambda image: with_hot_pixels(image, 65535),
        lambda image: with_hot_pixels(with_blob(image, 30000), 65535),
        padded,
        lambda image: padded(image, -1024),
        lambda image: padded(with_blob(with_hot_pixels(image, 65535), 20000)),
        with_holes,
        saturated,
    ],
)
def test_what_is_no_part_of_the_image_changes_nothing(image, fool):
    low, high = percentiles(image)
    for fills in (False, True):
        assert measured(fool(image), fills=fills) == pytest.approx(
            (low, high), abs=0.05 * (high - low)
        )


def test_tissue_without_texture_is_no_noise_where_it_fills_the_picture():
    flat = 1000 * (1 + 0.2 * np.random.default_rng(0).standard_normal((200, 240)))
    low, high = percentiles(flat)
    found = measured(with_blob(flat, 20000), fills=True)
    assert found == pytest.approx((low, high), abs=0.05 * (high - low))


@pytest.mark.parametrize("background", [0, 100])
def test_a_nearly_empty_volume_is_scaled_by_its_signal(background):
    image = fibres(3)  # in 0.06 % of the voxels
    if not background:
        image = np.where(image > 500, image, 0)
    low, high = measured(image)
    assert low == pytest.approx(background, abs=20)
    assert 900 < high < 1200
    image[10, 5, 5] = image[3, 150, 30] = 65535
    assert measured(image) == pytest.approx((low, high), abs=1)


def test_sparse_signal_of_a_large_volume_is_found_in_its_coarsest_level():
    image = np.random.default_rng(0).normal(100, 5, (96, 512, 512)).astype(np.float32)
    image[70:74, 300:364, 300:364] = 1000  # in 0.07 % of the voxels, all in one place
    coarse = Volume.from_array(image.reshape(48, 2, 128, 4, 128, 4).mean((1, 3, 5)))
    finest = Volume.from_array(image)
    pyramid = replace(finest, levels=(finest.data, coarse.data))
    assert robust_scaling(pyramid).high > 500
    assert robust_scaling(finest) == robust_scaling(finest)


@pytest.mark.parametrize("chunks", [(32, 128, 128), (1, 1024, 1024)])
def test_signal_in_a_corner_of_a_large_dark_volume_without_a_pyramid_is_found(tmp_path, chunks):
    shape = (128, 1024, 1024)
    stored = zarr.create_array(tmp_path / "a.zarr", shape=shape, chunks=chunks, dtype="uint8")
    drawn = np.random.default_rng(0).integers(20, 200, (4, 40, 40), np.uint8)
    stored[9:13, 31:71, 900:940] = drawn  # in 0.005 % of the voxels
    scaling = robust_scaling(Volume.from_array(stored))
    assert scaling.low >= 0 and 100 < scaling.high < 210
    assert robust_scaling(Volume.from_array(stored)) == scaling


def test_whole_numbers_too_large_for_32_bits_keep_their_differences():
    array = np.arange(1000, dtype=np.int64).reshape(10, 10, 10) + 2**40
    scaling = robust_scaling(Volume.from_array(array), percentiles=(0, 100))
    np.testing.assert_allclose(scaling(array).ravel(), np.arange(1000) / 999, atol=1e-6)
    for dtype in (np.int64, np.uint64):
        assert (scaling.back(scaling.uncut(array), np.dtype(dtype)) == array).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint32, np.int64, np.uint64])
def test_what_does_not_fit_into_the_type_is_cut(dtype):
    limits = np.iinfo(dtype)
    scaling = Scaling(float(limits.min), float(limits.max))
    back = scaling.back(np.array([-1, 0, 1, 2], np.float32), np.dtype(dtype))
    assert back[0] == back[1] == limits.min
    assert back[2] == back[3] > 0.999 * limits.max


def ct(padding, metal=None):
    """A head: air, soft tissue and bone within a round field of view."""
    z, y, x = np.indices((20, 160, 160))
    away = np.hypot(y - 80, x - 80)
    head = np.where(away < 60, 40, -1000) + np.random.default_rng(0).normal(0, 20, z.shape)
    head[(away < 60) & (away > 52)] += 900
    head[away > 78] = padding
    if metal is not None:
        head[8:12, 60:72, 60:75] = metal
    return head.astype(np.int16)


@pytest.mark.parametrize("metal", [None, 3071, 30000])
@pytest.mark.parametrize("padding", [-1000, -1024, -3024])
def test_a_ct_is_shown_from_air_to_bone(padding, metal):
    low, high = display_range(Volume.from_array(ct(padding, metal)))
    assert -1150 < low < -900
    assert 900 < high < 3072


@pytest.mark.parametrize("bright", [900, 1400, 2000])
@pytest.mark.parametrize("edge", [5, 8, 12])
def test_little_bone_in_a_ct_is_not_all_white(bright, edge):
    head = ct(-1000)
    away = np.hypot(*(np.indices(head.shape)[1:] - 80))
    head[(away < 60) & (away > 52)] -= 900
    head[5:15, 80 : 80 + edge, 80 : 80 + edge] = bright
    low, high = display_range(Volume.from_array(head))
    assert -1150 < low < -900
    assert 0.8 * bright < high < 1.3 * bright


def test_what_is_shown_is_looked_at_in_the_coarsest_level():
    read = []

    def block(level):
        def made(block_info=None):
            read.append(level)
            return np.random.default_rng(0).normal(100, 10, block_info[None]["chunk-shape"])

        shape = (64, 4096 >> level, 4096 >> level)
        chunks = da.core.normalize_chunks((1, 512, 512), shape)
        empty = np.empty((0, 0, 0))
        return da.map_blocks(made, chunks=chunks, dtype=float, meta=empty)

    levels = tuple(Volume.from_array(block(level)).data for level in (0, 4))
    low, high = display_range(replace(Volume.from_array(np.zeros((1, 1, 1))), levels=levels))
    assert 60 < low < 80 and 120 < high < 140
    assert set(read) == {4}


@pytest.mark.parametrize(
    "array", [np.zeros((3, 5, 5)), np.full((3, 5, 5), np.nan), np.full((3, 5, 5), 1e20)]
)
def test_there_is_a_range_to_show_whatever_is_in_it(array):
    low, high = display_range(Volume.from_array(array))
    assert np.isfinite([low, high]).all() and low < high


def spots() -> np.ndarray:
    """A mask of a fifth of a plane."""
    grain = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=(300, 300)), 2)
    return (grain > np.quantile(grain, 0.8))[None].astype(np.uint8) * 255


@pytest.mark.parametrize(
    ("array", "word"),
    [
        (np.zeros((0, 5, 5)), "empty"),
        (np.full((3, 5, 5), np.nan), "NaN"),
        (np.full((3, 5, 5), 7), "7 everywhere"),
        (spots(), "two values alone, 0 and 255, as a mask does"),
        (np.full((3, 5, 5), "a"), "intensities"),
    ],
)
def test_nothing_to_scale_is_said(array, word):
    with pytest.raises(InputError, match=f"stack .*{word}.*\\.$"):
        robust_scaling(Volume.from_array(array, name="stack"))


def test_an_image_that_looks_empty_is_scaled_by_what_lies_around_a_place_in_it():
    box = (slice(100, 104), slice(1000, 1040), slice(1000, 1040))

    class Hidden:
        shape, dtype, ndim = (512, 2048, 2048), np.dtype(np.uint8), 3
        size = 2**31

        def __getitem__(self, key):
            part = np.zeros(np.broadcast_to(np.uint8(0), self.shape)[key].shape, np.uint8)
            if tuple((s.start, s.stop) for s in key) == tuple((s.start, s.stop) for s in box):
                part[...] = np.arange(part.size).reshape(part.shape) % 200
            return part

    volume = Volume.from_array(Hidden(), name="hidden")
    with pytest.raises(FlatImage):
        scaling_around(volume, [])
    assert 150 < scaling_around(volume, [box]).high < 201


def test_an_empty_image_in_one_piece_is_searched_a_part_at_a_time():
    largest = [0]

    class Mapped:
        shape, dtype, ndim = (512, 2048, 2048), np.dtype(np.uint8), 3
        size = 2**31

        def __getitem__(self, key):
            part = np.broadcast_to(np.uint8(0), self.shape)[key]
            largest[0] = max(largest[0], part.size)
            return np.zeros(part.shape, np.uint8)

    with pytest.raises(InputError, match="0 wherever it was looked at"):
        robust_scaling(Volume.from_array(Mapped(), name="mapped"))
    assert largest[0] <= 2**26
