"""Labels of a prediction as files of other programs, in the place of the scan."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest
import tifffile
import torch

from napari_midl.cli import main
from napari_midl.engine.jobs import run
from napari_midl.engine.models import save_model
from napari_midl.engine.replaying import replay
from napari_midl.engine.runs import read_run
from napari_midl.errors import InputError
from napari_midl.methods.vessels.models import scratch
from napari_midl.methods.vessels.operations import Labels, Predict
from napari_midl.volumes.ome_zarr import OmeZarrImage
from napari_midl.volumes.open import open_volume
from napari_midl.volumes.space import Space

PROBABILITY = np.random.default_rng(0).random((1, 9, 40, 30), np.float32)
TURNED = np.array([[-0.8, 0.36, 0.48], [0.0, 0.8, -0.6], [0.6, 0.48, 0.64]]) * [-1, 1, 1]
FILES = ["a.nii", "a.nii.gz", "a.ome.tif"]


@pytest.fixture
def prediction(tmp_path):
    image = OmeZarrImage.create(
        tmp_path / "p.ome.zarr",
        shape=PROBABILITY.shape,
        dtype="float32",
        axes="CZYX",
        chunks=(1, 4, 16, 16),
        channels=("vessel probability",),
        space=Space.of((2, 1, 1), "um", (3, 2, 1), TURNED),
    )
    image.write((slice(None),) * 4, PROBABILITY)
    return image.path


@pytest.mark.parametrize("name", FILES)
def test_labels_become_a_file_with_a_record(prediction, tmp_path, name):
    out = tmp_path / name

    run(Labels.of(prediction=prediction, threshold=0.25, out=out).perform())

    expected = PROBABILITY[0] >= 0.25
    if name.endswith(".tif"):
        np.testing.assert_array_equal(tifffile.imread(out), expected)
    else:
        image = nibabel.load(out)
        np.testing.assert_array_equal(np.asarray(image.dataobj).T, expected)
        assert image.get_data_dtype() == np.uint8
        right, front, head = (image.affine @ [3, 2, 1, 1])[:3]
        world = open_volume(prediction).space.to_world((1, 2, 3))
        np.testing.assert_allclose(world, (-right, -front, head), atol=1e-5)
    assert read_run(tmp_path / f"{name}.run.json").inputs["probability"]["sha256"]
    assert run(replay(tmp_path / f"{name}.run.json")).same
    with pytest.raises(InputError, match="exists already"):
        run(Labels.of(prediction=prediction, out=out).perform())


@pytest.mark.parametrize("name", FILES)
def test_cancelled_it_leaves_nothing(prediction, tmp_path, name):
    job = Labels.of(prediction=prediction, out=tmp_path / name).perform()
    while next(job).message != "writing labels":
        pass
    job.close()

    assert [path.name for path in tmp_path.iterdir()] == ["p.ome.zarr"]


def test_a_name_of_another_kind_is_refused(prediction, tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["vessels", "labels", str(prediction), "--out", str(tmp_path / "a.png")])
    assert ended.value.code == 2
    assert "a.png does not end in .zarr, .nii, .nii.gz" in capsys.readouterr().err


def test_damaged_probabilities_leave_nothing(prediction, tmp_path):
    (prediction / "0" / "c" / "0" / "1" / "0" / "0").write_bytes(b"none")

    with pytest.raises(InputError, match=r"p\.ome\.zarr holds voxels that cannot be decoded"):
        run(Labels.of(prediction=prediction, out=tmp_path / "a.nii.gz").perform())
    assert [path.name for path in tmp_path.iterdir()] == ["p.ome.zarr"]


def test_a_blob_of_an_oblique_scan_stays_where_it_is_in_the_world(tmp_path):
    values = np.random.default_rng(0).integers(0, 100, (12, 40, 48), np.int16)
    blob = (5, 22, 31)
    values[tuple(slice(n - 2, n + 3) for n in blob)] = 1000
    affine = np.eye(4)
    affine[:3, :3] = TURNED * (0.25, 0.5, 2.0)
    affine[:3, 3] = (-12.5, 30.25, 7.0)
    image = nibabel.Nifti1Image(values.T, affine)
    image.header.set_xyzt_units("mm")
    nibabel.save(image, tmp_path / "scan.nii.gz")
    where = (nibabel.load(tmp_path / "scan.nii.gz").affine @ [*blob[::-1], 1])[:3]
    model = bright_is_vessel(tmp_path / "model.safetensors")

    predicted = tmp_path / "p.ome.zarr"
    run(Predict.of(image=tmp_path / "scan.nii.gz", model=str(model), out=predicted).perform())
    run(Labels.of(prediction=predicted, out=tmp_path / "labels.nii.gz").perform())

    labels = nibabel.load(tmp_path / "labels.nii.gz")
    found = np.argwhere(np.asarray(labels.dataobj)).mean(axis=0)
    np.testing.assert_allclose((labels.affine @ [*found, 1])[:3], where, atol=1e-3)
    assert labels.header.get_xyzt_units()[0] == "mm"
    for path in (predicted, predicted / "labels" / "vessels", tmp_path / "labels.nii.gz"):
        volume = open_volume(path).spatial()
        middle = np.argwhere(np.asarray(volume.data) > 0.5).mean(axis=0)
        x, y, z = volume.space.to_world(middle, "millimeter")
        np.testing.assert_allclose((-x, -y, z), where, atol=1e-3)


def bright_is_vessel(path):
    """A network that passes on how bright each voxel is: 1 is vessel, 0 is none."""
    model = scratch("compact", 0)
    network = model.network
    first, last = network.encoder[0], network.decoder[0].convolutions
    with torch.no_grad():
        for name, weight in network.named_parameters():
            weight.fill_(float(weight.ndim == 1 and name.endswith("1.weight")))
        for layer in (*first, *last):
            layer[0].weight[0, 0, 1, 1, 1] = 1.0
        network.head.weight[0, 0] = 20.0
        network.head.bias.fill_(-10.0)
    save_model(model, path)
    return path
