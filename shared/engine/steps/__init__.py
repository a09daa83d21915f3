"""A running step: its claim, the renewal of the claim, and its checkpoints."""
