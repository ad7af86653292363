"""`python -m qsim` is the command `qsim`."""

from .cli.main import main

main()
