"""Upkeep of the bucket: verify, sweep and rebuild."""
