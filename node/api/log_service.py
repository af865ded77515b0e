"""`LogService`: this node's log, and the others' as it has seen them."""

from heqi.v1 import log_service_pb2 as pb
from heqi.v1 import log_service_pb2_grpc as rpc

from node.api.caller import Context
from node.services.alliance import Alliance
from node.services.cosignatures import Cosignatures
from node.services.log import Log
from node.services.witness import Witness


class LogService(rpc.LogServiceServicer):
    """Reads `Log`, `Cosignatures` and `Witness`; settles alarms."""

    def __init__(self, alliance: Alliance, log: Log, cosignatures: Cosignatures, witness: Witness) -> None:
        self._alliance, self._log, self._cosignatures, self._witness = alliance, log, cosignatures, witness

    async def GetLogStatus(
        self, request: pb.GetLogStatusRequest, context: Context
    ) -> pb.GetLogStatusResponse:
        """See the proto."""
        size, me = self._log.size(), self._alliance.me
        response = pb.GetLogStatusResponse(
            size=size,
            anchored_size=self._alliance.projection.anchored_size(me),
            witnessed_size=self._cosignatures.witnessed_size(),
            needed_count=self._cosignatures.needed(),
            checkpoint=self._cosignatures.note(size) if size else "",
        )
        for name in [row.member.name for row in self._alliance.projection.members()]:
            if name != me:
                seen = self._witness.witnessed(name)
                response.logs.add(
                    member=name,
                    size=seen.size if seen else 0,
                    time_seconds=int(seen.time) if seen else 0,
                    problem=self._witness.problems.get(name, ""),
                )
        return response

    async def ListAlarms(self, request: pb.ListAlarmsRequest, context: Context) -> pb.ListAlarmsResponse:
        """See the proto."""
        response = pb.ListAlarmsResponse()
        for number, row in self._witness.alarms():
            response.alarms.add(
                number=number,
                member=row.member,
                fault=row.fault.value,
                time_seconds=int(row.time),
                checkpoint=row.note,
                known_checkpoint=row.known_note,
                anchor_size=row.anchor_size,
                anchor_root=row.anchor_root,
                settled=row.settled,
            )
        return response

    async def SettleAlarm(self, request: pb.SettleAlarmRequest, context: Context) -> pb.SettleAlarmResponse:
        """See the proto."""
        self._witness.settle(request.number)
        return pb.SettleAlarmResponse()
