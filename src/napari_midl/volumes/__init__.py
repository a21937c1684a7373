"""What the data is: open, describe, scale, write; lazy in, lazy out."""
