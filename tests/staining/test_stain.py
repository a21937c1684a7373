"""Through the files and the command line: whole outputs, tiles, kill and resume, replay."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr

from napari_midl.cli import main
from napari_midl.engine.jobs import Job, run
from napari_midl.engine.outputs import OmeZarrOut
from napari_midl.engine.ready_model import ReadyModel
from napari_midl.engine.replaying import replay
from napari_midl.engine.runs import record_path
from napari_midl.errors import InputError
from napari_midl.methods.staining.apply import Staining
from napari_midl.methods.staining.generators import build_translator
from napari_midl.methods.staining.models import named_despeckler, named_translator
from napari_midl.methods.staining.mosaic import Mosaic
from napari_midl.methods.staining.operations import Despeckle, Match, Stain
from napari_midl.methods.staining.pictures import read_picture
from napari_midl.methods.staining.pipeline import Pipeline, build_pipeline
from napari_midl.methods.staining.ports import ChannelIn
from napari_midl.methods.staining.settings import LEARNT, StainSettings
from napari_midl.methods.staining.stains import Stains, stains_of
from napari_midl.methods.staining.synthetic import synthetic_mosaic
from napari_midl.methods.staining.watermark import NOTICE
from napari_midl.volumes.open import open_volume
from napari_midl.volumes.volume import Volume

METHODS = ("density", "cyclegan", "linear", "beer-lambert")
SMALL = {"tile": 64}


def stain(path: Path, method: str = "density", folder: Path = Path(), **options) -> Job:
    channels = {"reflectance": folder / "r.tif", "fluorescence": folder / "f.tif"}
    return Stain.of(**channels, out=path, method=method, **options).perform()


def stained(path: Path, method: str = "density", **options) -> np.ndarray:
    run(stain(path, method, **{**SMALL, **options}))
    return np.asarray(open_volume(path).data)


def shipped(settings: StainSettings, reference: Stains | None = None) -> Pipeline:
    method = settings.method if settings.method in LEARNT else "density" * settings.doubt
    translator = named_translator("base", method) if method else None
    cleaner = None if settings.keep_speckle else named_despeckler("base")
    return build_pipeline(settings, cleaner, translator, reference)


def ready(mosaic, pipeline, tile=64) -> ReadyModel:
    return ReadyModel(Staining(mosaic, pipeline, StainSettings(tile=tile, device="cpu")))


@pytest.mark.parametrize("method", METHODS)
def test_tiles_do_not_show(mosaic, method):
    painter = ready(mosaic, shipped(StainSettings(method=method)))
    whole = np.rint(255 * painter.look((slice(0, 1), slice(0, 200), slice(0, 230))))
    for index in range(len(painter.tiling)):
        core = painter.tiling.core(index)
        tile = np.rint(255 * painter.look(core))
        assert np.abs(tile - whole[(slice(None), *core)]).max() <= 1


def test_tiles_of_the_papers_generator_do_not_show(mosaic):
    """Its instance normalisation is frozen on a sample of the mosaic."""
    translator = build_translator("resnet").eval()
    painter = ready(mosaic, Pipeline(translator))
    region = (slice(0, 1), slice(64, 128), slice(128, 192))
    whole = painter.look((slice(0, 1), slice(0, 200), slice(0, 230)))
    np.testing.assert_allclose(painter.look(region), whole[(slice(None), *region)], atol=1 / 255)


def test_the_output_is_colour_with_a_pyramid_and_says_what_it_is(folder):
    colours = stained(Path("out.ome.zarr"))
    assert colours.shape == (3, 200, 230) and colours.dtype == np.uint8
    glass = np.median(colours[:, tifffile.imread("r.tif") < 5], axis=1)
    assert glass.min() > 215
    group = zarr.open_group("out.ome.zarr", mode="r")
    assert group.attrs["napari-midl"]["notice"] == NOTICE
    assert NOTICE in group.attrs["ome"]["multiscales"][0]["name"]
    channels = group.attrs["ome"]["omero"]["channels"]
    assert [c["color"] for c in channels] == ["FF0000", "00FF00", "0000FF"]


def test_coarse_levels_of_a_part_are_as_bright_as_the_part(tmp_path):
    drawn = synthetic_mosaic((500, 520), np.random.default_rng(1))
    for name, channel in (("f", drawn.fluorescence), ("r", drawn.reflectance)):
        tifffile.imwrite(tmp_path / f"{name}.tif", (channel * 4000).astype(np.uint16))
    path = tmp_path / "part.ome.zarr"
    out = OmeZarrOut(path, box="0:60,0:60")
    channels = {c: ChannelIn(tmp_path / f"{c[0]}.tif") for c in ("fluorescence", "reflectance")}
    # An edge that cuts through pixels of the coarser levels.
    settings = StainSettings(method="linear", keep_speckle=True, tile=66)
    run(Stain(**channels, out=out, settings=settings).perform())
    fine, *coarser = (np.asarray(level) for level in open_volume(path).levels)
    darkest = [channel[fine.any(0)].min() for channel in fine]
    assert len(coarser) == 2 and coarser[1].any(0).sum() == 17**2
    for coarse in coarser:
        assert (coarse[:, coarse.any(0)].min(1) >= darkest).all()


def test_nuclei_become_blue_and_stroma_pink(folder, drawn):
    red, green, blue = stained(Path("out.ome.zarr"), keep_speckle=True).astype(float)
    nuclei = drawn.fluorescence > 0.6
    stroma = (drawn.fluorescence < 0.05) & (drawn.clean > 0.5)
    assert (blue - red)[nuclei].mean() > 20
    assert (red - green)[stroma].mean() > 40
    assert red[nuclei].mean() < red[stroma].mean() - 40


def test_a_few_bright_nuclei_do_not_make_the_others_pale(tmp_path):
    rng = np.random.default_rng(0)
    reflectance = rng.uniform(0.4, 0.6, (200, 230))
    fluorescence = rng.uniform(0, 0.02, (200, 230))
    fluorescence[::8, ::8] = 0.5
    pictures = []
    for brightest in (0.5, 0.8):
        fluorescence[4:8, 4:60:2] = brightest
        channels = [Volume.from_array(c[None]) for c in (fluorescence, reflectance)]
        mosaic = Mosaic([replace(c, name=str(n)) for n, c in enumerate(channels)])
        painter = ready(mosaic, shipped(StainSettings(method="beer-lambert", keep_speckle=True)))
        pictures.append(painter.look((slice(0, 1), slice(0, 200), slice(0, 230)))[:3, 0, ::8, ::8])
    assert np.abs(pictures[0] - pictures[1]).mean() < 0.01


@pytest.mark.parametrize("method", ["beer-lambert", "density"])
def test_a_match_leaves_the_doubt_as_it_is(mosaic, folder, method):
    settings = StainSettings(method=method, doubt=True, keep_speckle=True)
    own, matched = (
        ready(mosaic, shipped(settings, reference), 256).look(
            (slice(0, 1), slice(0, 200), slice(0, 230))
        )
        for reference in (None, stains_of(read_picture(Path("slide.png"))))
    )
    np.testing.assert_array_equal(own[3], matched[3])
    assert own[3].max() > 0 and np.abs(own[:3] - matched[:3]).mean() > 0.02


@pytest.mark.parametrize("method", ["beer-lambert", "cyclegan"])
def test_doubt_is_a_fourth_channel_in_0_to_255(folder, method):
    out = stained(Path("out.ome.zarr"), method, doubt=True)
    assert out.shape[0] == 4
    plain = stained(Path("plain.ome.zarr"), method)
    # The wider halo changes the order in which the network's sums are taken.
    assert np.abs(out[:3].astype(int) - plain).max() <= 1
    assert out[3].std() > 0


def test_the_watermark_is_written_across_tiles(mosaic, tmp_path):
    wide = np.tile(np.asarray(mosaic.channels[1].data)[0], (2, 3))[:350, :600]
    for name in "rf":
        tifffile.imwrite(tmp_path / f"{name}.tif", wide)
    outs = []
    for tile, name in ((64, "a"), (512, "b")):
        out = tmp_path / f"{name}.ome.zarr"
        run(stain(out, "linear", tmp_path, keep_speckle=True, watermark=True, tile=tile))
        outs.append(np.asarray(open_volume(out).data))
    np.testing.assert_array_equal(*outs)
    plain = tmp_path / "c.ome.zarr"
    run(stain(plain, "linear", tmp_path, keep_speckle=True))
    inked = (outs[0] != np.asarray(open_volume(plain).data)).any(0)
    assert inked[256:290].any() and not inked[:240].any()


@pytest.mark.parametrize("after", [1, 5])
@pytest.mark.usefixtures("two_threads")
def test_a_stain_that_was_stopped_ends_with_the_same_bits(folder, after):
    whole = stained(Path("whole.ome.zarr"))
    out = Path("part.ome.zarr")
    job = stain(out, **SMALL)
    written = 0
    for progress in job:
        written += progress.preview is not None
        if written == after:
            job.close()
            break
    assert not record_path(out).exists()
    with pytest.raises(InputError, match="exists already"):
        stained(out)
    with pytest.raises(InputError, match="with watermark off and not on;"):
        stained(out, watermark=True, resume=True)
    np.testing.assert_array_equal(stained(out, resume=True), whole)
    with pytest.raises(InputError, match="nothing to resume"):
        stained(out, resume=True)


def test_gain_offset_and_depth_change_little(folder):
    before = stained(Path("before.ome.zarr")).astype(int)
    for name in "rf":
        image = tifffile.imread(f"{name}.tif").astype(float)
        tifffile.imwrite(f"{name}.tif", np.rint(image / 4000 * 120 + 30).astype(np.uint8))
    after = stained(Path("after.ome.zarr"))
    assert np.abs(after - before).mean() < 2


def test_a_reference_gives_its_colours(folder):
    out = Path("out.ome.zarr")
    run(stain(out, "beer-lambert", keep_speckle=True, reference=Path("slide.png")))
    matched = np.asarray(open_volume(out).data)
    assert np.abs(matched.astype(int) - stained(Path("own.ome.zarr"), "beer-lambert")).mean() > 3


def test_despeckling_keeps_type_and_intensities(folder, drawn):
    out = Path("clean.ome.zarr")
    run(Despeckle.of(reflectance=Path("r.tif"), out=out, **SMALL).perform())
    clean = np.asarray(open_volume(out).data)
    noisy = tifffile.imread("r.tif")
    assert clean.dtype == np.uint16 and clean.shape == noisy.shape
    errors = [np.mean((i / 4000.0 - drawn.clean) ** 2) for i in (noisy, clean)]
    assert errors[1] < 0.5 * errors[0]


def test_a_stack_is_stained_slice_by_slice(tmp_path, drawn):
    stack = np.stack([drawn.fluorescence, drawn.fluorescence[::-1]]) * 255
    for name in ("r.tif", "f.tif"):
        tifffile.imwrite(tmp_path / name, stack.astype(np.uint8), metadata={"axes": "ZYX"})
    out = tmp_path / "out.ome.zarr"
    run(stain(out, "linear", tmp_path, keep_speckle=True, **SMALL))
    colours = np.asarray(open_volume(out).data)
    assert colours.shape == (3, 2, 200, 230)
    np.testing.assert_array_equal(colours[:, 0], colours[:, 1, ::-1])


def test_two_channels_of_one_file_and_replay(folder, capfd):
    both = np.stack([tifffile.imread("r.tif"), tifffile.imread("f.tif")])
    tifffile.imwrite("both.ome.tif", both, metadata={"axes": "CYX"})
    command = ["staining", "stain", "--reflectance", "both.ome.tif", "--fluorescence"]
    command += ["both.ome.tif", "--fluorescence-channel", "1", "--out", "out.ome.zarr"]
    with pytest.raises(SystemExit) as ended:
        main(command)
    assert not ended.value.code
    np.testing.assert_array_equal(
        np.asarray(open_volume("out.ome.zarr").data),
        stained(Path("two.ome.zarr"), "beer-lambert", tile=512),
    )
    with pytest.raises(SystemExit) as ended:
        main(["runs", "replay", "out.ome.zarr.run.json"])
    assert not ended.value.code
    assert capfd.readouterr().out.endswith("identical\n")


def test_a_reference_that_was_measured_is_taken_as_the_picture_itself(folder):
    run(Match.of(slide=Path("slide.png"), out=Path("stains.json")).perform())
    outs = []
    for reference in ("slide.png", "stains.json"):
        out = Path(f"{reference}.ome.zarr")
        run(stain(out, "beer-lambert", keep_speckle=True, reference=Path(reference), **SMALL))
        outs.append(np.asarray(open_volume(out).data))
    np.testing.assert_array_equal(*outs)
    Path("stains.json").write_text("{}", encoding="utf-8")
    with pytest.raises(InputError, match=r"stains\.json holds no stains"):
        run(stain(Path("other.ome.zarr"), reference=Path("stains.json")))


def test_a_record_of_the_first_version_replays(folder):
    """Its channels were a list, and its outputs were named by what they were."""
    both = np.stack([tifffile.imread("r.tif"), tifffile.imread("f.tif")])
    tifffile.imwrite("both.ome.tif", both, metadata={"axes": "CYX"})
    out = Path("out.ome.zarr")
    options = {"reflectance": "both.ome.tif", "fluorescence": "both.ome.tif", "method": "linear"}
    made = run(
        Stain.of(**options, fluorescence_channel=1, keep_speckle=True, out=out, **SMALL).perform()
    ).run
    whole = str(Path("both.ome.tif").resolve())
    old = {
        "version": 1,
        "operation": "staining.stain",
        "arguments": {
            "reflectance": whole,
            "fluorescence": whole,
            "channels": [0, 1],
            "model": "base",
            "despeckler": "base",
            "reference": None,
        },
        "settings": made.settings,
        "inputs": made.inputs,
        "outputs": {"image": made.outputs["out.ome.zarr"]},
        "results": {},
        "seconds": 1.0,
        "versions": {},
    }
    record_path(out).write_text(json.dumps(old))
    assert run(replay(record_path(out))).same
    old["arguments"]["channels"] = [1, 0]
    record_path(out).write_text(json.dumps(old))
    assert not run(replay(record_path(out))).same


def test_a_channel_in_memory_leaves_a_record_that_says_so(mosaic, folder):
    fluorescence, reflectance = (ChannelIn.of(volume) for volume in mosaic.channels)
    settings = StainSettings(method="linear", keep_speckle=True, **SMALL)
    out = OmeZarrOut(Path("out.ome.zarr"))
    channels = {"fluorescence": fluorescence, "reflectance": reflectance}
    run(Stain(**channels, out=out, settings=settings).perform())
    with pytest.raises(InputError, match="came from no file"):
        run(replay(record_path(Path("out.ome.zarr"))))


def test_a_hot_pixel_does_not_dim_the_stain(folder):
    before = stained(Path("before.ome.zarr"), "linear", keep_speckle=True).astype(int)
    image = tifffile.imread("f.tif")
    image[0, 0] = 65535
    tifffile.imwrite("f.tif", image)
    after = stained(Path("after.ome.zarr"), "linear", keep_speckle=True)
    assert np.abs(after - before)[:, 1:].max() <= 2


def test_the_scale_of_the_mosaic_is_kept(tmp_path, drawn):
    channel = (drawn.reflectance * 255).astype(np.uint8)
    tifffile.imwrite(
        tmp_path / "r.tif", channel, imagej=True, resolution=(2, 2), metadata={"unit": "um"}
    )
    out = tmp_path / "out.ome.zarr"
    run(Despeckle.of(reflectance=tmp_path / "r.tif", out=out).perform())
    assert open_volume(out).voxel_size[1:] == pytest.approx((0.5, 0.5))
    assert open_volume(out).unit == "micrometer"


def test_channels_of_different_size_are_refused(drawn):
    volumes = [Volume.from_array(np.eye(n)[None], name=f"{n}") for n in (8, 9)]
    with pytest.raises(InputError, match="is 9 x 9 pixels large but 8 is 8 x 8"):
        Mosaic(volumes)


@pytest.mark.usefixtures("two_threads")
def test_workers_of_a_cluster_write_the_same_bits(folder):
    distributed = pytest.importorskip("distributed")
    options = {"doubt": True, "watermark": True, **SMALL}

    def despeckle(path: Path, **where) -> Job:
        return Despeckle.of(reflectance=Path("r.tif"), out=path, **SMALL, **where).perform()

    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=4, processes=False, dashboard_address=":0"
    ) as cluster:
        where = {"scheduler": cluster.scheduler_address}
        run(stain(Path("far.ome.zarr"), **options, **where))
        run(despeckle(Path("c far.ome.zarr"), **where))
    run(stain(Path("near.ome.zarr"), **options))
    run(despeckle(Path("c near.ome.zarr")))
    for name in ("", "c "):
        far, near = (open_volume(f"{name}{which}.ome.zarr") for which in ("far", "near"))
        assert far.channels == near.channels
        for one, other in zip(far.levels, near.levels, strict=True):
            np.testing.assert_array_equal(one, other)


def test_a_mosaic_is_left_as_it_was_and_so_are_its_networks(mosaic):
    """Another stain may be using them."""
    pipeline = shipped(StainSettings())
    before = {name: values.clone() for name, values in pipeline.state_dict().items()}
    ready(mosaic, pipeline).look((slice(0, 1), slice(0, 64), slice(0, 64)))
    assert {stage.factor for stage in pipeline.stages if hasattr(stage, "factor")} == {1.0}
    for name, values in pipeline.state_dict().items():
        assert (values == before[name]).all()
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in pipeline.modules())
