"""A trading system's client: docs/integrate.md explains it.

client.py ADDRESS MEMBER FOLDER append CLIENT [SEQUENCE]
client.py ADDRESS MEMBER FOLDER check FILE
"""

import sys
from pathlib import Path

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from heqi.v1 import guarantee_service_pb2 as guarantees
from heqi.v1 import guarantee_service_pb2_grpc, record_service_pb2_grpc
from heqi.v1 import record_pb2 as pb
from heqi.v1 import record_service_pb2 as records


def connect(address: str, member: str, folder: Path) -> grpc.Channel:
    """Mutual TLS: the node's key is pinned by its anchor, this system shows its own certificate."""
    files = ("node.pem", "key.pem", "cert.pem")
    credentials = grpc.ssl_channel_credentials(*((folder / name).read_bytes() for name in files))
    name = ("grpc.ssl_target_name_override", f"{member}.heqi")
    largest = ("grpc.max_receive_message_length", 16 << 20)
    return grpc.secure_channel(address, credentials, [name, largest])


def append(channel: grpc.Channel, client: str, sequence: int = 0) -> None:
    """Append a message and wait until it is final."""
    service = record_service_pb2_grpc.RecordServiceStub(channel)
    if not sequence:
        last = service.GetLastSequence(records.GetLastSequenceRequest(client_id=client), timeout=15)
        sequence = last.sequence + 1
    message = records.AppendRecordsRequest(
        client_id=client, sequence=sequence, await_final=True, records=[tender(f"ZB-2026-{sequence}")]
    )
    for answer in service.AppendRecords(iter([message]), timeout=600):
        if answer.HasField("accepted"):
            first, count = answer.accepted.first_position, answer.accepted.record_count
            print(f"ACCEPTED {answer.sequence}: {count} from {first}, {answer.accepted.parked_count} parked")
        else:
            print(f"FINAL {answer.sequence}: log size {answer.final.log_size}")


def tender(number: str) -> pb.Record:
    """A record with typed fields; a message that is sent again must hold the same."""
    fields = {
        "title": pb.Value(text="虚构路道路工程"),
        # Amounts are in yuan, never in ten thousand yuan: heqi catalogue show trade.tender.
        "value_amount": pb.Value(decimal="12800000.00"),
        "value_currency": pb.Value(text="CNY"),
        "tender_period_end": pb.Value(date="2026-03-23"),
        "lots": pb.Value(list=pb.ListValue(values=[pb.Value(text=t) for t in ("虚构区", "示例区")])),
    }
    return pb.Record(
        category="trade.tender",
        thing=number,
        source_system="example",
        occurred="2026-03-01T09:30:00+08:00",
        fields=[pb.NamedValue(name=name, value=value) for name, value in fields.items()],
    )


def check(channel: grpc.Channel, file: str) -> None:
    """Check a guarantee file."""
    service = guarantee_service_pb2_grpc.GuaranteeServiceStub(channel)
    answer = service.CheckGuarantee(guarantees.CheckGuaranteeRequest(file=file), timeout=15)
    print(f"{guarantees.CheckGuaranteeResponse.Verdict.Name(answer.verdict)}: {answer.reason}")
    if answer.HasField("terms"):
        print(f"{answer.terms.amount} {answer.terms.currency} for section {answer.terms.section}")


def explain(refusal: grpc.RpcError) -> None:
    """Show why a call was refused: the reason is stable, the message is for people."""
    info, status = error_details_pb2.ErrorInfo(), rpc_status.from_call(refusal)
    for detail in status.details if status else ():
        detail.Unpack(info)
    advice = info.metadata.get("advice", "")
    print(f"REFUSED {refusal.code().name} {info.reason}: {refusal.details()} ({advice})", file=sys.stderr)


def main(address: str, member: str, folder: str, *command: str) -> int:
    """Connect and do one thing."""
    with connect(address, member, Path(folder)) as channel:
        try:
            match command:
                case ["append", client, *sequence]:
                    append(channel, client, *map(int, sequence))
                case ["check", file]:
                    check(channel, Path(file).read_text(encoding="ascii").strip())
                case _:
                    sys.exit(__doc__)
        except grpc.RpcError as refusal:
            explain(refusal)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
