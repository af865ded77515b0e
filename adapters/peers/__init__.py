"""The `Peers` port: other members’ nodes."""
