"""Pages of a list: how many items, and from which number on."""

from node.errors import InvalidError

_DEFAULT_SIZE, _MAX_SIZE = 100, 1000


def size_of(page_size: int) -> int:
    """How many items the page has, from what the request asks for.

    Raises:
        InvalidError: a negative number was asked for.
    """
    if page_size < 0:
        raise InvalidError("page_size is negative")
    return min(page_size or _DEFAULT_SIZE, _MAX_SIZE)


def start_of(page_token: str) -> int:
    """Number of the page's first item.

    Raises:
        InvalidError: no page of this node ended with that token.
    """
    if page_token and not (page_token.isascii() and page_token.isdigit() and len(page_token) < 19):
        raise InvalidError("page_token is not one that this node gave")
    return int(page_token or 0)
