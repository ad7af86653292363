"""The fast path: the arithmetic of `qsim.spec`, batched, threaded and compiled, equal to the last bit.

Which loops run is decided by the processor's instructions (or QSIM_ISA) and by what the model proves of its
ranges, and changes no result. `qsim.executors` picks and keeps them.

    executor     blocks of images over threads, for every kind of layer
    isa          which instructions there are              entries      the dense engine, compiled for each
    dense        packing: a model as a table and a block of bytes
                 products: dot products in registers       layer        one layer's sums, tile by tile
                 tiles: dot products on matrix tiles       tile_layer   the same on those
                 activation: from sums to codes, classes   network      blocks of images through all layers
                 operands: numbers of one or two bytes     tile_planes  two bytes on tiles, byte by byte
                 tile_check: tiles that differ are not used
    thresholds   forms: fast forms, proved equal           simd         thresholds in registers
    sweep        api: all strengths of an attack           engine, inner  their sums, in registers
    crossbar     plan: tiles laid out and proved           loops        reads, conversions, sums
    portable     plain loops for everything else
"""
