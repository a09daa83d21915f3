"""Signing in to the console: the parts that need no server."""
