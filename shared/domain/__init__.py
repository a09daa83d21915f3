"""Values and rules, without I/O and without any vendor."""
