"""`python -m krai`, which is the command `krai`."""

import sys

from krai.cli.app import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
