"""What a wallet remembers of its credit lines: the newest signed statement of each guarantor.

A guarantor that shows an old state again, or another history than before, is found out by its own two signatures.
"""

from node.config import replace_file
from node.domain.document import peek_document
from node.domain.line_statement import LineStatement, check_newer
from node.errors import ConfigError, LineHistoryError
from node.wallet.folder import LINES_FOLDER, WalletFolder


def keep_statement(wallet: WalletFolder, token: str, statement: LineStatement) -> None:
    """Keep a checked statement, if it goes on from the one that was kept.

    Raises:
        LineHistoryError: it does not; both are in the folder then, as evidence.
        ConfigError: the folder cannot be written.
    """
    folder = wallet.path / LINES_FOLDER
    kept = folder / f"{statement.iss}.jwt"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        before = kept.read_text(encoding="ascii").strip() if kept.exists() else ""
    except OSError as error:
        raise ConfigError(f"cannot use {folder}: {error.strerror}") from error
    if before:
        try:
            check_newer(peek_document(before, LineStatement), statement)
        except LineHistoryError as error:
            replace_file(folder / f"{statement.iss}.contradicting.jwt", token.encode())
            raise LineHistoryError(f"{error}; both statements are kept in {folder}") from error
    replace_file(kept, token.encode())
