"""`python -m fnnet`: the command line, where the script `fnnet` is not on the path."""

import sys

from fnnet.runs.cli import main

if __name__ == "__main__":
    sys.exit(main())
