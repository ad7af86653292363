"""What turns generated code into a running simulator: a compiler, a checked call, a cache of builds."""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

import platformdirs

from qsim.errors import QsimError

TAIL = 2000  # characters of a tool's output that an error repeats


def cxx() -> list[str]:
    """The command of a C++17 compiler: g++ or clang++ from PATH, else the one in the ziglang package.

    Raises
    ------
    QsimError
        If there is none; says what to install.
    """
    for name in ("g++", "clang++"):
        if path := shutil.which(name):
            return [path]
    if importlib.util.find_spec("ziglang"):
        return [sys.executable, "-m", "ziglang", "c++", "-fno-sanitize=undefined"]
    raise QsimError("no C++ compiler was found; install g++ or clang++, or run `pip install ziglang`")


def cc() -> list[str]:
    """The command of a C compiler: gcc or clang from PATH, else the one in the ziglang package.

    Raises
    ------
    QsimError
        If there is none; says what to install.
    """
    for name in ("gcc", "clang"):
        if path := shutil.which(name):
            return [path]
    if importlib.util.find_spec("ziglang"):
        return [sys.executable, "-m", "ziglang", "cc"]
    raise QsimError("no C compiler was found; install gcc or clang, or run `pip install ziglang`")


def script(name: str) -> Path:
    """A command that came with a package of this Python.

    Raises
    ------
    QsimError
        If it is not there; says what to install.
    """
    path = Path(sysconfig.get_path("scripts"), name)
    if not path.is_file():
        raise QsimError(f"{name} was not found; run `pip install 'qsim[formal]'`")
    return path


@cache
def cxx_version() -> str:
    """What the compiler says of itself; part of the key of everything it builds."""
    return run([*cxx(), "--version"], timeout=60)


def run(
    command: Sequence[str | Path],
    *,
    timeout: float,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> str:
    """The output, both streams in order, of a command that must end with status 0 within `timeout` seconds.

    Raises
    ------
    QsimError
        If it cannot be started, fails or takes too long; repeats the end of its output.
    """
    words = [str(word) for word in command]
    name = Path(words[0]).name
    with tempfile.TemporaryFile() as log:
        try:
            process = subprocess.Popen(
                words, cwd=cwd, env=env, start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip
        except OSError as error:
            raise QsimError(f"{name} could not be started: {error}") from None
        try:
            status = process.wait(timeout)
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            status = None
        log.seek(0)
        output = log.read().decode(errors="replace")
    if status == 0:
        return output
    what = f"took more than {timeout:g} s" if status is None else f"ended with status {status}, not 0"
    raise QsimError(f"{name} {what}; its output ends:\n{output[-TAIL:].strip() or '(nothing)'}")


def built(kind: str, parts: Sequence[str | bytes], build: Callable[[Path], None]) -> Path:
    """The folder that `build(folder)` filled, kept in the user's cache under `kind` and a hash of `parts`.

    `parts` must name everything that decides the content. The folder appears only if `build`
    succeeds; processes that want the same one at the same time wait for the first.
    """
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "little") + data)
    home = platformdirs.user_cache_path("qsim") / kind
    target = home / digest.hexdigest()[:32]
    try:
        home.mkdir(parents=True, exist_ok=True)
        lock = target.with_suffix(".lock").open("w")
    except OSError as error:
        raise QsimError(f"the cache {home} cannot be written: {error.strerror}") from None
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.is_dir():
            with tempfile.TemporaryDirectory(dir=home, prefix=".") as temporary:
                work = Path(temporary) / "work"
                work.mkdir()
                build(work)
                work.rename(target)
    return target
