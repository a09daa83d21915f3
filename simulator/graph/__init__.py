"""Microsoft Graph and the authority that gives tokens for it, simulated over HTTPS for one directory."""

from simulator.graph.serve import main

__all__ = ["main"]
