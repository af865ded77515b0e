"""`make bench`."""

from bench import appending
from bench.sample import JSON_BYTES
from node.cli.output import print_table


def main() -> None:
    """Measure and print."""
    rates = appending.measure()
    rows = [(name, f"{rate:,.0f}", f"{rate / rates['floor']:.2f}") for name, rate in rates.items()]
    print(f"appending records of 15 fields, {JSON_BYTES} bytes of JSON, 500 a message, synced")
    print_table(("", "records/s", "of the floor"), rows)


main()
