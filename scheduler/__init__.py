"""A thin way to start the engine: beat."""
