"""gRPC in: authenticate, translate, call one service, translate back."""
