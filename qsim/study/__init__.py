"""Studies of defects: rows of accuracies, one property varied at a time, and figures from rows alone."""
