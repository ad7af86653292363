"""The hardware's blocks proved: `python -m qsim_rtl.proofs` (`pip install 'qsim[formal]'`).

A harness drives one block, the very one that the engine is made of, with anything that its contract
allows and asserts what must come of it. An SMT solver then shows that the assertions hold from reset
on (first cycles), and that no state in which they hold is followed by one in which they fail (induction):
the proof is unbounded. Every proof is repeated on a broken twin, the same source with one thing changed, and
must find a run from reset that shows the fault.
"""
