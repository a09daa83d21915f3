"""Reading snapshots: their manifests, their chain, and the jobs that show records to the process that asks."""
