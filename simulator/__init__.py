"""Simulated services for tests and demos. This package imports nothing from the product, nor the product from it."""
