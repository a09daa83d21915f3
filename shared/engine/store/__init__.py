"""The store's mark, and a blob store that is used only while its mark is right."""
