"""The Verilog of an export: the engine on AXI, its serial line, and what its memories are read from."""

from __future__ import annotations

import numpy as np

from qsim.model.model import Model
from qsim.spec import dense as spec

from ..gateware.bus.control_port import control_port
from ..gateware.bus.top import AxiEngine
from ..gateware.bus.uart import Bridge
from ..memory.map import instances
from ..memory.pack import image, pack
from ..shape.loadable import Loadable
from ..shape.widths import BusWidths
from . import interfaces, netlist
from .counts import every


def files(
    model: Model, shape: Loadable, name: str, control: str = "axi-lite"
) -> tuple[dict[str, bytes], dict[str, str]]:
    """The files by name, and the path of each memory below the top module by the memory's name.

    Parameters
    ----------
    model : Model
        What the memories hold from the start.
    shape : Loadable
    name : str
        The top module; begins every other module's and file's name.
    control : str
        The bus of the registers; only with "axi-lite" there is a serial line.
    """
    digest = np.frombuffer(bytes.fromhex(model.digest), ">u4").reshape(-1, 1)
    memories = {"model_digest": pack(digest.astype(np.int64), 32)}
    memories |= image(shape.embedded(model), shape.engine)
    places = dict(zip(memories, instances(shape.engine), strict=True))
    loads = {
        places[memory.name]: netlist.MemoryFile(memory_file(name, memory.name), memory.width, memory.words)
        for memory in shape.memories
    }
    engine = netlist.verilog(AxiEngine(shape, control=control), name, loads)
    port = control_port(control)
    engine = interfaces.annotated(engine, interfaces.of(shape.input_width, sum(shape.result_widths), port))
    below = netlist.memory_paths(engine, name)
    made = {
        f"{name}.v": (netlist.header(_facts(model, shape)) + engine).encode(),
        **(serial_line(shape, name) if control == "axi-lite" else {}),
        **{memory_file(name, memory): words.hexadecimal().encode() for memory, words in memories.items()},
    }
    return made, {memory: below[place] for memory, place in places.items()}


def serial_line(shape: BusWidths, name: str) -> dict[str, bytes]:
    """The Verilog of the serial line to an engine of that name, by its file name."""
    text = netlist.verilog(Bridge(shape), f"{name}_uart")
    return {f"{name}_uart.v": (netlist.header(["a serial line to the buses of the engine"]) + text).encode()}


def memory_file(engine: str, memory: str) -> str:
    """The file from which a memory is read."""
    return f"{engine}_{memory}.mem"


def _facts(model: Model, shape: Loadable) -> list[str]:
    bits = max(layer.bits for layer in shape.engine.layers)
    return [
        f"model {model.digest}, arithmetic version {spec.VERSION}",
        f"{'-'.join(map(str, model.shape))}, weights of at most {bits} bits",
        f"latency {shape.latency} cycles, one frame {every(shape.interval)}",
    ]
