"""Plans that take a second."""

from __future__ import annotations

from qsim.reproductions.glsvlsi2021.run.tasks import Plan, Sample, Task
from qsim.shadow.train import Recipe

TINY = Recipe(epochs=2, batch=64, gain=10.0)
SAMPLE = Sample(20, (0.0, 0.05, 0.1), ())


def tiny(count: int = 4) -> Plan:
    """Some small networks on the spirals, at three strengths."""
    kinds = [(a, q) for q in (1, 3) for a in ("relu", "step")]
    tasks = (Task("spiral", a, q, seed, TINY, hidden=8) for seed in range(count) for a, q in kinds)
    return Plan(tuple(tasks)[:count], (0.0, 0.05, 0.1), SAMPLE)
