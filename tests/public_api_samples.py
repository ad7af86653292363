"""Functions whose docstrings lack something, for tests/test_public_api.py."""


def lacks_a_parameter(codes: list[int], limit: int) -> None:
    """Nothing.

    Parameters
    ----------
    codes : list of int
    """


def lacks_a_type(codes: list[int]) -> None:
    """Nothing.

    Parameters
    ----------
    codes
        Integers.
    """


def lacks_what_it_returns() -> int:
    """One."""
    return 1


def lacks_what_it_raises() -> None:
    """Nothing."""
    raise ValueError


class Lacks:
    """A class."""

    def method(self) -> None:
        pass
