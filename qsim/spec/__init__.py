"""The executable specification: what the hardware computes, in plain Python integers.

This package alone decides every output bit, and imports nothing of the project:

    dense       the two operations and the tie rule; a network, image by image
    crossbar    what a layer on memristive tiles accumulates
    geometry    where weights, digits and reference columns lie on the tiles
    noise       the counter-based generator of read noise
"""

from .dense import VERSION, accumulate, activate, classify, logits, predict, trace, weight, wrap

__all__ = ["VERSION", "accumulate", "activate", "classify", "logits", "predict", "trace", "weight", "wrap"]
