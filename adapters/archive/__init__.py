"""Archives of nodes on disk."""
