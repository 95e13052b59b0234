"""`python -m farmcd_qgis.commands` is the command line."""

import sys

from .cli import main
from .console import guard_streams

if __name__ == "__main__":
    guard_streams()
    sys.exit(main(sys.argv[1:]))
