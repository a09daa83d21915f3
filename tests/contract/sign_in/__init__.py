"""Ways to sign in to the console: contracts of their adapters."""
