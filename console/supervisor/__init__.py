"""Runs the parts of the stack on one machine: starts, watches, restarts and ends them."""
