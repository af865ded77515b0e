"""Keys, signatures and certificates that a node holds."""
