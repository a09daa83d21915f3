"""Tenants: adding one, and removing one with its keys."""
