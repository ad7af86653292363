"""How the pieces of the engine are compiled: as parts of one function, under names that never meet.

numba names machine code by module, qualified name, argument types and a number that counts up in each
process, and code from the cache on disk keeps the name that another process gave it. Where two functions
have all four in common the linker takes either for both. So a function that is made several times, by a
function around it, must say in its name what it is made for: `part_of`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba import njit

FLAGS = {
    "nogil": True,
    "boundscheck": False,
    "error_model": "numpy",
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
}
part = njit(**FLAGS)


def part_of(name: str, inline: str = "never") -> Callable[[Callable[..., None]], Any]:
    """`part` for a function that is made once for each `name`."""

    def compiled(function: Callable[..., None]) -> Any:
        function.__qualname__ += f".{name}"
        return njit(inline=inline, **FLAGS)(function)

    return compiled


def sources() -> str:
    """A digest of this package: numba watches the file of a cached function, not those of what it calls."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
