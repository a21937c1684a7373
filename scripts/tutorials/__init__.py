"""Each tutorial followed by a hand at napari's window, and a picture of each step."""
