"""The error that carries a fault in the source from where it is found to where it can be parked."""

from adapters.systems.ocds.outcome import Reason

# These say something about form or size, not about what the source states: only the part they are in is
# parked. Any other fault makes the statement itself doubtful and costs the whole section: an award must not
# turn up without the amount that could not be read.
PART_REASONS = frozenset({Reason.TOO_LARGE, Reason.TOO_DEEP, Reason.BAD_TEXT, Reason.BAD_KEY})


class FaultError(Exception):
    """Something in the source cannot go into a record."""

    def __init__(self, reason: Reason, message: str) -> None:
        self.reason = reason
        self.pointer = ""
        """RFC 6901, from the piece that is handled; built up on the way out."""
        super().__init__(message)
