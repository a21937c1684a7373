"""Several images in one run: predictions and one table."""

from __future__ import annotations

import shutil
from contextlib import closing

import numpy as np
import pandas as pd
import pytest
import tifffile
from tests.operations.examples import vessel_image

from napari_midl.cli import main
from napari_midl.engine.jobs import run
from napari_midl.engine.journal import is_unfinished
from napari_midl.errors import InputError
from napari_midl.methods.vessels.operations import Analyse, Batch
from napari_midl.volumes.open import open_volume


@pytest.fixture
def images(tmp_path):
    (tmp_path / "in" / "b").mkdir(parents=True)
    first = vessel_image(tmp_path).rename(tmp_path / "in" / "a.tif")
    other = tmp_path / "in" / "b" / "a.tif"
    tifffile.imwrite(other, tifffile.imread(first)[:, ::-1])
    return [str(first), str(other)]


def test_each_image_gets_a_prediction_and_a_row(images, tmp_path, capsys):
    out = tmp_path / "out" / "all.csv"
    sized = ["--voxel-size", "2,1,1 um", "--threshold", "0.4"]
    with pytest.raises(SystemExit) as ended:
        main(["vessels", "batch", *images, *sized, "--out", str(out)])
    assert ended.value.code == 0 and "2 images" in capsys.readouterr().out
    table = pd.read_csv(out)
    assert list(table["image"]) == images and table["problem"].isna().all()
    assert list(table["mask"]) == ["a", "a-2"] and set(table["threshold"]) == {0.4}
    for name, row in zip(("a", "a-2"), table.itertuples(index=False), strict=True):
        prediction = out.with_name(f"{name}.ome.zarr")
        mask = np.asarray(open_volume(prediction / "labels" / "vessels").data)
        assert row[table.columns.get_loc("volume fraction")] == pytest.approx(mask.mean(), rel=1e-4)
    alone = Analyse.of(mask=prediction, threshold=0.4, table="summary", out=tmp_path / "s.csv")
    run(alone.perform())
    one = pd.read_csv(tmp_path / "s.csv").iloc[0]
    for name in ("length (µm)", "length density (mm/mm³)", "branch points", "tortuosity"):
        assert one[name] == pytest.approx(table[name][1], nan_ok=True), name


def test_a_batch_that_was_stopped_goes_on(images, tmp_path):
    out = tmp_path / "out" / "all.csv"
    batch = Batch.of(images=tuple(images), tile=(12, 32, 48), out=out)
    with closing(batch.perform()) as job:
        while next(job).done < 1.4:
            pass
    first, second = (out.with_name(f"{name}.ome.zarr") for name in ("a", "a-2"))
    assert first.is_dir() and not is_unfinished(first) and not out.exists()
    before = (first / "zarr.json").stat().st_mtime_ns
    run(batch.perform())
    assert (first / "zarr.json").stat().st_mtime_ns == before and not is_unfinished(second)
    assert len(pd.read_csv(out)) == 2


def test_what_is_there_of_other_settings_is_neither_taken_nor_lost(images, tmp_path):
    out = tmp_path / "out" / "all.csv"
    run(Batch.of(images=(images[0],), out=out).perform())
    again = Batch.of(images=tuple(images), threshold=0.3, out=out.with_name("again.csv"))
    run(again.perform())
    table = pd.read_csv(out.with_name("again.csv"))
    assert "was made otherwise; choose another folder" in table["problem"][0]
    assert np.isnan(table["volume fraction"][0]) and table["volume fraction"][1] > 0
    assert pd.read_csv(out)["threshold"][0] == 0.5


def test_one_image_without_contrast_does_not_stop_the_others(images, tmp_path):
    tifffile.imwrite(images[0], np.zeros((12, 48, 48), np.uint8))
    out = tmp_path / "out" / "all.csv"
    outcome = run(Batch.of(images=tuple(images), out=out).perform())
    assert outcome.run.results == {"images": 2, "problems": 1}
    table = pd.read_csv(out)
    assert "0 everywhere" in table["problem"][0] and table["volume fraction"][1] > 0


def test_a_batch_of_which_nothing_can_be_measured_is_refused(images, tmp_path):
    for image in images:
        tifffile.imwrite(image, np.zeros((12, 48, 48), np.uint8))
    out = tmp_path / "out" / "all.csv"
    with pytest.raises(InputError, match=r"no image could be measured: a is 0 .* \(and 1 more\)"):
        run(Batch.of(images=tuple(images), out=out).perform())
    assert not out.exists()


def test_an_image_that_cannot_be_opened_is_named_before_anything_is_written(images, tmp_path):
    shutil.copy(__file__, tmp_path / "notes.tif")
    bad = [str(tmp_path / name) for name in ("notes.tif", "gone.tif")]
    batch = Batch.of(images=(*images, *bad), out=tmp_path / "out" / "s.csv")
    with pytest.raises(InputError, match=r"notes\.tif .* [^ ]*gone\.tif cannot be used either"):
        run(batch.perform())
    assert not (tmp_path / "out").exists()
