"""What the engine needs of the outside, one module a port."""
