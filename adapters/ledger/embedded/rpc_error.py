"""What a JSON-RPC answer says when it is not a result.

Source: JSON-RPC 2.0 section 5.1; EIP-1474 for -32000; geth for 3 (execution reverted, with its data).
"""

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
SERVER_ERROR = -32000
LIMIT_EXCEEDED = -32005
REVERTED = 3


class RpcError(Exception):
    """An answer with code, message and perhaps data; never a bug."""

    def __init__(self, code: int, message: str, data: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data

    @classmethod
    def refused(cls, message: str) -> "RpcError":
        """A well-formed request that the engine does not accept."""
        return cls(SERVER_ERROR, message)

    @classmethod
    def bad_params(cls, message: str) -> "RpcError":
        """The parameters are not what the method takes."""
        return cls(INVALID_PARAMS, message)

    def as_object(self) -> dict[str, object]:
        """The `error` member of the answer."""
        body: dict[str, object] = {"code": self.code, "message": self.message}
        if self.data is not None:
            body["data"] = self.data
        return body
