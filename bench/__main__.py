"""`make bench`."""

from bench import answering, appending, issuing, logging_in, proving, reading, recognising, workers
from bench.answering import Pace
from bench.sample import JSON_BYTES
from node.cli.output import print_table


def main() -> None:
    """Measure and print."""
    print(f"appending records of 15 fields, {JSON_BYTES} bytes of JSON, 500 a message, synced")
    rates = appending.measure()
    floor = rates["floor"]
    print_table(
        ("", "records/s", "of the floor"), [(n, f"{r:,.0f}", f"{r / floor:.2f}") for n, r in rates.items()]
    )
    print("\nthe same where worker processes prepare the messages, not over gRPC")
    beside = workers.measure()
    alone = beside["no worker"]
    print_table(
        ("", "records/s", "of none", "CPU µs a record, node's process", "all processes"),
        [
            (n, f"{one.rate:,.0f}", f"{one.rate / alone.rate:.2f}", f"{one.own:.0f}", f"{one.all:.0f}")
            for n, one in beside.items()
        ],
    )
    bad = appending.measure_parking()
    print(f"\nwith 1% bad records the rest is taken at {bad:.2f} of the rate without")
    _print_answers(answering.measure())
    _print_reads(reading.measure())
    print("\na login from its challenge to the session at a watching system, all in one process")
    login = logging_in.measure()
    both, least = login["challenge"] + login["answer to session"], login["parts"]
    rows = [
        ("challenge to session", login["answer to session"], login["answer to session"] / least),
        ("with the making of the challenge", both, both / least),
        ("three empty calls and a signature check", least, 1.0),
    ]
    print_table(("", "median ms", "ratio"), [(name, f"{ms:.1f}", f"{ratio:.2f}") for name, ms, ratio in rows])
    desk, limit = issuing.measure(), f"{issuing.MOST_MILLISECONDS:.0f}"
    print(
        "\nfrom application to issue by instant rules, drawn on a credit line: CPU of wallet and all nodes,\n"
        "without the ledger's engine and without what idling takes meanwhile"
    )
    rows = [(name, f"{ms:.0f}", "" if "idling" in name else limit) for name, ms in desk.items()]
    print_table(("", "median ms", "at most"), rows)
    costs = recognising.measure()
    signatures = costs.pop("two P-256 signatures")
    print(
        "\na delegation judged, its certificate's status known: CPU time against two bare P-256 signature checks"
    )
    print_table(("", "ms", "ratio"), [(n, f"{ms:.2f}", f"{ms / signatures:.1f}") for n, ms in costs.items()])
    print()
    print_table(("proofs", ""), [(name, f"{value:,.0f}") for name, value in proving.measure().items()])
    print()
    print_table(
        ("bundles", ""), [(name, f"{value:,.2f}") for name, value in proving.measure_bundles().items()]
    )


def _print_answers(paces: dict[str, Pace]) -> None:
    empty = paces["empty handler"]
    print("\nunary calls over mutual TLS, 32 in flight, client and server each a process;")
    print(f"few: {answering.FEW:,} guarantees in force, many: {answering.MANY:,}")
    print_table(
        ("", "calls/s", "of the empty", "p95 ms", "of the empty"),
        [
            (name, f"{p.rate:,.0f}", f"{p.rate / empty.rate:.2f}", f"{p.p95:.1f}", f"{p.p95 / empty.p95:.2f}")
            for name, p in paces.items()
            if "guard" not in name
        ],
    )
    believing, checking = (paces[f"empty behind a guard that {what}"].rate for what in ("believes", "checks"))
    print(
        f"\nknowing who calls and whether it may: {checking / believing:.2f} of the calls of the same listener "
        f"without it; the whole guard with its limits: {checking / empty.rate:.2f} of an empty handler"
    )


def _print_reads(times: dict[str, float]) -> None:
    refused = {name: ms for name, ms in times.items() if name.startswith("refused")}
    revoked = times.pop("revoked everywhere")
    reads = {name: ms for name, ms in times.items() if name not in refused}
    least = times["two empty calls and two synced puts"]
    print("\nan authorised read across centres, receipts durable on both sides, all in one process;")
    print(f"many: {reading.REGISTRATIONS:,} registrations with {reading.GRANTS} live grants each")
    print_table(
        ("", "median ms", "ratio"), [(n, f"{ms:.1f}", f"{ms / least:.2f}") for n, ms in reads.items()]
    )
    first = next(iter(refused.values()))
    print(f"\nhow long a reader waits for a refusal, {reading.REFUSALS:,} of each kind in turn")
    print_table(
        ("", "median ms", "ratio"), [(n, f"{ms:.3f}", f"{ms / first:.3f}") for n, ms in refused.items()]
    )
    print(f"\nfrom a revocation at one member until every node refuses: median {revoked:.0f} ms")


main()
