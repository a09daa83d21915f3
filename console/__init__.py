"""The command line and the supervisor: a thin layer that starts the engine."""
