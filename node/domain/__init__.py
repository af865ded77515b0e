"""The rules: pure, bytes in, verdict out. No I/O, no clock, no randomness."""
