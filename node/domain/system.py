"""A centre's own systems: their names and the roles in which they call their node."""

import enum
import re

from node.errors import CodeFormatError

_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
RESERVED_NAMES = frozenset({"node"})
"""The node's own name among actors."""
OPERATOR_NAME = "operator"
"""The system that `heqi` on the node's machine calls as."""


class SystemRole(enum.Enum):
    """What a system is for; docs/access.md says what each may call."""

    OPERATOR = "operator"
    """Runs the node: everything."""
    WRITER = "writer"
    """Hands records in, follows what becomes of them, checks guarantees: a trading system."""
    READER = "reader"
    """Reads: own records, other centres' data under grants, guarantees."""
    OFFICER = "officer"
    """A person, or a person's machine, that signs reads on a legal basis; two of them for each."""
    SUPERVISOR = "supervisor"
    """Sees what was done at the node, and no record of a subject or a trade."""


def check_system_name(name: str) -> str:
    """Return `name` if a system can have it.

    Raises:
        CodeFormatError: it is not `[a-z][a-z0-9-]{0,30}`, or reserved.
    """
    if not _NAME.fullmatch(name) or name in RESERVED_NAMES:
        raise CodeFormatError(
            "the name of a system has a small letter, then at most 30 of a-z 0-9 -; not 'node'"
        )
    return name
