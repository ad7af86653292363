"""The buses by which an engine's registers can be reached, one entry each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from amaranth.lib import wiring

from qsim.errors import QsimError

from .axi import AXI4Lite
from .axi_lite import AxiLite
from .wishbone import Wishbone, WishboneBus


@dataclass(frozen=True)
class ControlPort:
    """A bus: how it is chosen, what its ports begin with, its signature, and the block behind it.

    Signature and block are made from the number of address bits. All blocks have the same ports beside
    `bus`, those of `AxiLite`.
    """

    name: str
    prefix: str
    module: str
    signature: Callable[[int], wiring.Signature]
    block: Callable[[int], Any]


CONTROL_PORTS = {
    port.name: port
    for port in (
        ControlPort("axi-lite", "s_axil", "lite", AXI4Lite, AxiLite),
        ControlPort("wishbone", "s_wb", "wishbone", WishboneBus, Wishbone),
    )
}


def control_port(name: str) -> ControlPort:
    """The bus of that name.

    Raises
    ------
    QsimError
        If there is none.
    """
    if name not in CONTROL_PORTS:
        raise QsimError(f"control is {name!r}; {' and '.join(CONTROL_PORTS)} are allowed")
    return CONTROL_PORTS[name]
