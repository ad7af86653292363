"""Models as files of other tools, which then compute the same integers."""
