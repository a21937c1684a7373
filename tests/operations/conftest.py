"""What keeps the examples of the operations small."""

from __future__ import annotations

import pytest

from napari_midl.engine import tree_volumes


@pytest.fixture(autouse=True)
def small_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    """Volumes of generated trees that are no larger than the examples' patches need."""
    monkeypatch.setattr(tree_volumes, "SHAPE", (8, 48, 48))
