"""Running the steps of jobs: claim, run, release, retry, and end."""
