"""What is said of a prediction, in each file that comes of it."""

from __future__ import annotations

import json
import shutil
from contextlib import closing
from datetime import UTC, datetime

import nibabel
import numpy as np
import pandas as pd
import pytest
import tifffile
import zarr
from tests.operations.examples import vessel_image

from napari_midl.cli import main
from napari_midl.engine.jobs import run
from napari_midl.engine.journal import is_unfinished
from napari_midl.engine.models import hash_file, shipped_weights
from napari_midl.engine.replaying import replay
from napari_midl.engine.runs import read_run
from napari_midl.errors import InputError
from napari_midl.methods.vessels.classes import CLASSES, CORRECTIONS
from napari_midl.methods.vessels.operations import Analyse, Labels, Predict
from napari_midl.methods.vessels.provenance import (
    Provenance,
    of_prediction,
    warnings,
    written,
)
from napari_midl.volumes.annotations import AnnotationStore, Patch
from napari_midl.volumes.open import open_volume


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a prediction, and with the first tiles of one that was stopped."""
    folder = tmp_path_factory.mktemp("made")
    asked = {"image": vessel_image(folder), "model": "unet", "tile": (12, 16, 24)}
    run(Predict.of(**asked, out=folder / "whole.ome.zarr").perform())
    partial = folder / "partial.ome.zarr"
    with closing(Predict.of(**asked, out=partial).perform()) as steps:
        while next(steps).done < 4:
            pass
    assert is_unfinished(partial)
    return folder


@pytest.fixture
def whole(made, tmp_path):
    """The prediction, of this test alone."""
    return copied(made, tmp_path, "whole.ome.zarr")


@pytest.fixture
def partial(made, tmp_path):
    """The part of it, of this test alone."""
    return copied(made, tmp_path, "partial.ome.zarr")


def copied(made, folder, name):
    for path in made.glob(f"{name}*"):  # its record or its journal, too
        (shutil.copytree if path.is_dir() else shutil.copy2)(path, folder / path.name)
    return folder / name


def test_a_prediction_names_its_model_threshold_and_tiles(whole, partial):
    said = of_prediction(whole, 0.4)
    assert (said.mask, said.model, said.threshold) == ("whole", "unet", 0.4)
    assert said.sha256 == hash_file(shipped_weights("vessels-base"))
    assert (said.done, said.tiles, said.extent) == (6, 6, "all of the image")
    assert abs((datetime.now(UTC) - datetime.fromisoformat(said.begun)).total_seconds()) < 600
    stopped = of_prediction(partial)
    assert stopped.partial and 4 <= stopped.done < 6 == stopped.tiles
    assert stopped.extent == f"{stopped.done} of 6 tiles"
    assert len(written(partial)) == stopped.done and written(whole) == []
    assert of_prediction(whole).where == ""
    # Without its record it knows no less.
    whole.with_name("whole.ome.zarr.run.json").unlink()
    assert of_prediction(whole, 0.4) == said


def test_a_part_says_which_box_is_there(partial):
    journal = partial.with_name(f"{partial.name}.progress")
    header = journal.read_text(encoding="utf-8").splitlines()[0]
    for tiles, box in (("0", "0:12,0:16,0:24"), ("0\n1", "0:12,0:16,0:48"), ("0\n3", "")):
        journal.write_text(f"{header}\n{tiles}\n", encoding="utf-8")
        assert of_prediction(partial).where == box


def test_a_prediction_of_an_earlier_release_is_known_by_its_record(whole):
    path = whole / "zarr.json"
    about = json.loads(path.read_text())
    about["attributes"]["napari-midl"] = {"complete": True}
    path.write_text(json.dumps(about))
    said = of_prediction(whole, 0.5)
    assert said.model == "unet" and said.sha256 == hash_file(shipped_weights("vessels-base"))
    assert not said.partial and said.begun == ""


def test_what_a_prediction_is_not():
    said = Provenance("p", "tuned", "aa", 0.5, 6, 6, "2026-01-02T00:00:00.000+00:00")
    then = datetime(2026, 1, 2, tzinfo=UTC).timestamp()
    assert warnings(said, "tuned", "aa", then - 1) == []
    assert warnings(said, "a copy of it", "aa", 0) == []
    assert warnings(said, "tuned", "", 0) == []
    assert warnings(said, "base", "bb", then + 1) == [
        "of the model tuned, not of base that is chosen now",
        "older than the newest paint",
    ]
    assert warnings(Provenance("p", done=5, tiles=16), "base", "", 0) == ["only 5 of 16 tiles"]


def test_numbers_of_a_part_are_of_that_part_and_say_so(partial, tmp_path, capsys):
    said = of_prediction(partial)
    for name, more in (("b.csv", []), ("s.csv", ["--table", "summary"]), ("l.swc", [])):
        with pytest.raises(SystemExit) as ended:
            main(["vessels", "analyse", str(partial), "--out", str(tmp_path / name), *more])
        assert ended.value.code == 0
        where = f", {said.where} in voxels," if said.where else ""
        assert f"Only {said.extent}{where} are predicted" in capsys.readouterr().out
    branches, summary = pd.read_csv(tmp_path / "b.csv"), pd.read_csv(tmp_path / "s.csv")
    for table in (branches, summary):
        assert set(table["predicted"]) == {said.extent}
        assert set(table["model"]) == {"unet"} and set(table["threshold"]) == {0.5}
    looked_at = sum(np.prod([s.stop - s.start for s in box]) for box in written(partial))
    assert summary["volume (voxel³)"][0] == looked_at < 12 * 48 * 48
    header = [line for line in (tmp_path / "l.swc").read_text().splitlines() if line[0] == "#"]
    assert f"# predicted: {said.extent}" in header and "# threshold: 0.5" in header
    record = read_run(tmp_path / "s.csv.run.json")
    assert record.results["of"]["predicted"] == said.extent


def test_every_file_of_labels_says_what_it_is(partial, whole, tmp_path):
    with pytest.raises(InputError, match="is not finished"):
        run(Labels.of(prediction=partial).perform())
    for name in ("m.nii.gz", "m.ome.tif", "m.ome.zarr"):
        job = Labels.of(prediction=partial, threshold=0.3, note="a try", out=tmp_path / name)
        run(job.perform())
    extent = of_prediction(partial).extent
    nifti = nibabel.load(tmp_path / "m.nii.gz")
    for said in (
        nifti.header.extensions[0].get_content(),
        tifffile.tiffcomment(tmp_path / "m.ome.tif"),
        str(dict(zarr.open_group(tmp_path / "m.ome.zarr", mode="r").attrs)["napari-midl"]),
    ):
        text = said.decode() if isinstance(said, bytes) else said
        assert all(word in text for word in ("unet", "0.3", extent, "a try"))
    assert bytes(nifti.header["descrip"]).startswith(b"mask: partial; model: unet")
    for name in ("m.nii.gz", "m.ome.tif", "m.ome.zarr"):
        np.testing.assert_array_equal(
            np.asarray(open_volume(tmp_path / name).spatial().data),
            np.asarray(open_volume(partial).spatial().data) >= 0.3,
        )


@pytest.fixture
def corrections(whole, tmp_path):
    """One blob is taken out, and one put in."""
    folder = tmp_path / "corrections"
    store = AnnotationStore(folder, open_volume(whole).spatial(), CORRECTIONS)
    store.save(Patch((0, 8, 0), np.full((12, 12, 48), 1, np.uint8), "out"))
    store.save(Patch((2, 40, 4), np.full((3, 4, 20), 2, np.uint8), "in"))
    return folder


@pytest.mark.parametrize("name", ["m.nii.gz", "m.ome.tif", "m.ome.zarr"])
def test_corrections_have_the_last_word_in_labels(whole, corrections, tmp_path, name):
    run(Labels.of(prediction=whole, corrections=corrections, out=tmp_path / name).perform())
    wanted = np.asarray(open_volume(whole).spatial().data) >= 0.5
    assert wanted[0:12, 8:20].any() and not wanted[2:5, 40:44, 4:24].all()
    wanted[0:12, 8:20] = False
    wanted[2:5, 40:44, 4:24] = True
    np.testing.assert_array_equal(np.asarray(open_volume(tmp_path / name).spatial().data), wanted)
    record = tmp_path / f"{name}.run.json"
    assert read_run(record).results["of"]["corrected voxels"] == 12 * 12 * 48 + 3 * 4 * 20
    assert run(replay(record)).same


def test_corrections_are_measured_and_recorded(whole, corrections, tmp_path):
    def rows(**more):
        out = tmp_path / "s.csv"
        run(Analyse.of(mask=whole, table="summary", out=out, **more).perform())
        table = pd.read_csv(out)
        shutil.move(out.with_name("s.csv.run.json"), tmp_path / "last.run.json")
        out.unlink()
        return table.iloc[0]

    before, after = rows(), rows(corrections=corrections)
    taken = np.asarray(open_volume(whole).spatial().data) >= 0.5
    put = 3 * 4 * 20 - taken[2:5, 40:44, 4:24].sum() - taken[:, 8:20].sum()
    assert after["vessel volume (voxel³)"] == before["vessel volume (voxel³)"] + put
    assert after["corrected voxels"] == 12 * 12 * 48 + 3 * 4 * 20


def test_paint_that_teaches_is_not_taken_for_corrections(whole, tmp_path):
    store = AnnotationStore(tmp_path / "paint", open_volume(whole).spatial(), CLASSES)
    store.save(Patch((0, 0, 0), np.full((2, 4, 4), 1, np.uint8)))
    with pytest.raises(InputError, match="was painted with"):
        job = Analyse.of(mask=whole, corrections=tmp_path / "paint", out=tmp_path / "a.csv")
        run(job.perform())
