"""What the values of labels mean: unlabelled, one class each, or several that it may be."""

from __future__ import annotations

import colorsys
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from napari_midl.errors import InputError
from napari_midl.volumes.lazy import Lazy

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

UNLABELLED = 0
VERSION = 1
_VALUES = 256
_COLOURS = ("#3b82c4", "#dc3c3c", "#e6b422", "#3aa655", "#9a5fd0", "#f08228", "#2fb5b5", "#e377c2")


@dataclass(frozen=True)
class Label:
    """What one value says of a voxel.

    Parameters
    ----------
    value : int
        The value, 1 to 255.
    name : str
        What to call it.
    colour : str
        ``#rrggbb``.
    may_be : tuple of str
        The classes that the voxel may be: one, or several.
    key : str
        The key that chooses it, a digit; empty past the ninth.
    """

    value: int
    name: str
    colour: str
    may_be: tuple[str, ...]
    key: str

    @property
    def rgb(self) -> tuple[int, int, int]:
        """Its red, green and blue, from 0 to 255."""
        red, green, blue = bytes.fromhex(self.colour[1:])
        return red, green, blue


class Classes:
    """The classes of a segmentation, and the values that stand for them in labels.

    0 is unlabelled: the voxel may be anything, and no loss looks at it. 1 is the first class, which
    is the background, 2 the next, and so on. A set of classes that a voxel may be, such as "not
    vessel" or "vein or artery", has a value too: the first set 255, the next 254, so that adding a
    class changes no value that is painted.

    Parameters
    ----------
    *names : str
        At least two classes, the background first.
    colours : mapping of str to str, optional
        ``#rrggbb`` of classes and sets by their names; the others have colours of their own.
    sets : mapping of str to sequence of str, optional
        For the name of each set its classes: at least two, and not all.

    Attributes
    ----------
    names : tuple of str
        The classes; that of value ``v`` is ``names[v - 1]``, as in the channels of a network.
    labels : tuple of Label
        The classes, then the sets.
    table : ndarray of bool, shape (256, K)
        For each value which of the K classes it allows: all for 0, none for an unknown value.

    Raises
    ------
    InputError
        If a name is empty or taken, a colour is none, or a set is of no use.
    """

    def __init__(
        self,
        *names: str,
        colours: Mapping[str, str] | None = None,
        sets: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        chosen, grouped = dict(colours or {}), dict(sets or {})
        everything = (*names, *grouped)
        _check_names(names, everything, chosen)
        for name, members in grouped.items():
            _check_set(name, members, names)
        self.names = names
        values = [*range(1, len(names) + 1), *range(_VALUES - 1, _VALUES - 1 - len(grouped), -1)]
        self.labels = tuple(
            Label(
                value,
                name,
                chosen.get(name, _colour(place)),
                tuple(grouped.get(name, (name,))),
                str(place + 1) if place < 9 else "",
            )
            for place, (value, name) in enumerate(zip(values, everything, strict=True))
        )
        self.table: NDArray[np.bool_] = np.zeros((_VALUES, len(names)), bool)
        self.table[UNLABELLED] = True
        for label in self.labels:
            self.table[label.value] = [name in label.may_be for name in names]
        self.table.flags.writeable = False
        self._known: NDArray[np.bool_] = np.any(self.table, axis=1)

    def __len__(self) -> int:
        """Number of classes, without the sets."""
        return len(self.names)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Classes) and self.labels == other.labels

    def __hash__(self) -> int:
        return hash(self.labels)

    def __repr__(self) -> str:
        return f"Classes({self.legend})"

    def value(self, name: str) -> int:
        """The value of a class or set.

        Raises
        ------
        InputError
            If there is none of that name.
        """
        for label in self.labels:
            if label.name == name:
                return label.value
        raise InputError(f"{name} is no class; choose one of {self.legend}.")

    @property
    def colours(self) -> dict[str, str]:
        """``#rrggbb`` of the classes and sets, by their names."""
        return {label.name: label.colour for label in self.labels}

    @property
    def legend(self) -> str:
        """All values and what they mean, in words."""
        meant = (f"{label.value} {label.name}" for label in self.labels)
        return ", ".join((f"{UNLABELLED} unlabelled", *meant))

    @property
    def offered(self) -> tuple[Label, ...]:
        """The labels in the order in which a person is offered them: the background last."""
        return (*self.labels[1:], self.labels[0])

    def allowed(self, labels: NDArray[Any]) -> NDArray[np.bool_]:
        """The classes that each voxel may be.

        Parameters
        ----------
        labels : ndarray of int, shape (...)
            Values.

        Returns
        -------
        ndarray of bool, shape (..., K)

        Raises
        ------
        InputError
            If a value is unknown.
        """
        self.check(labels, "The array")
        allowed: NDArray[np.bool_] = self.table[labels]
        return allowed

    def from_indices(self, indices: Any) -> Any:
        """Labels of a map in which every voxel is known: 0 the first class, 1 the next.

        A mask is such a map, and a lazy array stays lazy.
        """
        if isinstance(indices, Lazy):
            return indices.map(self.from_indices, np.uint8)
        return indices.astype(np.uint8) + np.uint8(1)

    def from_mask(self, mask: Any) -> Any:
        """Labels of a mask: the first class where it is 0, else the second; lazy if it is."""
        if isinstance(mask, Lazy):
            return mask.map(self.from_mask, np.uint8)
        return self.from_indices(mask > 0)

    def counts(self, labels: NDArray[Any]) -> dict[str, int]:
        """Voxels painted with each class and set, by its name."""
        found = _count_values(labels)
        return {label.name: found.get(label.value, 0) for label in self.labels}

    def describe(self, counts: Mapping[str, int]) -> str:
        """The counts in words, such as "7 voxels of vessel and 1,200 of background"."""
        first, *others = self.offered
        said = [f"{counts[first.name]:,} voxels of {first.name}"]
        said += [f"{counts[label.name]:,} of {label.name}" for label in others]
        return f"{', '.join(said[:-1])} and {said[-1]}"

    def knows(self, labels: NDArray[Any]) -> bool:
        """Whether every value is one of these."""
        if not labels.size:
            return True
        low, high = int(labels.min()), int(labels.max())
        if low < 0 or high >= _VALUES:
            return False
        return high <= len(self) or bool(self._known[labels].all())

    def check(self, labels: NDArray[Any], source: str) -> None:
        """Refuse unknown values.

        Raises
        ------
        InputError
            With the first value, and `source`, the name of where it was found.
        """
        if self.knows(labels):
            return
        known = set(np.flatnonzero(self._known).tolist())
        unknown = min(set(_count_values(labels)) - known)
        raise InputError(f"{source} holds the label {unknown}; use {self.legend}.")

    def nearest(self, labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Labels in which each unknown value has become the last class."""
        return np.where(self._known[labels], labels, np.uint8(len(self)))

    def extends(self, other: Classes) -> bool:
        """Whether all that was painted with other classes means the same with these."""
        mine = {label.value: (label.name, set(label.may_be)) for label in self.labels}
        return all(mine.get(la.value) == (la.name, set(la.may_be)) for la in other.labels)

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        classes, sets = self.labels[: len(self)], self.labels[len(self) :]
        return {
            "version": VERSION,
            "classes": [{"name": la.name, "colour": la.colour} for la in classes],
            "sets": [
                {"name": la.name, "colour": la.colour, "classes": list(la.may_be)} for la in sets
            ],
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """The classes that `to_dict` described.

        Raises
        ------
        InputError
            If it describes none.
        """
        try:
            if values["version"] != VERSION:
                raise InputError("the classes are of another version; open them with that release.")
            classes, sets = list(values["classes"]), list(values.get("sets", []))
            return cls(
                *(str(entry["name"]) for entry in classes),
                colours={entry["name"]: entry["colour"] for entry in (*classes, *sets)},
                sets={str(entry["name"]): tuple(entry["classes"]) for entry in sets},
            )
        except (AttributeError, KeyError, TypeError) as error:
            raise InputError(
                f"this describes no classes ({error!r}); give a list of names and colours."
            ) from None


def _count_values(labels: NDArray[Any]) -> dict[int, int]:
    if labels.dtype == np.uint8:
        counts = np.bincount(labels.ravel(), minlength=_VALUES)
        return {int(value): int(counts[value]) for value in np.flatnonzero(counts)}
    values, counts = np.unique(labels, return_counts=True)
    return {int(value): int(count) for value, count in zip(values, counts, strict=True)}


def _check_names(
    names: Sequence[str], everything: Sequence[str], colours: Mapping[str, str]
) -> None:
    if len(names) < 2:
        raise InputError("a segmentation has at least two classes; name the background and one.")
    if len(everything) >= _VALUES:
        raise InputError(f"there are {len(everything)} classes and sets; 255 at most fit a byte.")
    for name in everything:
        if not name.strip() or name == "unlabelled" or everything.count(name) > 1:
            raise InputError(f"the class name {name!r} is empty or taken; give each its own.")
    for name, colour in colours.items():
        if name not in everything:
            raise InputError(f"{name} has a colour but is no class; name it, or leave it out.")
        if not isinstance(colour, str) or not re.fullmatch("#[0-9a-fA-F]{6}", colour):
            raise InputError(f"the colour of {name} is {colour!r}; write it as #rrggbb.")


def _check_set(name: str, members: Sequence[str], names: Sequence[str]) -> None:
    if unknown := [member for member in members if member not in names]:
        raise InputError(f"{name} may be {unknown[0]}, which is no class; add it, or take it out.")
    if not 2 <= len(set(members)) < len(names):
        raise InputError(
            f"{name} may be {len(set(members))} of {len(names)} classes; give at least two, and "
            "not all, which would say nothing."
        )


def _colour(place: int) -> str:
    """A colour that few others have: golden steps around the wheel past the chosen ones."""
    if place < len(_COLOURS):
        return _COLOURS[place]
    red, green, blue = colorsys.hsv_to_rgb(place * 0.618034 % 1, 0.65, 0.9)
    return f"#{round(255 * red):02x}{round(255 * green):02x}{round(255 * blue):02x}"
