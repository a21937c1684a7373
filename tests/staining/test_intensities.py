"""What goes into a despeckler or a stain as people have it keeps its intensities."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from scipy import ndimage

from napari_midl.cli import main
from napari_midl.engine.jobs import run
from napari_midl.engine.ready_model import ReadyModel
from napari_midl.methods.staining.apply import Despeckling, Staining, stages
from napari_midl.methods.staining.beyond import WithinScale
from napari_midl.methods.staining.models import named_despeckler
from napari_midl.methods.staining.mosaic import Mosaic
from napari_midl.methods.staining.operations import Despeckle, Stain
from napari_midl.methods.staining.pipeline import Pipeline, build_pipeline
from napari_midl.methods.staining.ports import ChannelIn
from napari_midl.methods.staining.settings import DespeckleSettings, StainSettings
from napari_midl.volumes.open import open_volume
from napari_midl.volumes.volume import Volume

SHAPE = (128, 150)
PLAIN = {"method": "linear", "keep_speckle": True}


def tissue(texture=0.6):
    y, x = np.indices(SHAPE)
    return 1000 * (1 + texture * np.sin(x / 17) * np.cos(y / 23))


def speckled(clean, seed=0):
    return clean * (1 + 0.2 * np.random.default_rng(seed).standard_normal(SHAPE))


def cells(count=3, radius=3.5):
    """Some discs, 0.2 % of the pixels each."""
    y, x = np.indices(SHAPE)
    return np.logical_or.reduce(
        [np.hypot(y - 30 - 30 * n, x - 40 - 30 * n) < radius for n in range(count)]
    )


def despeckled(image, folder=Path(), model="base"):
    path, out = folder / "r.tif", folder / "out.ome.zarr"
    tifffile.imwrite(path, image, photometric="minisblack", metadata=None)
    run(Despeckle.of(reflectance=path, out=out, model=model).perform())
    return np.asarray(open_volume(out).data)


@pytest.mark.parametrize("texture", [0.0, 0.6])
def test_the_mean_of_the_tissue_is_kept_and_the_speckle_goes(tmp_path, texture):
    clean = tissue(texture)
    out = despeckled(speckled(clean).clip(0).astype(np.uint16), tmp_path)
    assert out.mean() == pytest.approx(clean.mean(), rel=0.01)
    assert np.std(out - clean) < 0.5 * np.std(speckled(clean) - clean)


@pytest.mark.parametrize(
    ("dtype", "gain", "offset"),
    [
        ("uint8", 0.06, 0),
        ("uint16", 1, 0),
        ("int16", 1, -1500),
        ("uint32", 1e6, 0),
        ("int32", 1e4, -1e7),
        ("int64", 1, 2**40),
        ("uint64", 1e15, 0),
        ("float16", 1, 0),
        ("float32", 1e-3, -0.5),
        ("float64", 1e12, 0),
    ],
)
def test_any_type_keeps_its_intensities(tmp_path, dtype, gain, offset):
    clean = tissue()
    out = despeckled((speckled(clean) * gain + offset).astype(dtype), tmp_path)
    assert out.dtype == dtype
    back = (out.astype(np.float64) - offset) / gain
    assert back.mean() == pytest.approx(clean.mean(), rel=0.02)
    assert np.std(back - clean) < 100


@pytest.mark.parametrize("even", [True, False])
@pytest.mark.parametrize("value", [5000, 20000, 60000])
@pytest.mark.parametrize("texture", [0.0, 0.6])
def test_bright_cells_stay_and_change_nothing_else(tmp_path, value, texture, even):
    clean, bright = tissue(texture), cells()
    stain = value if even else value * (1 + 0.05 * np.random.default_rng(1).standard_normal(SHAPE))
    image = np.where(bright, stain, speckled(clean)).clip(0, 65535).astype(np.uint16)
    out = despeckled(image, tmp_path)
    elsewhere = ~ndimage.binary_dilation(bright, iterations=3)
    assert out[elsewhere].mean() == pytest.approx(clean[elsewhere].mean(), rel=0.01)
    assert np.std((out - clean)[elsewhere]) < 80
    assert out[bright].mean() == pytest.approx(image[bright].mean(), rel=0.05)


def test_hot_pixels_go_and_change_nothing_else(tmp_path):
    clean = tissue()
    image = speckled(clean).clip(0).astype(np.uint16)
    image[np.random.default_rng(3).random(SHAPE) < 0.002] = 65535
    out = despeckled(image, tmp_path)
    assert out.mean() == pytest.approx(clean.mean(), rel=0.02)
    assert out.max() < 3000


@pytest.mark.parametrize("padding", [0, 65535])
def test_padding_stays_and_changes_nothing_else(tmp_path, padding):
    clean = tissue()
    image = speckled(clean).clip(0).astype(np.uint16)
    image[:, 30:] = padding
    out = despeckled(image, tmp_path)
    assert (out[:, 30:] == padding).all()
    assert out[:, :30].mean() == pytest.approx(clean[:, :30].mean(), rel=0.01)
    assert out[:, 26:30].mean() == pytest.approx(clean[:, 26:30].mean(), rel=0.03)


def test_what_is_no_number_stays_so_and_its_neighbours_as_they_were(tmp_path):
    clean = tissue()
    image = speckled(clean).astype(np.float32)
    image[:, :40] = np.nan
    image[60, 70], image[60, 80], image[60, 90] = np.inf, -np.inf, np.nan
    out = despeckled(image, tmp_path)
    np.testing.assert_array_equal(np.isnan(out), np.isnan(image))
    np.testing.assert_array_equal(np.isinf(out), np.isinf(image))
    known = np.isfinite(out)
    assert out[known].mean() == pytest.approx(clean[known].mean(), rel=0.01)
    assert out[:, 40:44].mean() == pytest.approx(clean[:, 40:44].mean(), rel=0.03)
    around = out[59:62, 69:92][known[59:62, 69:92]]
    assert around.mean() == pytest.approx(clean[59:62, 69:92].mean(), rel=0.05)


def test_a_mask_is_no_reflectance(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    tifffile.imwrite("mask.tif", tissue() > 1000)
    with pytest.raises(SystemExit) as ended:
        main(["staining", "despeckle", "mask.tif", "--out", "out.ome.zarr"])
    assert ended.value.code == 2
    assert "mask.tif holds only true and false" in capfd.readouterr().err
    assert not Path("out.ome.zarr").exists()


def difficult():
    """Cells, hot pixels, padding and NaN, as one slice of reflectance."""
    image = np.where(cells(), 20000, speckled(tissue())).astype(np.float32)
    image[5, 5] = image[70, 9] = 65535
    image[100:] = 0
    image[:50, 120:] = np.nan
    return image


@pytest.mark.parametrize("tile", [64, 96])
def test_tiles_of_a_difficult_mosaic_do_not_show(tile):
    mosaic = Mosaic([Volume.from_array(difficult()[None])])
    network = named_despeckler("base").network

    def ready(edge):
        settings = DespeckleSettings(tile=edge, device="cpu")
        return ReadyModel(Despeckling(mosaic, Pipeline(WithinScale(network)), settings))

    whole = ready(512).look((slice(0, 1), slice(0, SHAPE[0]), slice(0, SHAPE[1])))
    tiles = ready(tile)
    for index in range(len(tiles.tiling)):
        core = tiles.tiling.core(index)
        np.testing.assert_allclose(tiles.look(core), whole[(slice(None), *core)], atol=1e-5)


def pair(fluorescence, reflectance):
    return Mosaic([Volume.from_array(channel[None]) for channel in (fluorescence, reflectance)])


def nuclei():
    y, x = np.indices(SHAPE)
    rng = np.random.default_rng(7)
    spots = sum(
        np.exp(-((y - a) ** 2 + (x - b) ** 2) / 18) for a, b in rng.uniform(5, 120, (30, 2))
    )
    return (100 + 1500 * spots).astype(np.float32)


@pytest.mark.parametrize("method", ["linear", "density"])
def test_where_a_channel_is_no_number_the_slide_is_empty_glass(tmp_path, method):
    fluorescence, reflectance = nuclei(), speckled(tissue()).astype(np.float32)
    holes = np.zeros(SHAPE, bool)
    holes[:, :40] = holes[64, 100] = True
    outs = []
    for name, channel in (("whole", reflectance), ("holes", np.where(holes, np.nan, reflectance))):
        tifffile.imwrite(tmp_path / "f.tif", fluorescence)
        tifffile.imwrite(tmp_path / f"{name}.tif", channel)
        paths = {"fluorescence": tmp_path / "f.tif", "reflectance": tmp_path / f"{name}.tif"}
        out = tmp_path / f"{name}.ome.zarr"
        run(Stain.of(**paths, out=out, method=method).perform())
        outs.append(np.asarray(open_volume(out).data).astype(int))
    whole, with_holes = outs
    assert (with_holes[:, holes] == 255).all()
    difference = np.abs(with_holes - whole)
    assert difference[:, :, 40:44].mean() < 8
    assert difference[:, ~holes].mean() < 4


def test_the_steps_of_a_look_show_no_tissue_where_there_are_no_numbers():
    reflectance = speckled(tissue())
    reflectance[:, :40] = np.nan
    settings = StainSettings(method="linear", device="cpu")
    pipeline = build_pipeline(settings, named_despeckler("base"), None)
    ready = ReadyModel(Staining(pair(nuclei(), reflectance), pipeline, settings))
    given, clean, colours = stages(ready, (slice(0, 1), slice(0, 100), slice(0, 100)))
    for channels in (given, clean):
        assert np.isfinite(channels).all()
        assert not channels[:, :, :, :40].any() and channels[1, :, :, 50:].mean() > 0.2
    assert (colours[..., :40] == 1).all()


def test_a_bright_cell_does_not_pale_the_stain(tmp_path):
    fluorescence, reflectance = nuclei(), speckled(tissue()).astype(np.float32)
    tifffile.imwrite(tmp_path / "f.tif", fluorescence)
    tifffile.imwrite(tmp_path / "plain.tif", reflectance)
    tifffile.imwrite(tmp_path / "cells.tif", np.where(cells(), 20000, reflectance))
    outs = []
    for name in ("plain", "cells"):
        paths = {"fluorescence": tmp_path / "f.tif", "reflectance": tmp_path / f"{name}.tif"}
        out = tmp_path / f"{name}.ome.zarr"
        run(Stain.of(**paths, out=out, **PLAIN).perform())
        outs.append(np.asarray(open_volume(out).data).astype(int))
    assert np.abs(outs[1] - outs[0])[:, ~cells()].max() <= 8


def test_pixels_of_unlike_size_are_refused(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    for name, size, channel in (("f", 2, nuclei()), ("r", 1, tissue()), ("same", 2, tissue())):
        tifffile.imwrite(
            f"{name}.tif",
            channel.astype(np.uint16),
            imagej=True,
            resolution=(size, size),
            metadata={"unit": "um"},
        )
    tifffile.imwrite("unknown.tif", tissue().astype(np.uint16))
    options = ["--fluorescence", "f.tif", "--method", "linear", "--keep-speckle"]
    command = ["staining", "stain", *options, "--reflectance"]
    with pytest.raises(SystemExit) as ended:
        main([*command, "r.tif", "--out", "r.ome.zarr"])
    assert ended.value.code == 2
    assert "r.tif has pixels of 1 µm but f of 0.5 µm" in capfd.readouterr().err
    assert not Path("r.ome.zarr").exists()
    for name in ("same", "unknown"):
        with pytest.raises(SystemExit) as ended:
            main([*command, f"{name}.tif", "--out", f"{name}.ome.zarr"])
        assert not ended.value.code


def test_the_time_point_is_said(tmp_path):
    path = tmp_path / "r.tif"
    frames = np.stack([np.zeros(SHAPE), tissue(), tissue()[::-1]]).astype(np.uint16)
    tifffile.imwrite(path, frames, imagej=True, metadata={"axes": "TYX"})
    channel = ChannelIn(path, time=2).open()
    np.testing.assert_array_equal(np.asarray(channel.data)[0], frames[2])
    assert "time point 2" in channel.name
    (note,) = channel.notes
    assert "3 time points, of which 2 is taken" in note and "--reflectance-time" in note
    with pytest.raises(Exception, match=r"r \(time point 0\) is 0 everywhere"):
        Mosaic([ChannelIn(path).open()])
    one = tmp_path / "one.tif"
    tifffile.imwrite(one, frames[1])
    assert not ChannelIn(one).open().notes
