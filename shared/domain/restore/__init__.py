"""Restores: their scope and rules, the plan of operations, and the map of old ids. Pure rules without I/O."""
