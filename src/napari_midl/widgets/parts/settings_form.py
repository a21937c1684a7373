"""A form made from a settings dataclass: its annotations, defaults and docstring."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, Generic, TypeVar, get_origin

from docstring_parser import parse
from magicgui.widgets import create_widget
from qtpy.QtWidgets import QFormLayout, QLabel, QVBoxLayout, QWidget
from superqt import QCollapsible

from napari_midl.engine.settings import Settings, hints_of, limits, plain

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

S = TypeVar("S", bound=Settings)


class SettingsForm(QWidget, Generic[S]):
    """The fields of a settings class, folded under a title.

    Parameters
    ----------
    settings : type
        The dataclass; ranges and choices come from its annotations, tooltips from its
        numpy docstring.
    leave_out : collection of str
        Fields that are shown elsewhere.
    values : mapping, optional
        Values to begin with in place of the defaults.
    """

    def __init__(
        self,
        settings: type[S],
        leave_out: Collection[str] = (),
        values: Mapping[str, Any] | None = None,
        title: str = "Advanced",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._settings = settings
        hints = hints_of(settings)
        tips = {
            p.arg_name: " ".join((p.description or "").replace("`", "").split())
            for p in parse(settings.__doc__ or "").params
        }
        start = {f.name: f.default for f in fields(settings)} | dict(values or {})
        self.widgets = {
            name: create_widget(
                value=start[name],
                annotation=plain(hints[name]),
                name=name,
                options={"tooltip": tips.get(name, ""), **_range(hints[name])},
            )
            for name in start
            if name not in leave_out
        }
        inside = QWidget()
        rows = QFormLayout(inside)
        rows.setContentsMargins(0, 4, 0, 0)
        rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for name, widget in self.widgets.items():
            label = QLabel(name.replace("_", " "))
            label.setToolTip(tips.get(name, ""))
            rows.addRow(label, widget.native)
        self.fold = QCollapsible(title, expandedIcon="▾", collapsedIcon="▸")
        self.fold.setDuration(0)
        self.fold.toggleButton().setToolTip("Settings that seldom need a change")
        self.fold.addWidget(inside)
        self.fold.layout().setContentsMargins(0, 0, 0, 0)
        self.fold.layout().setSpacing(0)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.fold)

    def value(self, **others: Any) -> S:
        """The settings; `others` are the fields that are shown elsewhere.

        Raises
        ------
        InputError
            If a value lies outside its range.
        """
        chosen = {name: widget.value for name, widget in self.widgets.items()}
        return self._settings(**chosen, **others)


def _range(hint: Any) -> dict[str, Any]:
    """The range of an annotation in magicgui's words."""
    given = {
        k: v for k, v in zip(("min", "max", "step"), limits(hint), strict=True) if v is not None
    }
    return {"options": given} if get_origin(hint) is tuple and given else given
