"""The engine's interfaces to the outside, one module for each port."""
