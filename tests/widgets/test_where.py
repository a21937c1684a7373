"""*Where next?* in the dock: from what is predicted, with pictures, ticked once painted."""

from __future__ import annotations

import numpy as np
import pytest

from napari_midl.methods.vessels import apply
from napari_midl.volumes.ome_zarr import OmeZarrImage
from napari_midl.widgets.vessels import where

UNSURE = (slice(4, 6), slice(32, 48), slice(16, 32))


@pytest.fixture
def predicted(dock, tubes, tmp_path, click, monkeypatch):
    """A prediction that is unsure in one place only, shown; no model may be asked."""
    shape = tubes[0].shape
    image = OmeZarrImage.create(
        tmp_path / "prediction-7.ome.zarr",
        shape=(1, *shape),
        dtype="float32",
        axes="CZYX",
        chunks=(1, *shape),
        channels=("vessel probability",),
    )
    probability = np.zeros((1, *shape), np.float32)
    probability[(0, *UNSURE)] = 0.5
    image.write((slice(None),) * 4, probability)
    dock.predict.out.line.setText(str(image.path))
    dock.predict.out.line.editingFinished.emit()
    click(dock.predict.show_button)
    monkeypatch.setattr(apply, "propose", lambda *_, **__: pytest.fail("a model was asked"))
    return dock


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Places that fit into a small image."""
    monkeypatch.setattr(where, "SIDE", 16)


def asked(dock, click, qtbot):
    click(dock.where.ask)
    qtbot.waitUntil(lambda: not dock.bench.runner.running, timeout=60_000)
    return [dock.where.list.item(row) for row in range(dock.where.list.count())]


def test_places_come_from_the_prediction_with_a_picture_and_in_plain_words(
    predicted, viewer, click, click_row, qtbot, tubes
):
    dock = predicted
    rows = asked(dock, click, qtbot)
    assert "prediction-7 is least sure" in dock.where.status.text()
    assert rows[0].text() == "very unsure" and not rows[0].icon().isNull()
    assert "very unsure whether this is vessel" in rows[0].toolTip()
    proposal, picture = dock.where.items[0]
    assert proposal.origin[0] in (4, 5) and proposal.origin[1:] == (32, 16)
    z, y, x = proposal.origin
    plane = tubes[0][z, y : y + 16, x : x + 16]
    assert np.corrcoef(plane.ravel(), picture.ravel())[0, 1] > 0.9
    click_row(dock.where.list, 0)
    assert viewer.dims.point[0] == 2.0 * proposal.origin[0]


def test_a_place_is_ticked_once_it_is_painted_and_not_named_again(
    predicted, viewer, click, click_row, qtbot, stroke
):
    dock = predicted
    asked(dock, click, qtbot)
    click_row(dock.where.list, 0)
    first = dock.where.current[0]
    click(dock.where.add)
    assert "✓" not in dock.where.list.item(0).text()
    shown = dock.bench.patches.take(first.centre)
    inside = [at - o for at, o in zip(first.centre, shown.origin, strict=True)]
    stroke(shown.layer, inside, inside)
    qtbot.waitUntil(lambda: "✓" in dock.where.list.item(0).text())
    assert dock.where.current[0] == first
    asked(dock, click, qtbot)
    assert first.origin not in [proposal.origin for proposal, _ in dock.where.items]


def test_without_a_prediction_the_model_is_asked_for_no_longer_than_a_few_seconds(
    dock, click, qtbot, monkeypatch
):
    monkeypatch.setattr(where, "SECONDS", 0.0)
    assert len(asked(dock, click, qtbot)) == 1
    assert "the model is least sure" in dock.where.status.text()
