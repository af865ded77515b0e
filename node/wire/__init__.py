"""What both gRPC edges share: the server (node/api) and the client of other nodes (adapters/peers)."""
