"""Placing landmarks one after the other, and the way back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_midl.engine.history import History
from napari_midl.volumes.landmarks import Landmarks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from napari_midl.methods.anatomy.apply import Generated
    from napari_midl.methods.anatomy.template import Template

    Changes = dict[str, NDArray[np.float64] | None]


class LandmarkEditor:
    """The landmarks of a shape while a person places them.

    Parameters
    ----------
    template : Template
        Which landmarks there are.
    order : sequence of int, optional
        In which order they are asked for; by default that of the template.

    Attributes
    ----------
    template : Template
        The same, or what `change_template` made of it.
    history : History
        The landmarks as they stand, as they were, and as they were before *Undo*.
    current : int
        The landmark that is placed next.
    """

    def __init__(self, template: Template, order: Sequence[int] = ()) -> None:
        self.template = template
        self.order = order
        self.begin()

    def begin(self, landmarks: Landmarks | None = None) -> None:
        """Begin with other landmarks of the template, or with none, and no way back."""
        first = landmarks or Landmarks.missing(self.template.names)
        self.resume(History(first))

    def resume(self, history: History[Landmarks]) -> None:
        """Go on with landmarks that were edited before, and with their way back."""
        self.history = history
        self.current = self.order[0] if self.order else 0
        self._go_on()

    @property
    def landmarks(self) -> Landmarks:
        """The landmarks as they stand, in the order of the template."""
        return self.history.now

    @property
    def name(self) -> str:
        """Name of the landmark that is placed next."""
        return self.template.names[self.current]

    @property
    def can_undo(self) -> bool:
        """Whether there is an edit to take back."""
        return self.history.can_undo

    @property
    def can_redo(self) -> bool:
        """Whether an edit was taken back."""
        return self.history.can_redo

    def change_template(self, template: Template, order: Sequence[int] = ()) -> None:
        """Change to another kind of shape; landmarks of the same names stay."""
        kept = self.landmarks
        self.template, self.order = template, order
        self.begin(kept.only(template.names))

    def write(self, landmarks: Landmarks) -> None:
        """Make an edit."""
        self.history.write(landmarks)

    def replace(self, landmarks: Landmarks) -> None:
        """Take other landmarks, and go to the first that is missing."""
        self.write(landmarks)
        self._go_on()

    def place(self, point: ArrayLike) -> None:
        """Place the current landmark ``(x, y, z)`` in mm, and go to the next that is missing."""
        self.write(self.landmarks.moved({self.name: point}))
        self._go_on()

    def clear(self) -> None:
        """Make the current landmark missing again."""
        self.write(self.landmarks.moved({self.name: None}))

    def swap_sides(self) -> None:
        """Give each landmark the place of its partner on the other side."""
        self.write(Landmarks(self.landmarks.names, self.landmarks.points[self.template.partners]))

    def undo(self) -> None:
        """Take the last edit back."""
        before = self.landmarks
        self.history.undo()
        self._follow(before)

    def redo(self) -> None:
        """Make it again."""
        before = self.landmarks
        self.history.redo()
        self._follow(before)

    def _follow(self, before: Landmarks) -> None:
        """Make a landmark that was taken back the current one, so that it is placed anew."""
        taken_back = np.flatnonzero(before.placed & ~self.landmarks.placed)
        if len(taken_back):
            self.current = int(taken_back[0])
        elif self.landmarks.placed[self.current]:
            self._go_on()

    def _go_on(self) -> None:
        """Go to the first that is asked for and missing; stay where all are placed."""
        order, placed = self.order or range(len(self.template.names)), self.landmarks.placed
        self.current = next((i for i in order if not placed[i]), self.current)


@dataclass(frozen=True)
class LandmarkPoint:
    """A landmark as it is drawn.

    Parameters
    ----------
    name, number : str, int
        As the template has them.
    point : tuple of float
        ``(x, y, z)`` in mm.
    placed : bool
        Whether a person placed it, or the model expects it there.
    doubted : bool
        Whether it lies far from where the others expect it.
    chosen : bool
        Whether it is the one that is placed next.
    """

    name: str
    number: int
    point: tuple[float, float, float]
    placed: bool
    doubted: bool
    chosen: bool


def landmark_points(
    editor: LandmarkEditor, generated: Generated | None, landmarks: Landmarks | None = None
) -> list[LandmarkPoint]:
    """What to draw: the placed landmarks, and the others where a shape has them; no others.

    Parameters
    ----------
    editor : LandmarkEditor
        Knows the template, and which landmark is next.
    generated : Generated, optional
        The shape.
    landmarks : Landmarks, optional
        Those to draw in place of the editor's.
    """
    landmarks = landmarks or editor.landmarks
    expected = generated.landmarks.points if generated is not None else landmarks.points
    drawn = []
    for i, item in enumerate(editor.template.landmarks):
        placed = bool(landmarks.placed[i])
        x, y, z = (landmarks.points if placed else expected)[i].tolist()
        doubted = generated is not None and item.name in generated.misplaced
        if np.isfinite((x, y, z)).all():
            drawn.append(
                LandmarkPoint(
                    item.name, item.number, (x, y, z), placed, doubted, i == editor.current
                )
            )
    return drawn


def changed_points(
    drawn: Mapping[str, ArrayLike],
    names: Sequence[str],
    points: Sequence[ArrayLike] | NDArray[np.float64],
    new_name: str = "",
) -> Changes:
    """What a person did to points that were drawn.

    Parameters
    ----------
    drawn : mapping of str to array_like
        Where each was drawn.
    names, points : sequence
        Which are there now, and where. A point that was added has the name of another.
    new_name : str
        Name for a point that was added; without one it is left out.

    Returns
    -------
    dict
        New positions by name; None where a point was deleted.
    """
    changes: Changes = {name: None for name in drawn if name not in names}
    seen: set[str] = set()
    for name, point in zip(names, points, strict=True):
        known = name in drawn and name not in seen
        seen.add(name)
        if known and np.allclose(point, drawn[name]):
            continue
        changes[name if known else new_name] = np.asarray(point, float)
    changes.pop("", None)
    return changes
