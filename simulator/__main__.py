"""`python -m simulator graph|aws`: the other side of the wire as a process of its own."""

import argparse
import importlib
import sys


def main(argv: list[str]) -> int:
    """Hands the options on to the simulator named first; each is imported only when it is asked for."""
    parser = argparse.ArgumentParser(prog="python -m simulator")
    parser.add_argument("service", choices=("graph", "aws"), help="which service to simulate")
    parser.add_argument("options", nargs=argparse.REMAINDER, help="see `python -m simulator SERVICE --help`")
    given = parser.parse_args(argv)
    status: int = importlib.import_module(f"simulator.{given.service}").main(given.options)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
