"""Notices: deliver what happened to the targets that people chose, also while a tenant's key is refused."""
