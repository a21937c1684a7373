"""Names that a person types into a dialog; the dialogs stand in for Qt's."""

from __future__ import annotations

from pathlib import Path

import pytest
from qtpy.QtWidgets import QFileDialog, QMessageBox

from napari_midl.widgets.tool.dialogs import ask_save

KINDS = "Mesh (*.ply);;Mask as OME-Zarr (*.ome.zarr)"


@pytest.fixture
def ask(monkeypatch, tmp_path):
    def answer(name, kind="", yes=True):
        button = QMessageBox.StandardButton.Yes if yes else QMessageBox.StandardButton.No
        typed = str(tmp_path / name) if name else ""
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (typed, kind))
        monkeypatch.setattr(QMessageBox, "question", lambda *_: button)
        endings = {"Mesh": ".ply", "Mask": ".ome.zarr"}
        chosen = ask_save(None, "Export", Path("jaw.ply"), KINDS, endings)
        return chosen.name if chosen is not None else None

    return answer


@pytest.mark.parametrize(
    ("typed", "kind", "saved"),
    [
        ("jaw.stl", "Mesh (*.ply)", "jaw.stl"),
        ("jaw", "Mesh (*.ply)", "jaw.ply"),
        ("jaw", "Mask as OME-Zarr (*.ome.zarr)", "jaw.ome.zarr"),
        ("jaw", "", "jaw.ply"),
        ("", "", None),
    ],
)
def test_a_name_gets_the_ending_of_its_kind(ask, typed, kind, saved):
    assert ask(typed, kind) == saved


def test_a_file_of_the_full_name_is_replaced_only_after_a_yes(ask, tmp_path):
    (tmp_path / "jaw.ply").touch()
    assert ask("jaw", yes=False) is None
    assert ask("jaw", yes=True) == "jaw.ply"
