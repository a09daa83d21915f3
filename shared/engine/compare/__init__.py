"""Compare two snapshots, and find references of one snapshot to objects that do not exist in it."""
