"""The web console: pages and an API over the engine, rendered on the server."""
