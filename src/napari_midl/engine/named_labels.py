"""Labels that say what their values are called: files of OME-Zarr, and folders of paint."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from napari_midl.errors import InputError
from napari_midl.volumes.annotations import CLASSES_FILE, AnnotationStore
from napari_midl.volumes.classes import Classes
from napari_midl.volumes.labels import meant_by
from napari_midl.volumes.open import open_volume

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from napari_midl.engine.examples import Example


def named_classes(examples: Sequence[Example], dense: bool) -> Classes | None:
    """The classes that labels name themselves; None where none names at least two.

    Parameters
    ----------
    examples : sequence of Example
        The first that knows all classes and names them counts.
    dense : bool
        Whether the labels are full maps, in which 0 is the first class.

    Raises
    ------
    InputError
        If a file cannot be read, or gives two values one name.
    """
    for example in examples:
        if example.knows:
            continue
        if (example.labels / CLASSES_FILE).is_file():
            return AnnotationStore(example.labels, example.channels[0]).kept_classes()
        names = said_names(example)
        names = {0: "background", **names} if dense else names
        following = _from(names, 0 if dense else 1)
        if len(following) > 1:
            try:
                return Classes(*following)
            except InputError as error:
                raise InputError(f"{example.labels} names its values badly: {error}") from None
    return None


def said_names(example: Example) -> Mapping[int, str]:
    """What a file of labels calls its values; nothing for a folder of patches."""
    patches = example.labels.is_dir() and any(example.labels.glob("*.tif"))
    return {} if patches else open_volume(example.labels).values


def _from(names: Mapping[int, str], first: int) -> list[str]:
    """The names of a value and of those that follow it without a gap."""
    found: list[str] = []
    while first + len(found) in names:
        found.append(names[first + len(found)])
    return found


def refuse_other_names(examples: Sequence[Example], classes: Classes, dense: bool) -> None:
    """Refuse two files that call what is learnt as one class by different names.

    They were numbered in another order: together they would teach neither.

    Parameters
    ----------
    examples : sequence of Example
        All that is learnt from; who names no values says nothing.
    classes : Classes
        What is learnt.
    dense : bool
        Whether the labels are full maps.

    Raises
    ------
    InputError
        If there are such.
    """
    called = [(each.labels, _names_of_classes(each, classes, dense)) for each in examples]
    for (one, mine), (other, theirs) in combinations(called, 2):
        apart = [
            label
            for label in mine.keys() & theirs.keys()
            if not _plain(mine[label]) & _plain(theirs[label])
        ]
        if apart:
            first, second = (
                " and ".join(
                    f"{v} {n}" for v, n in sorted(_merged(names[a] for a in apart).items())
                )
                for names in (mine, theirs)
            )
            raise InputError(
                f"{one} calls {first} but {other} calls {second}; give both the same numbers for "
                "the same names."
            )


def _names_of_classes(example: Example, classes: Classes, dense: bool) -> dict[str, dict[int, str]]:
    """For each class what labels call the values that stand for it, but 0, the rest of all."""
    own = example.meaning(classes, dense)
    found: dict[str, dict[int, str]] = {}
    for value, name in said_names(example).items():
        if value > 0 and (meant := meant_by(own, value, dense)):
            found.setdefault(meant, {})[value] = name
    return found


def _merged(names: Iterable[dict[int, str]]) -> dict[int, str]:
    return {value: name for each in names for value, name in each.items()}


def _plain(names: Mapping[int, str]) -> set[str]:
    return {name.casefold() for name in names.values()}
