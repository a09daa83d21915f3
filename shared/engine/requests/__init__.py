"""Use cases: one function each, for the command line, the API and pages alike."""
