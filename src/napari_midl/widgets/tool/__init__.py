"""What every dock shares: its frame, its bench, and the sections that more than one has."""
