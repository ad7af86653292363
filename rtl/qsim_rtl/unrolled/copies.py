"""How many look at the same register of a signal that goes everywhere; others look at copies of it."""

ADDERS = 16  # that add a value
VALUES = 64  # whose digits follow a control signal
INPUTS = 8  # that are taken in by it
BITS = 64  # of a beat that are kept when it says so
