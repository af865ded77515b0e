"""The commands of `heqi`, one module each; `main.py` finds them."""
