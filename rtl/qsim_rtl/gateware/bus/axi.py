"""AXI4-Lite and AXI4-Stream as signatures, and as the flat ports that a top level has of them."""

from __future__ import annotations

from typing import Any

from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

DATA = 32  # bits of AXI4-Lite's data


class AXI4Lite(wiring.Signature):
    """AXI4-Lite with 32 bits of data, as its manager sees it."""

    def __init__(self, address_bits: int) -> None:
        super().__init__(
            {
                "awaddr": Out(address_bits),
                "awprot": Out(3),
                "awvalid": Out(1),
                "awready": In(1),
                "wdata": Out(DATA),
                "wstrb": Out(DATA // 8),
                "wvalid": Out(1),
                "wready": In(1),
                "bresp": In(2),
                "bvalid": In(1),
                "bready": Out(1),
                "araddr": Out(address_bits),
                "arprot": Out(3),
                "arvalid": Out(1),
                "arready": In(1),
                "rdata": In(DATA),
                "rresp": In(2),
                "rvalid": In(1),
                "rready": Out(1),
            }
        )


class AXIStream(wiring.Signature):
    """AXI4-Stream with TLAST, as its transmitter sees it; with TUSER of so many bits, and TKEEP, if asked."""

    def __init__(self, data_bits: int, user_bits: int = 0, keep: bool = False) -> None:
        more = {"tuser": Out(user_bits)} if user_bits else {}
        if keep:
            more["tkeep"] = Out(data_bits // 8)
        own = {"tdata": Out(data_bits), **more, "tvalid": Out(1), "tready": In(1), "tlast": Out(1)}
        super().__init__(own)


def ports(prefix: str, signature: wiring.Signature) -> dict[str, wiring.Member]:
    """An interface as the ports of a top level, `prefix_name`, seen as the signature sees them."""
    return {f"{prefix}_{name}": member for name, member in signature.members.items()}


class Ports:
    """Ports that `ports` has made as one interface, which `wiring.connect` takes.

    The signature is that of the component's ports as whoever connects them must see it: from outside as it
    was given to `ports`, from inside flipped.
    """

    def __init__(self, component: Any, prefix: str, signature: wiring.Signature) -> None:
        self.signature = signature
        for name in signature.members:
            setattr(self, name, getattr(component, f"{prefix}_{name}"))
