"""Through the command line: one sentence, exit code 2, nothing written or lost."""

from __future__ import annotations

import signal
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_midl.cli import main
from napari_midl.engine.models import Model, save_model
from napari_midl.methods.vessels.models import scratch

SHAPE = (8, 40, 40)
RNG = np.random.default_rng(0)
LABELS = np.zeros(SHAPE, np.uint8)
LABELS[4, :20], LABELS[4, 20:] = 1, 2
FINETUNE = [
    *["vessels", "finetune", "image.tif", "--labels", "labels.tif"],
    "--model",
    "model.safetensors",
]
SHORT = ["--out", "out.safetensors", "--alone", "--steps", "1", "--patch", "8", "16", "16"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a good image, good labels and an untrained model."""
    monkeypatch.chdir(tmp_path)
    image = RNG.integers(0, 255, SHAPE, np.uint8)
    tifffile.imwrite("image.tif", image)
    tifffile.imwrite("labels.tif", LABELS)
    save_model(scratch(), Path("model.safetensors"))
    return tmp_path


def complaint(capfd: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What the command says on standard error, having checked that it left with 2."""
    before = contents(Path())
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 2
    assert contents(Path()) == before
    said = capfd.readouterr()
    assert "Traceback" not in said.err
    assert said.out == ""
    return said.err.strip().splitlines()[-1]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def finetune(capfd, image="image.tif", labels="labels.tif", model="model.safetensors", *more):
    return complaint(
        capfd,
        *("vessels", "finetune", image, "--labels", labels, "--model", model),
        *("--out", "out.safetensors", "--steps", "1", *more),
    )


def predict(capfd, image="image.tif", model="model.safetensors", out="out.ome.zarr", *more):
    return complaint(capfd, "vessels", "predict", image, "--model", model, "--out", out, *more)


def write(name: str, array: np.ndarray, **options) -> str:
    tifffile.imwrite(name, array, **options)
    return name


def test_the_good_input_is_good(folder):
    with pytest.raises(SystemExit) as left:
        main([*FINETUNE, *SHORT])
    assert left.value.code in (0, None)
    assert (folder / "out.safetensors").exists()
    assert (folder / "out.safetensors.run.json").exists()


def test_a_missing_image(folder, capfd):
    assert "nowhere.tif does not exist" in finetune(capfd, "nowhere.tif")


def test_no_image(folder, capfd):
    Path("text.tif").write_text("not an image", encoding="utf-8")
    assert "text.tif" in predict(capfd, "text.tif")
    Path("text.xyz").write_text("not an image", encoding="utf-8")
    assert "text.xyz" in predict(capfd, "text.xyz")


def test_an_empty_file(folder, capfd):
    Path("empty.tif").touch()
    assert "empty.tif" in predict(capfd, "empty.tif")


def test_a_truncated_image(folder, capfd):
    Path("cut.tif").write_bytes(Path("image.tif").read_bytes()[:9000])
    assert "cut.tif" in predict(capfd, "cut.tif")


def test_damaged_voxels(folder, capfd):
    """Of the image, and of the labels, of a plane that is not looked at before the work."""
    for name, array in (("image", RNG.integers(0, 255, SHAPE, np.uint8)), ("labels", LABELS)):
        write(f"bad-{name}.tif", array, compression="zlib", photometric="minisblack")
        with tifffile.TiffFile(f"bad-{name}.tif") as file:
            offset = file.pages[5].dataoffsets[0]
        held = bytearray(Path(f"bad-{name}.tif").read_bytes())
        held[offset : offset + 8] = b"\xff" * 8
        Path(f"bad-{name}.tif").write_bytes(held)
    said = "holds voxels that cannot be decoded"
    assert f"bad-image.tif {said}" in predict(capfd, "bad-image.tif")
    assert f"bad-image.tif {said}" in finetune(capfd, "bad-image.tif")
    assert f"bad-labels.tif {said}" in finetune(capfd, labels="bad-labels.tif")


def test_nothing_but_nan(folder, capfd):
    assert "NaN" in predict(capfd, write("nan.tif", np.full(SHAPE, np.nan, np.float32)))


def test_one_value_everywhere(folder, capfd):
    assert "flat" in predict(capfd, write("flat.tif", np.full(SHAPE, 7, np.uint8)))


def test_one_slice(folder, capfd):
    said = predict(capfd, write("slice.tif", RNG.integers(0, 255, SHAPE[1:], np.uint8)))
    assert "one slice" in said


def test_a_colour_image(folder, capfd):
    picture = RNG.integers(0, 255, (8, 40, 40, 3), np.uint8)
    assert "RGB" in predict(capfd, write("rgb.tif", picture, photometric="rgb"))


def test_no_such_channel(folder, capfd):
    assert "channel 3" in predict(
        capfd, "image.tif", "model.safetensors", "out.ome.zarr", "--channel", "3"
    )


def test_labels_of_another_shape(folder, capfd):
    said = finetune(capfd, "image.tif", write("other.tif", np.ones((8, 40, 41), np.uint8)))
    assert "other.tif" in said
    assert "8 x 40 x 41" in said


def test_labels_with_one_class_only(folder, capfd):
    assert "one.tif" in finetune(capfd, "image.tif", write("one.tif", np.ones(SHAPE, np.uint8)))


@pytest.mark.parametrize("value", [1, 255])
def test_a_full_mask_taken_for_strokes(folder, capfd, value):
    mask = (RNG.random(SHAPE) > 0.5).astype(np.uint8) * value
    assert "--dense" in finetune(capfd, "image.tif", write("mask.tif", mask))


def test_labels_that_are_no_integers(folder, capfd):
    said = finetune(capfd, "image.tif", write("float.tif", np.ones(SHAPE, np.float32)))
    assert "float32" in said


def test_a_truncated_model(folder, capfd):
    Path("cut.safetensors").write_bytes(Path("model.safetensors").read_bytes()[:-100])
    assert "cut.safetensors" in predict(capfd, "image.tif", "cut.safetensors")


def test_a_model_of_another_tool(folder, capfd):
    save_model(
        Model(scratch().network, {"tool": "axons", "architecture": "x"}), Path("axon.safetensors")
    )
    assert "'axons'" in predict(capfd, "image.tif", "axon.safetensors")


def test_a_pickle_is_not_opened(folder, capfd):
    import torch

    torch.save(scratch().network.state_dict(), "model.pt")
    assert "model.pt" in predict(capfd, "image.tif", "model.pt")


def test_an_output_that_exists_is_not_overwritten(folder, capfd):
    Path("out.ome.zarr").mkdir()
    Path("out.ome.zarr/precious").write_text("keep", encoding="utf-8")
    assert "out.ome.zarr exists" in predict(capfd)
    Path("out.safetensors").write_text("keep", encoding="utf-8")
    assert "out.safetensors exists" in finetune(capfd)


def test_a_prediction_that_is_no_zarr_or_not_there_to_resume(folder, capfd):
    predict = ["vessels", "predict", "image.tif", "--model", "model.safetensors", "--out"]
    assert "does not end in .ome.zarr" in complaint(capfd, *predict, "cli/o.tif")
    assert "nothing to resume" in complaint(capfd, *predict, "o.ome.zarr", "--resume")
    assert not Path("cli").exists() and not Path("o.ome.zarr").exists()


def test_a_folder_that_cannot_be_written(folder, capfd):
    # /sys refuses new files even to root.
    assert "/sys/out.ome.zarr" in predict(
        capfd, "image.tif", "model.safetensors", "/sys/out.ome.zarr"
    )
    said = complaint(
        capfd,
        *("vessels", "finetune", "image.tif", "--labels", "labels.tif"),
        *("--model", "model.safetensors", "--out", "/sys/out.safetensors", *SHORT[2:]),
    )
    assert "/sys/out.safetensors" in said


def test_a_full_disk(folder, capfd):
    resource = pytest.importorskip("resource", reason="Windows limits no files")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    images = contents(folder)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
        with pytest.raises(SystemExit) as left:
            main([*FINETUNE, *SHORT])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert left.value.code == 2
    assert "out.safetensors cannot be written" in capfd.readouterr().err
    assert contents(folder) == images


def test_a_model_of_no_numbers(folder, capfd):
    model = scratch()
    model.network.head.weight.data[0] = np.nan
    save_model(model, Path("nan.safetensors"))
    assert "weights that are no numbers" in predict(capfd, "image.tif", "nan.safetensors")


def test_an_image_with_damaged_voxels(folder, capfd):
    image = RNG.integers(0, 255, SHAPE, np.uint8)
    write("damaged.tif", image, compression="zlib", metadata={"axes": "ZYX"})
    with tifffile.TiffFile("damaged.tif") as file:
        start = file.pages[5].dataoffsets[0]
    voxels = bytearray(Path("damaged.tif").read_bytes())
    voxels[start : start + 200] = b"\x55" * 200
    Path("damaged.tif").write_bytes(voxels)
    assert "damaged.tif holds voxels that cannot be decoded" in predict(capfd, "damaged.tif")


def test_a_journal_that_is_none(folder, capfd):
    Path("out.ome.zarr").mkdir()
    Path("out.ome.zarr.progress").write_text("no journal", encoding="utf-8")
    said = predict(capfd, "image.tif", "model.safetensors", "out.ome.zarr", "--resume")
    assert "out.ome.zarr.progress is no journal" in said


def test_a_setting_outside_its_range(folder, capfd):
    assert "minutes" in finetune(
        capfd, "image.tif", "labels.tif", "model.safetensors", "--minutes", "-3"
    )


def test_a_tile_without_depth(folder, capfd):
    assert "tile is [0, 128, 128]" in predict(
        capfd, "image.tif", "model.safetensors", "out.ome.zarr", "--tile", "0", "128", "128"
    )


def test_a_record_that_is_none(folder, capfd):
    Path("no.run.json").write_text("{}", encoding="utf-8")
    assert "no.run.json" in complaint(capfd, "runs", "replay", "no.run.json")
