"""Through the command line: one sentence, exit code 2, nothing written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from imageio import v3 as imageio

from napari_midl.cli import main
from napari_midl.engine.models import shipped_weights

# These need no weights, which is not what they are about.
PLAIN = ("--method", "linear", "--keep-speckle")


def stain(*options: str, reflectance: str = "r.tif", fluorescence: str = "f.tif") -> list[str]:
    command = ["staining", "stain", "--reflectance", reflectance, "--fluorescence", fluorescence]
    out = [] if "--out" in options else ["--out", "out.ome.zarr"]
    return [*command, *out, *options]


def refused(capfd: pytest.CaptureFixture[str], command: list[str]) -> str:
    before = {p: p.stat().st_mtime_ns for p in Path().rglob("*")}
    with pytest.raises(SystemExit) as ended:
        main(command)
    assert ended.value.code == 2
    sentence = capfd.readouterr().err.strip().splitlines()[-1]
    assert sentence.endswith(".") and "Traceback" not in sentence
    assert {p: p.stat().st_mtime_ns for p in Path().rglob("*")} == before
    return sentence


def test_channels_of_different_size(folder, capfd):
    tifffile.imwrite("f.tif", np.eye(100, dtype=np.uint8) * 9)
    sentence = refused(capfd, stain(*PLAIN))
    assert "200 x 230" in sentence and "100 x 100" in sentence


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_a_colour_picture_as_a_channel(folder, capfd, slide, suffix):
    if suffix == "png":
        imageio.imwrite("rgb.png", slide)
    else:
        tifffile.imwrite("rgb.tif", slide, photometric="rgb")
    sentence = refused(capfd, stain(*PLAIN, reflectance=f"rgb.{suffix}"))
    assert f"rgb.{suffix}" in sentence and "RGB" in sentence


def test_a_constant_channel(folder, capfd):
    tifffile.imwrite("f.tif", np.full((200, 230), 7, np.uint8))
    assert "everywhere" in refused(capfd, stain(*PLAIN))


def test_nan_everywhere_is_refused_and_nan_here_and_there_is_dark(folder, capfd):
    channel = tifffile.imread("f.tif").astype(np.float32)
    tifffile.imwrite("f.tif", np.full_like(channel, np.nan))
    assert "only NaN" in refused(capfd, stain(*PLAIN))
    channel[20:40, 20:40] = np.nan
    tifffile.imwrite("f.tif", channel)
    with pytest.raises(SystemExit) as ended:
        main(stain(*PLAIN))
    assert not ended.value.code


def test_missing_and_damaged_files(folder, capfd):
    assert "none.tif" in refused(capfd, stain(*PLAIN, reflectance="none.tif"))
    Path("cut.tif").write_bytes(Path("r.tif").read_bytes()[:300])
    assert "cut.tif" in refused(capfd, stain(*PLAIN, reflectance="cut.tif"))
    assert "no channel 1" in refused(capfd, stain(*PLAIN, "--reflectance-channel", "1"))


def test_outputs_that_cannot_be(folder, capfd):
    assert ".ome.zarr" in refused(capfd, stain(*PLAIN, "--out", "out.tif"))
    assert "nothing to resume" in refused(capfd, stain(*PLAIN, "--resume"))
    Path("out.ome.zarr").mkdir()
    assert "exists already" in refused(capfd, stain(*PLAIN))
    assert "not made by napari-midl" in refused(capfd, stain(*PLAIN, "--resume"))


def test_corrupt_weights(folder, capfd):
    good = shipped_weights("staining-density").read_bytes()
    Path("cut.safetensors").write_bytes(good[: len(good) // 2])
    sentence = refused(capfd, stain("--method", "density", "--model", "cut.safetensors"))
    assert "cut.safetensors" in sentence and "safetensors" in sentence
    sentence = refused(capfd, stain("--despeckler", "cut.safetensors"))
    assert "cut.safetensors" in sentence


def test_weights_of_something_else(folder, capfd):
    vessels = str(shipped_weights("vessels-base"))
    assert "vessels" in refused(capfd, stain("--method", "density", "--model", vessels))
    density = str(shipped_weights("staining-density"))
    assert "method" in refused(capfd, stain("--method", "cyclegan", "--model", density))
    sentence = refused(capfd, stain("--despeckler", density))
    assert density in sentence and "is a stain, no despeckler" in sentence
    despeckler = str(shipped_weights("staining-despeckler"))
    for method in ("density", "cyclegan"):
        sentence = refused(capfd, stain("--method", method, "--model", despeckler))
        assert despeckler in sentence and "is a despeckler, no stain" in sentence
    out = ("--out", "out.ome.zarr", "--model", density)
    assert "no despeckler" in refused(capfd, ["staining", "despeckle", "r.tif", *out])


def test_models_that_have_no_use(folder, capfd):
    assert "leave out --model" in refused(capfd, stain(*PLAIN, "--model", "mine.safetensors"))
    assert "leave out --despeckler" in refused(capfd, stain(*PLAIN, "--despeckler", "correlated"))


def test_the_same_channel_given_twice(folder, capfd):
    sentence = refused(capfd, stain(*PLAIN, fluorescence="r.tif"))
    assert "r.tif, channel 0, is given for both" in sentence


def test_references_that_cannot_be(folder, capfd, slide):
    assert "r.tif" in refused(capfd, stain("--reference", "r.tif"))
    assert "none.png" in refused(capfd, stain("--reference", "none.png"))
    imageio.imwrite("glass.png", np.full((60, 60, 3), 245, np.uint8))
    assert "no stained tissue" in refused(capfd, stain("--reference", "glass.png"))
    assert "cannot take the colours" in refused(capfd, stain(*PLAIN, "--reference", "slide.png"))


def test_a_method_without_doubt(folder, capfd):
    assert "no doubt" in refused(capfd, stain(*PLAIN, "--doubt"))


@pytest.mark.parametrize("command", ["train", "train-despeckler"])
def test_empty_folders(folder, capfd, command):
    Path("empty").mkdir()
    options = ["staining", command, "--out", "m.safetensors", "--slides"]
    assert "empty holds no pictures" in refused(capfd, [*options, "empty"])
    assert "nowhere does not exist" in refused(capfd, [*options, "nowhere"])
    Path("slides").mkdir()
    imageio.imwrite("slides/a.png", imageio.imread("slide.png"))
    if command == "train":
        options += ["slides", "--confocal"]
        assert "empty holds no pairs" in refused(capfd, [*options, "empty"])
    else:
        assert "96 x 96" in refused(capfd, [*options, "slides"])
    Path("m.safetensors").write_bytes(b"mine")
    assert "exists already" in refused(capfd, [*options, "slides"])
