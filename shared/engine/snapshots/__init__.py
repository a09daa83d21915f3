"""Reading snapshots: manifests and records, and the jobs that show them to the process that asks."""
