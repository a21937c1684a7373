"""What is seen of a voxel at octaves of scale, and learning it from strokes in seconds."""
