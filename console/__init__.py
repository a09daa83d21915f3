"""A thin way to start the engine: the command line and the supervisor."""
