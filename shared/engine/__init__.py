"""One module or package a verb."""
