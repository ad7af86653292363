"""`python -m qsim` is the command `qsim`."""

from .cli import main

main()
