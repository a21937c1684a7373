"""Names by which a screen reader tells the fields of a dock apart."""

from __future__ import annotations

from qtpy.QtWidgets import (
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
    QProgressBar,
    QScrollBar,
    QWidget,
)

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
