"""What keeps the examples of the operations small."""

from __future__ import annotations

import pytest

from napari_midl.engine import tree_volumes
from napari_midl.methods.anatomy import registration


@pytest.fixture(autouse=True)
def small_mixtures(few_learners: None) -> None:
    """Mixtures of few trees."""


@pytest.fixture(autouse=True)
def few_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Meshes that are brought onto each other roughly."""
    monkeypatch.setattr(registration, "ROUNDS", 3)


@pytest.fixture(autouse=True)
def small_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    """Volumes of generated trees that are no larger than the examples' patches need."""
    monkeypatch.setattr(tree_volumes, "SHAPE", (8, 48, 48))
