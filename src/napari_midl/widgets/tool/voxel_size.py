"""The line that shows the voxel size of an image, and in which another is typed."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QLineEdit

from napari_midl.widgets.parts.section import trouble


class VoxelSizeLine(QLineEdit):
    """A line with a size, and what is wrong with it.

    Attributes
    ----------
    typed : Signal(str)
        The person typed another size, or cleared the line.
    fault : QLabel
        Why what is typed is no size; hidden where it is one.
    """

    typed = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setPlaceholderText("2, 0.5, 0.5 um")
        self.setToolTip(
            "Size of a voxel along z, y and x and its unit, or one size for all three. Type it in "
            "where the image does not say it, or says it wrong; clear the line to go back."
        )
        self.fault = trouble("What is wrong with the voxel size")
        self._last = ""
        self.editingFinished.connect(self._on_edited)

    def show_size(self, text: str) -> None:
        """Show the size of the image, unless a person is typing another."""
        if self.isModified():
            return
        self._last = text
        self.setText(text)
        self.fault.hide()

    def complain(self, fault: str) -> None:
        """Say what is wrong with what is typed."""
        self.fault.setText(fault)
        self.fault.show()

    def _on_edited(self) -> None:
        self.setModified(False)
        # Qt also reports an editing as finished when the line merely loses the focus.
        text = self.text().strip()
        if text != self._last:
            self._last = text
            self.typed.emit(text)
