"""Claims, phases, giving back, and the end of jobs."""
