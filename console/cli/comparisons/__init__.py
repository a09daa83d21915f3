"""Reports of comparisons: as a table, JSON, CSV and an HTML page. Each is one generator of the report's bytes."""
