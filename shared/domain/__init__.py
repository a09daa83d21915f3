"""Values and rules, no I/O, no vendor."""
