"""Restores: make a plan, check that it still fits, carry it out, and verify the result."""
