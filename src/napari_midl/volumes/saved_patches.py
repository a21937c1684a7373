"""Which of the patches that are painted on are saved as they are."""

from __future__ import annotations

import zlib
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_midl.errors import InputError
from napari_midl.volumes.annotations import AnnotationStore, Patch

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from napari_midl.volumes.classes import Classes


class SavedPatches:
    """The patches of one store, and what was last saved of each.

    Parameters
    ----------
    store : AnnotationStore
        Where they are kept.
    noun : str
        What new ones are called before their number.
    """

    def __init__(self, store: AnnotationStore, noun: str = "patch") -> None:
        self.store, self._noun = store, noun
        self._states: dict[str, int] = {}

    def use_classes(self, classes: Classes) -> None:
        """Let what is saved mean these classes from now on.

        Raises
        ------
        InputError
            If it cannot be written; then it means what it meant.
        """
        store = self.store
        AnnotationStore(store.folder, store.volume, classes).rename_classes()
        store.classes = classes

    def begin(self, patch: Patch) -> None:
        """Know a patch as it is: it was read, or is new and empty."""
        self._states[patch.name] = _state(patch)

    def remove(self, name: str) -> Path | None:
        """Move a patch into the bin; gives where it is now, None if it was never saved.

        Raises
        ------
        InputError
            If its file cannot be moved.
        """
        removed = self.store.remove(name)
        self.forget(name)
        return removed

    def bring_back(self, patch: Patch, removed: Path | None) -> None:
        """Know a patch again that `remove` put there.

        Raises
        ------
        InputError
            If its file cannot be moved back.
        """
        if removed is not None:
            self.store.bring_back(removed, patch.name)
        # The file may be older than what is painted: it is written anew.
        self.begin(replace(patch, labels=np.zeros_like(patch.labels)))

    def knows(self, name: str) -> bool:
        """Whether a patch has this name."""
        return name in self._states

    def forget(self, name: str) -> None:
        """Leave its file alone from now on."""
        self._states.pop(name, None)

    def has(self, patch: Patch) -> bool:
        """Whether a patch is on disk as it is, or was never painted on."""
        return _state(patch) == self._states[patch.name]

    def free_name(self, store: AnnotationStore | None = None) -> str:
        """The first of ``patch 1``, ``patch 2``... that no patch has, and none in the bin."""
        number, store = 1, store or self.store
        while (name := f"{self._noun} {number}") in self._states or store.taken(name):
            number += 1
        return name

    def save(self, patches: Iterable[Patch], folder: Path | None = None) -> bool:
        """Save those patches that were painted on since; whether there were any.

        Parameters
        ----------
        patches : iterable of Patch
            As they are now.
        folder : Path, optional
            Another folder than the store's, to which they are added under names that are free
            there.

        Raises
        ------
        InputError
            If one cannot be written; then all are tried again next time, in whichever folder.
        """
        store = self.store
        if folder is not None:
            store = AnnotationStore(folder, store.volume, store.classes)
        saved: dict[str, int] = {}
        for patch in patches:
            if self.has(patch):
                continue
            taken = folder is not None and store.path(patch.name).exists()
            name = self.free_name(store) if taken else patch.name
            store.save(Patch(patch.origin, patch.labels, name))
            saved[patch.name] = _state(patch)
        self._states.update(saved)
        return bool(saved)

    def rename(self, old: str, new: str) -> None:
        """Give a patch another name.

        Raises
        ------
        InputError
            If another has the file of that name, or the file cannot be moved.
        """
        others = {self.store.path(name): name for name in self._states if name != old}
        if taken := others.get(self.store.path(new)):
            raise InputError(f"{new} has the file of {taken}; give {old} another name.")
        self.store.rename(old, new)
        self._states[new] = self._states.pop(old)


def _state(patch: Patch) -> int:
    return zlib.crc32(np.ascontiguousarray(patch.labels, np.uint8).data)
