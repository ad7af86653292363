"""A Dask cluster as an executor of the standard library's kind."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from .errors import QsimError

RETRIES = 3  # of a task whose worker died
PATIENCE = 10  # seconds in which a scheduler must answer


@contextmanager
def cluster(address: str) -> Iterator[Executor]:
    """An executor whose tasks the workers of a scheduler do.

    Parameters
    ----------
    address : str
        Of the scheduler, such as `tcp://127.0.0.1:8786`.

    Raises
    ------
    QsimError
        If no scheduler answers there, or Dask is missing.
    """
    try:
        distributed: Any = import_module("distributed")
    except ModuleNotFoundError as error:
        raise QsimError(f"--scheduler needs the package {error.name}: pip install 'qsim[cluster]'") from None
    try:
        client = distributed.Client(address, timeout=PATIENCE)
    except (OSError, ValueError) as error:
        raise QsimError(f"no Dask scheduler answers at {address} ({error})") from None
    with client, client.get_executor(retries=RETRIES) as executor:
        yield executor
