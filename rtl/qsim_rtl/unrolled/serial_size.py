"""How much hardware a digit-serial product is, counted as `qsim_rtl.gateware.unrolled.serial` makes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from . import copies
from .graph import AdderGraph, Term, width
from .size import Ends, Size, output_ends, used_inputs

WIDE = 6  # bits of a digit whose adders have a carry chain, and whose shifts a synchronous reset
Stream = tuple[int, int, int]  # a value, the places of digits it is shifted by, adders it has passed by


class Digits(NamedTuple):
    """The widest output as so many digits, of so many bits each."""

    number: int
    bits: int

    @classmethod
    def of(cls, graph: AdderGraph, ends: Ends, interval: int) -> Digits:
        """Those that an interval of so many cycles gives."""
        ranges = graph.ranges(*ends)
        word = max(width(*output_ends(term, ranges)) for term in graph.outputs)
        bits = -(-word // interval)
        return cls(-(-word // bits), bits)


def intervals(graphs: Sequence[AdderGraph], ends: Sequence[Ends]) -> list[int]:
    """The intervals of layers with these graphs and input ranges; of those of the same engine one."""
    longest = max(Digits.of(graph, own, 1).bits for graph, own in zip(graphs, ends, strict=True))
    found: dict[tuple[Digits, ...], int] = {}
    for interval in range(1, longest + 1):
        every = (Digits.of(graph, own, interval) for graph, own in zip(graphs, ends, strict=True))
        found.setdefault(tuple(every), interval)
    return [*found.values()]


def serial_depth(graph: AdderGraph) -> int:
    """Adders on the way to the deepest output; a negative one takes a further one."""
    terms = (term for term in graph.outputs if term is not None)
    return max((graph.levels[term.value] + (term.sign < 0) for term in terms), default=0)


def serial_adders(graph: AdderGraph, ends: Ends, digits: Digits) -> Size:
    """Adders of a digit with a carry each, serialisers before them, shift registers behind."""
    deepest, bits = serial_depth(graph), digits.bits
    given = {(number, 0, level) for number, level in enumerate(graph.levels)}
    made = {*given}
    for number, node in enumerate(graph.nodes, graph.inputs):
        for term in node:
            _ask(made, term, graph.levels[number] - 1, bits)
    outputs = [term for term in graph.outputs if term is not None]
    for out in outputs:
        _ask(made, Term(out.value, 0, 1), deepest - (out.sign < 0), bits)
    sums = len(graph.nodes) + sum(out.sign < 0 for out in outputs)
    shifted = sum(places > 0 for _, places, _ in made)
    used, wide = len(used_inputs(graph)), width(*ends)
    moved = wide if ends[0] < 0 else max(wide - bits, 0)  # into the highest bits of others come zeros
    held = (len(made) - len(given) + digits.number * len(outputs)) * bits
    control = digits.number + deepest + 1 + _copies(graph, made, outputs) + _shared(graph) * bits
    added = Size(sums * (bits + 1), sums) if bits >= WIDE else Size(gates=(2 * sums + shifted) * bits)
    return added + Size(gates=used * moved, registers=sums * (bits + 1) + held + control + used * wide)


def _copies(graph: AdderGraph, made: set[Stream], outputs: Sequence[Term]) -> int:
    """Registers of control signals near the values that follow them, by signal and group of values."""
    deepest = serial_depth(graph)
    adding = {(number // copies.VALUES, level - 1) for number, level in enumerate(graph.levels) if level}
    negated = {(out.value // copies.VALUES, deepest - 1) for out in outputs if out.sign < 0}
    shifting = {(value // copies.VALUES, level) for value, places, level in made if places}
    taken = {i // copies.INPUTS for i in used_inputs(graph)}
    return len(adding | negated | shifting) + len(taken)


def _shared(graph: AdderGraph) -> int:
    """Registers of values that many add, beside the one that each goes on from."""
    users = graph.users([level - 1 for level in graph.levels])
    return sum(
        count // copies.ADDERS for (_, level), count in users.items() if count > copies.ADDERS and level
    )


def _ask(made: set[Stream], term: Term, level: int, bits: int) -> None:
    """All registers that digits of value << shift need, in step with values behind so many adders."""
    whole, part = divmod(term.shift, bits)
    for places in (whole, whole + 1) if part else (whole,):
        for p in range(places + 1):
            own = level
            while (term.value, p, own) not in made:
                made.add((term.value, p, own))
                if p:
                    break
                own -= 1
