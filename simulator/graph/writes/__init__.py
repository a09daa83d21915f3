"""Writes through Graph: rules of each kind, creation, update, deletion, links, actions and the recycle bin."""
