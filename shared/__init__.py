"""The engine, whole, with ports on its edge."""
