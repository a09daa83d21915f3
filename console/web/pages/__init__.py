"""The pages. Each module decodes requests, calls the engine, and names a template."""
