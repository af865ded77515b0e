"""What a command line asks for: `CATEGORY:FIELD,FIELD`, once or more often."""

from collections.abc import Sequence

from node.domain.grant import Scope
from node.errors import ConfigError


def read_scopes(wants: Sequence[str]) -> list[Scope]:
    """The scope, as documents have it.

    Raises:
        ConfigError: one of them says something else.
    """
    fields: dict[str, set[str]] = {}
    for want in wants:
        category, colon, names = want.partition(":")
        if not colon or not names:
            raise ConfigError(f"--want {want}: say CATEGORY:FIELD,FIELD")
        fields.setdefault(category, set()).update(names.split(","))
    return [Scope(category, tuple(sorted(names))) for category, names in sorted(fields.items())]
