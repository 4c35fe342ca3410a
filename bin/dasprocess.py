#!/usr/bin/env python3
"""Run the captools step of this file's name from a bare checkout."""

import sys
from pathlib import Path

if __name__ == "__main__":
    # The checkout in place of bin/, whose scripts bear the names of modules.
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
    from captools.__main__ import shim

    shim(__file__)
