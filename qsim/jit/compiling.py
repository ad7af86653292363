"""How functions are compiled: into a cache that processes share, and as parts of others.

numba names machine code by module, qualified name, argument types and a number that counts up in each
process, and code from the cache on disk keeps the name that another process gave it. Where two functions
have all four in common the linker takes either for both. So a function that is made several times, by a
function around it, must say in its name what it is made for: `part_of`.
"""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from numba import config, njit
from numba.core.caching import FunctionCache
from numba.core.registry import cpu_target

FLAGS = {"nogil": True, "boundscheck": False}
PART = {**FLAGS, "error_model": "numpy", "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
part = njit(**PART)


def part_of(name: str, inline: str = "never") -> Callable[[Callable[..., None]], Any]:
    """`part` for a function that is made once for each `name`."""

    def compiled(function: Callable[..., None]) -> Any:
        function.__qualname__ += f".{name}"
        return njit(inline=inline, **PART)(function)

    return compiled


class _OneWriter(FunctionCache):
    """numba's cache, with one process at a time adding to it, and a key that may say more.

    Two that add code for different argument types would give both the same file, and one its contents.
    """

    def __init__(self, function: Callable[..., Any], key: str | None) -> None:
        super().__init__(function)
        self._key = key

    def _index_key(self, signature: Any, codegen: Any) -> Any:
        """With a key, that alone stands for what the function refers to; numba's own differs by process."""
        if self._key is None:
            return super()._index_key(signature, codegen)
        return signature, codegen.magic_tuple(), self._key

    def _save_overload(self, signature: Any, data: Any) -> None:
        self._impl.locator.ensure_cache_path()
        with (Path(self.cache_path) / f"{self._impl.filename_base}.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            super()._save_overload(signature, data)


def cached(
    signature: Any = None, key: str | None = None, **flags: Any
) -> Callable[[Callable[..., Any]], Any]:
    """`njit` with a cache on disk; compiles now if there is a signature, else when types are known.

    A function that is made by another one needs a `key` that changes whenever what it calls does, and a
    name of its own.
    """

    def compiled(function: Callable[..., Any]) -> Any:
        dispatcher = njit(**FLAGS, **flags)(function)
        if not config.DISABLE_JIT:
            dispatcher._cache = _OneWriter(function, key)
            if signature is not None:
                dispatcher.compile(signature)
                dispatcher.disable_compile()
        return dispatcher

    return compiled


@cache
def features() -> frozenset[str]:
    """What the processor has that code is compiled for, in LLVM's words."""
    _, _, listed = cpu_target.target_context.codegen().magic_tuple()
    return frozenset(feature[1:] for feature in listed.split(",") if feature.startswith("+"))


def sources() -> str:
    """A digest of all compiled code: numba watches a cached function's file, not those of what it calls."""
    packages = Path(__file__).parent, Path(__file__).parents[1] / "kernel"
    files = sorted(file for package in packages for file in package.rglob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
