"""The only room where keys and plaintext meet."""
