"""`python -m node` is `heqi`."""

from node.cli.main import entry

entry()
