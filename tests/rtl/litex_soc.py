"""A LiteX SoC without a processor around an exported engine, as Verilog: `python litex_soc.py EXPORT OUT`.

Its bus has a manager outside, `host_*`, so that a test can be the processor. `csr.json` says where LiteX put
what.
"""

import sys
from importlib import import_module
from pathlib import Path

from litex.build.generic_platform import Pins
from litex.build.sim import SimPlatform
from litex.soc.integration.export import get_csr_json
from litex.soc.integration.soc_core import SoCMini
from litex.soc.interconnect import wishbone
from migen import ClockDomain

ORIGIN = 0x90000000


def write(export: Path, out: Path) -> None:
    (module,) = export.glob("*_litex.py")
    sys.path.insert(0, str(export))
    bus = wishbone.Interface(data_width=32, address_width=32, addressing="word")
    platform = SimPlatform("SIM", [("clk", 0, Pins(1)), ("rst", 0, Pins(1)), *bus.get_ios("host")])
    soc = SoCMini(platform, clk_freq=1_000_000, with_ctrl=False)
    soc.cd_sys = ClockDomain()
    soc.comb += [
        soc.cd_sys.clk.eq(platform.request("clk")),
        soc.cd_sys.rst.eq(platform.request("rst")),
        *bus.connect_to_pads(platform.request("host"), mode="slave"),
    ]
    soc.bus.add_master("host", bus)
    import_module(module.stem).add_engine(soc, origin=ORIGIN)
    soc.finalize()
    platform.get_verilog(soc, name="soc").write(str(out / "soc.v"))
    places = get_csr_json(soc.csr_regions, soc.constants, soc.mem_regions)
    (out / "csr.json").write_text(places)


if __name__ == "__main__":
    write(Path(sys.argv[1]), Path(sys.argv[2]))
