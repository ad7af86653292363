"""What the hardware computes. Nothing here imports any other part of the project."""
