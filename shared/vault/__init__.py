"""The only package where keys and plaintext meet."""
