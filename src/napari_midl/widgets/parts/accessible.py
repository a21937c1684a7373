"""Fields of a dock without a mouse or a screen: their names, and the order of the Tab key."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
    QProgressBar,
    QScrollArea,
    QScrollBar,
    QWidget,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qtpy.QtWidgets import QLayout

# Whatever does not say by its own text what it is for.
_FIELDS = (
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
    QProgressBar,
)


def name_fields(widget: QWidget) -> None:
    """Call each field inside a widget what its tooltip, or that of what it is a part of, says."""
    for field in widget.findChildren(QWidget):
        if isinstance(field, _FIELDS) and not isinstance(field, QScrollBar):
            part: QWidget | None = field
            while part is not None and part is not widget and not part.toolTip():
                part = part.parentWidget()
            if part is not None and not field.accessibleName():
                field.setAccessibleName(part.toolTip().split(":")[0])


def tab_as_read(widget: QWidget) -> None:
    """Let the Tab key go through a widget from top to bottom, as it is laid out."""
    for one, next_ in pairwise(_as_read(widget)):
        QWidget.setTabOrder(one, next_)


def _as_read(widget: QWidget) -> Iterator[QWidget]:
    """What of a widget can be typed into or pressed."""
    if isinstance(widget, QScrollArea):
        inside = widget.widget()
        yield from () if inside is None else _as_read(inside)
        return
    if widget.focusPolicy() & Qt.FocusPolicy.TabFocus:
        yield widget
    layout = widget.layout()
    if layout is not None:
        yield from _laid_out(layout)


def _laid_out(layout: QLayout) -> Iterator[QWidget]:
    for index in range(layout.count()):
        item = layout.itemAt(index)
        inner, widget = (None, None) if item is None else (item.layout(), item.widget())
        if inner is not None:
            yield from _laid_out(inner)
        elif widget is not None:
            yield from _as_read(widget)
