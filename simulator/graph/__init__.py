"""Microsoft Graph and the authority that gives tokens for it, simulated over HTTPS for one directory or several."""

from simulator.graph.serve import main

__all__ = ["main"]
