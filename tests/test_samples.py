from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from napari_midl import samples
from napari_midl.errors import InputError
from napari_midl.volumes.landmarks import read_landmarks


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache, and no way to the internet."""
    monkeypatch.setenv(samples.CACHE_VARIABLE, str(tmp_path))
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_synthetic_vessels_are_an_image_and_its_truth():
    (image, placed, kind), (truth, also_placed, label_kind) = samples.synthetic_vessels(
        (16, 48, 64)
    )
    assert (kind, label_kind) == ("image", "labels")
    assert image.shape == truth.shape == (16, 48, 64)
    assert set(np.unique(truth)) == {0, 1}
    assert placed["scale"] == also_placed["scale"]
    assert image[truth == 1].mean() > image[truth == 0].mean()


def test_synthetic_vessels_follow_their_seed():
    first, again, other = (samples.synthetic_vessels((8, 32, 32), s)[0][0] for s in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_octa_comes_from_the_cache_with_the_right_hash(cache, shared):
    shutil.copy(shared / "data/vessels/tubenet_octa_image.tif", cache / samples.OCTA_FILE)
    ((image, _, kind),) = samples.octa()
    assert kind == "image"
    assert image.shape == (64, 128, 128)
    assert image.dtype == np.uint8


def test_octa_offline_is_a_sentence(cache):
    with pytest.raises(InputError, match=r"could not be downloaded .* put the file into"):
        samples.octa()


def test_octa_refuses_a_damaged_file(cache):
    (cache / samples.OCTA_FILE).write_bytes(b"not what was pinned")
    with pytest.raises(InputError, match="could not be downloaded"):
        samples.octa()


def test_synthetic_mandible_is_a_scan_with_its_landmarks(cache):
    ((image, placed, kind),) = samples.synthetic_mandible()
    assert kind == "image" and image.ndim == 3 and placed["units"] == ("mm",) * 3
    landmarks = read_landmarks(Path(placed["metadata"][samples.LANDMARKS]))
    assert landmarks.placed.all()
    voxels = np.rint(landmarks.points[:, ::-1] / placed["scale"]).astype(int)
    near = [image[tuple(slice(v - 1, v + 2) for v in voxel)].max() for voxel in voxels]
    # Each lies on bone, which soft tissue with its noise does not reach.
    assert min(near) > 300


def test_cells_are_the_same_for_a_seed():
    ((image, placed, kind),) = samples.synthetic_cells()
    assert kind == "image" and image.dtype == np.uint8 and image.ndim == 2
    assert placed["name"] == "synthetic cells"
    again, other = (samples.synthetic_cells(seed)[0][0] for seed in (0, 1))
    assert np.array_equal(image, again) and not np.array_equal(image, other)


def test_the_mandible_without_torch_is_a_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    for name in ("synthetic", "apply"):
        monkeypatch.delitem(sys.modules, f"napari_midl.methods.anatomy.{name}", raising=False)
    with pytest.raises(InputError, match="needs torch"):
        samples.synthetic_mandible()
