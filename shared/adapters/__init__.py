"""One module or package an outside system."""
