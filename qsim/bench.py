"""`python -m qsim.bench` is `qsim bench`: every model on real test data, clean and attacked."""

import sys

from .cli import main

if __name__ == "__main__":
    main(["bench", *sys.argv[1:]])
