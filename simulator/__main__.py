"""`python -m simulator graph|aws`: run one simulated service as a separate process."""

import argparse
import importlib
import sys


def main(argv: list[str]) -> int:
    """Run the simulator named by the first argument, and return its exit status. Only that simulator is imported."""
    parser = argparse.ArgumentParser(prog="python -m simulator")
    parser.add_argument("service", choices=("graph", "aws"), help="which service to simulate")
    parser.add_argument("options", nargs=argparse.REMAINDER, help="see `python -m simulator SERVICE --help`")
    arguments = parser.parse_args(argv)
    status: int = importlib.import_module(f"simulator.{arguments.service}").main(arguments.options)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
