"""Data that users bring: arrays and files of several formats, as labelled integer codes."""
