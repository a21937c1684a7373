"""What a person touches: Qt and napari live here and nowhere else."""
