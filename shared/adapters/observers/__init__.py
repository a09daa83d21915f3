"""The listeners of the engine: several at once, the log, and the totals of usage in SQL."""
