"""Certificate authorities' services."""
