"""A form made from a settings dataclass: its annotations, defaults and docstring."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, Generic, TypeVar, get_args, get_origin

from magicgui.widgets import create_widget
from qtpy.QtWidgets import (
    QDoubleSpinBox,
    QFormLayout,
    QLabel,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)
from superqt import QCollapsible

from napari_midl.engine.operations import described
from napari_midl.engine.settings import Settings, hints_of, limits, plain, shown

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

S = TypeVar("S", bound=Settings)

_ANY_HEIGHT = 2**24 - 1  # Qt's QWIDGETSIZE_MAX
# A field that is called after its unit shows it.
_UNITS = {"minutes": "min"}


class SettingsForm(QWidget, Generic[S]):
    """The fields of a settings class, folded under a title.

    Parameters
    ----------
    settings : type
        The dataclass; ranges, steps and choices come from its annotations, tooltips from its
        numpy docstring.
    leave_out : collection of str
        Fields that are shown elsewhere, in other words.
    promote : collection of str
        Fields whose widgets lie outside the fold: `outside` gives them.
    values : mapping, optional
        Values to begin with in place of the defaults.
    title : str
        Of the fold.

    Attributes
    ----------
    widgets : dict of str to magicgui Widget
        One for each field that is not left out; each has a ``value``.
    """

    def __init__(
        self,
        settings: type[S],
        leave_out: Collection[str] = (),
        promote: Collection[str] = (),
        values: Mapping[str, Any] | None = None,
        title: str = "Advanced",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._settings = settings
        tips = {name: text.replace("`", "") for name, text in described(settings).items()}
        start = {f.name: f.default for f in fields(settings)} | dict(values or {})
        self.widgets: dict[str, Any] = {
            name: _widget(name, hint, start[name], tips.get(name, ""))
            for name, hint in hints_of(settings).items()
            if name not in leave_out
        }
        inside = QWidget()
        rows = QFormLayout(inside)
        rows.setContentsMargins(0, 4, 0, 0)
        rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        rows.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
        hints = hints_of(settings)
        for name, widget in self.widgets.items():
            if name not in promote:
                label = QLabel(shown(hints[name]).label or name.replace("_", " "))
                label.setToolTip(tips.get(name, ""))
                rows.addRow(label, widget.native)
        self.fold = QCollapsible(title, expandedIcon="▾", collapsedIcon="▸")
        self.fold.setDuration(0)
        self.fold.toggleButton().setToolTip("Settings that seldom need a change")
        self.fold.addWidget(inside)
        self.fold.content().hide()
        self.fold.toggled.connect(self._on_fold)
        around = self.fold.layout()
        assert around is not None
        around.setContentsMargins(0, 0, 0, 0)
        around.setSpacing(0)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.fold)

    def _on_fold(self, open_: bool) -> None:
        """Hide what is folded: it has no height, but the Tab key would go through all of it."""
        content = self.fold.content()
        content.setVisible(open_)
        if open_:
            content.setMaximumHeight(_ANY_HEIGHT)  # the fold measured it while it was hidden

    def outside(self, name: str) -> QWidget:
        """The widget of a field that was promoted."""
        native: QWidget = self.widgets[name].native
        return native

    def value(self, **others: Any) -> S:
        """The settings; `others` are the fields that are left out.

        Raises
        ------
        InputError
            If a value lies outside its range.
        """
        chosen = {name: widget.value for name, widget in self.widgets.items()}
        return self._settings(**chosen, **others)

    def fill(self, values: Mapping[str, Any]) -> None:
        """Show other values, of those fields that the form has."""
        for name, widget in self.widgets.items():
            if name in values:
                value = values[name]
                widget.value = tuple(value) if isinstance(value, list) else value


def _widget(name: str, hint: Any, value: Any, tip: str) -> Any:
    look, options = shown(hint), {"tooltip": tip, **_range(hint)}
    if look.choices:
        options["choices"] = list(zip(look.choices, get_args(plain(hint)), strict=True))
    made: Any = create_widget(value=value, annotation=plain(hint), name=name, options=options)
    if isinstance(value, bool):
        made.text = ""  # its row has the name already
    box = made.native
    if name in _UNITS and isinstance(box, QDoubleSpinBox):
        box.setDecimals(2)
        box.setSuffix(f" {_UNITS[name]}")
    if isinstance(box, (QSpinBox, QDoubleSpinBox)):
        if look.unit:
            box.setSuffix(f" {look.unit}")
            if isinstance(box, QDoubleSpinBox) and (limits(hint)[2] or 0) >= 1:
                box.setDecimals(0)
        box.setSpecialValueText(look.zero)
    return made


def _range(hint: Any) -> dict[str, Any]:
    """The range of an annotation in magicgui's words."""
    given = {
        k: v for k, v in zip(("min", "max", "step"), limits(hint), strict=True) if v is not None
    }
    return {"options": given} if get_origin(plain(hint)) is tuple and given else given
