"""Which sections of the docks a person has folded away, for the next time."""

from __future__ import annotations

from platformdirs import user_state_path
from qtpy.QtCore import QSettings


def is_folded(section: str, otherwise: bool = False) -> bool:
    """Whether a section was folded away when it was seen last."""
    return bool(_kept().value(section, otherwise, type=bool))


def remember_folded(section: str, folded: bool) -> None:
    """Keep it for the next time."""
    _kept().setValue(section, folded)


def _kept() -> QSettings:
    path = user_state_path("napari-midl") / "folded-sections.ini"
    return QSettings(str(path), QSettings.Format.IniFormat)
