"""Writing to a directory: requests that are sent again only if Graph certainly did not carry them out."""
