"""The API: the documents of the command line over HTTP, for programs with a token."""
