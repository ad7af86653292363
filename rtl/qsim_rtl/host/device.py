"""The host's side of the bus: load a model into an engine and ask it, by simulation or on a board."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from qsim.errors import QsimError
from qsim.model.model import Model

from ..gateware.bus.registers import ADDRESS, FLAGS, MAGIC, MASK, VERSION
from ..memory.frames import Bytes, Longs, decoded, encoded
from ..memory.map import DIGEST_WORDS
from ..shape.loadable import Loadable, crc

TURN_READS = 10_000  # of STATUS, while a load waits for the frames inside


class BusError(QsimError):
    """The engine answered an access with SLVERR."""


class Transport(Protocol):
    """What carries bus accesses to an engine. All that a new board needs is one of these."""

    def read(self, address: int) -> int:
        """One register.

        Parameters
        ----------
        address : int
            In bytes.

        Returns
        -------
        int
            32 bits.

        Raises
        ------
        BusError
            If the engine refuses the access.
        """

    def write(self, address: int, words: npt.NDArray[np.uint32]) -> None:
        """Write words, one after another, to one register.

        Parameters
        ----------
        address : int
            In bytes.
        words : uint32 array (N,)

        Raises
        ------
        BusError
            At the first word that the engine refuses.
        """

    def exchange(self, data: Bytes, last: Bytes, results: int) -> tuple[Bytes, Bytes]:
        """Send input beats and take results; fewer come back if the engine gives no more.

        Parameters
        ----------
        data : uint8 array (N, bytes)
            The beats, the lowest byte first.
        last : uint8 array (N,)
            TLAST of each.
        results : int
            Beats to take.

        Returns
        -------
        data : uint8 array (M, bytes)
        last : uint8 array (M,)
        """


@dataclass(frozen=True)
class Counters:
    """What the engine counted since it was reset or cleared; each wraps at 2**32.

    Parameters
    ----------
    images : int
        Frames answered.
    cycles : int
        Clock cycles in which a frame was inside.
    short_frames, long_frames : int
        Frames refused because TLAST came early, or late.
    """

    images: int
    cycles: int
    short_frames: int
    long_frames: int


class Device:
    """An engine behind a transport.

    Parameters
    ----------
    transport : Transport
    shape : Loadable
        What the engine was built as; an export's manifest states it.
    model : Model, optional
        The model that the engine holds already, as a bitstream brings it.

    Raises
    ------
    QsimError
        If what answers is no such engine, or holds another model.
    """

    def __init__(self, transport: Transport, shape: Loadable, model: Model | None = None) -> None:
        self.transport, self.shape = transport, shape
        found = {name: self.read(name) for name in ("ID", "VERSION", "SHAPE", "IMAGE_WORDS")}
        if found["ID"] != MAGIC:
            raise QsimError(f"what answers is no engine: its ID is {found['ID']:#x}; {MAGIC:#x} is needed")
        _check_versions(found["VERSION"])
        if found["SHAPE"] != shape.identity or found["IMAGE_WORDS"] != shape.image_words:
            raise QsimError(
                f"the device is of shape {found['SHAPE']:#010x}; this is an image for {shape.identity:#010x}"
            )
        self.model = model
        if model is not None:
            self._check_digest(model)

    def read(self, register: str) -> int:
        """One register of the bus.

        Parameters
        ----------
        register : str
            Its name in the register map, such as "STATUS".

        Returns
        -------
        int
            32 bits.

        Raises
        ------
        BusError
            If the engine refuses the access.
        """
        return self.transport.read(ADDRESS[register])

    def command(self, name: str) -> None:
        """Write one command to the CONTROL register.

        Parameters
        ----------
        name : "LOAD", "CLEAR", "ACKNOWLEDGE", "FLUSH" or "CANCEL"

        Raises
        ------
        BusError
            If the engine refuses the access.
        """
        self._write("CONTROL", MASK[name])

    def load(self, model: Model) -> None:
        """Replace the engine's model, once the frames inside are answered, and make sure that it arrived.

        Parameters
        ----------
        model : Model

        Raises
        ------
        QsimError
            If the model does not fit, or frames stay inside; the engine then keeps the one it has. If
            the engine refuses, it says which flag it raised.
        """
        words = self.shape.words(model)
        self.command("ACKNOWLEDGE")
        try:
            self._begin_load()
            self.model = None
            self.transport.write(ADDRESS["LOAD_DATA"], words)
            self._write("LOAD_CRC", crc(words))
        except BusError as error:
            raise QsimError(f"the load was refused: {', '.join(self.flags) or error}") from None
        self._check_digest(model)
        self.model = model

    @property
    def flags(self) -> list[str]:
        """Names of the flags that are raised."""
        status = self.read("STATUS")
        return [flag for flag in FLAGS if status & MASK[flag]]

    @property
    def valid(self) -> bool:
        """Whether the engine has a complete model."""
        return bool(self.read("STATUS") & MASK["VALID"])

    @property
    def digest(self) -> str:
        """sha256, in hex, of the model in the engine; zeros where there is none."""
        return "".join(f"{self.read(f'DIGEST{i}'):08x}" for i in range(DIGEST_WORDS))

    @property
    def counters(self) -> Counters:
        """The engine's counters."""
        names = ("IMAGES", "CYCLES", "SHORT_FRAMES", "LONG_FRAMES")
        return Counters(*(self.read(name) for name in names))

    def logits(self, codes: npt.ArrayLike) -> Longs:
        """The last layer's accumulators.

        Parameters
        ----------
        codes : int array (N, inputs)

        Returns
        -------
        int64 array (N, outputs)

        Raises
        ------
        QsimError
            If the codes do not fit, or the engine gives no or other results than it must.
        """
        return self._ask(codes)[0]

    def predict(self, codes: npt.ArrayLike) -> Longs:
        """The class of each image, as the engine states it.

        Parameters
        ----------
        codes : int array (N, inputs)

        Returns
        -------
        int64 array (N,)

        Raises
        ------
        QsimError
            As in `logits`.
        """
        return self._ask(codes)[1]

    def _ask(self, codes: npt.ArrayLike) -> tuple[Longs, Longs]:
        if self.model is None:
            raise QsimError("the engine has no model; load one first")
        checked = self.model.checked(codes)
        outputs = self.model.outputs
        results, last = self.transport.exchange(*encoded(self.shape, checked), len(checked) * outputs)
        if len(results) != len(checked) * outputs:
            raise QsimError(
                f"{len(results)} results came; {len(checked)} images need {len(checked) * outputs}"
            )
        if (last.reshape(-1, outputs) != (np.arange(outputs) == outputs - 1)).any():
            raise QsimError("TLAST does not stand on the last logit of each image")
        logits, classes = decoded(self.shape, results)
        return logits.reshape(-1, outputs), classes.reshape(-1, outputs)[:, -1]

    def _begin_load(self) -> None:
        """Ask for a load and wait until it begins."""
        self.command("LOAD")
        for _ in range(TURN_READS):
            if self.read("STATUS") & MASK["LOADING"]:
                return
        self.command("CANCEL")
        raise QsimError(
            "the load did not begin: a frame stays inside, sent in part or with answers that nobody takes; "
            "FLUSH drops it"
        )

    def _write(self, register: str, value: int) -> None:
        self.transport.write(ADDRESS[register], np.array([value], np.uint32))

    def _check_digest(self, model: Model) -> None:
        if not self.valid or self.digest != model.digest:
            raise QsimError(f"the engine holds model {self.digest[:12]}; {model.digest[:12]} is needed")


def _check_versions(word: int) -> None:
    """Compare what a bitstream was built by with what is spoken here; see the register VERSION."""
    names = "interface", "description of shapes", "arithmetic"
    found, wanted = ((each >> 16, each >> 8 & 0xFF, each & 0xFF) for each in (word, VERSION))
    for name, own, needed in zip(names, found, wanted, strict=True):
        if own < needed:
            raise QsimError(
                f"the bitstream is older than this qsim: its {name} has version {own}, {needed} is needed; "
                "build it again, or use the qsim that made it"
            )
        if own > needed:
            raise QsimError(
                f"the bitstream is newer than this qsim: its {name} has version {own}, {needed} is known; "
                "use the qsim that made it"
            )
