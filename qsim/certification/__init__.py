"""The true robustness of a network's integers: proofs, and a judge that shares no code with who finds them.

checker           the judge: plain integers, one file that can be copied out
network           a model as flat arrays for compiled code, and as the plain file that the judge reads
staircase         one accumulator: its code, the least of a tilted staircase, its lower envelope
dual              Lagrangian bounds over a cell, and multipliers that raise them
cells             where accumulators lie in a cell, and multipliers as proven integers
cuts              where accumulators cannot be, in cells and where the rival wins
leaf              cells in which every hidden code is fixed: a linear programme
branch            branch and bound over accumulators, for one rival class
counterexamples   the other side: images that break
ladder            all rungs, cheapest first, for one image
certificate       the file of an image
run               many images into a folder, again after an interruption
"""
