"""``python -m console.cli``: the same as ``entrakeep``."""

import sys

from console.cli import main

if __name__ == "__main__":
    sys.exit(main())
