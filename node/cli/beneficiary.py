"""`heqi beneficiary run`: gives guarantees back for their beneficiary, by its key and its rules, without a person."""

import argparse
import logging
import time
from collections import Counter
from pathlib import Path

from node.cli.output import say
from node.cli.wallet.people import add_wallet
from node.cli.wallet.session import passphrase
from node.domain.member import Member
from node.errors import NodeError, StoreError
from node.wallet.client import WalletClient
from node.wallet.folder import open_wallet
from node.wallet.guarantees import GuaranteeScribe
from node.wallet.releases import AgentRules, Waiting, load_rules, refusal, sign, waiting

logger = logging.getLogger(__name__)

_EPILOG = """\
受益人自己的进程，持有受益人的钱包；中心节点不能、也不会代签
the beneficiary's own process with the beneficiary's wallet: the centre's node neither can nor does sign for it
  heqi beneficiary run --wallet buyer --rules rules.toml --passphrase-file passphrase
规则 | rules.toml, what it may sign by itself; the rest waits for `heqi wallet releases`:
  centre = "centre-b"
  [[section]]
  section = "GC-2026-001-1"
  obligations = ["bid-return"]
  most_amount = "800000"
  guarantors = ["bank-x"]      # 可不填 | may be left out
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the commands."""
    parser.epilog = _EPILOG
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    one = commands.add_parser("run", help="按规则自动解保 | release by rules, again and again")
    one.add_argument("--rules", type=Path, required=True, help="规则文件 TOML | what it may sign")
    one.add_argument("--once", action="store_true", help="只做一轮 | one round, then end")
    add_wallet(one)
    one.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Ask, sign what the rules allow, and ask again; with --once the exit code is 1 if something was left."""
    wallet, rules = open_wallet(args.wallet), load_rules(args.rules)
    agent = Agent(rules, GuaranteeScribe(wallet.scribe(passphrase(args))), wallet.members())
    centre = wallet.member(rules.centre)
    while True:
        left = 0
        try:
            with WalletClient(centre) as client:
                left = agent.round(client)
        except StoreError:
            raise
        except NodeError as error:
            if args.once:
                raise
            say(f"暂不可用 {error.reason}", f"tried again later: {error}")
        if args.once:
            return 1 if left else 0
        time.sleep(rules.pause_seconds)


class Agent:
    """Signs by its rules; remembers nothing that is not told again by the centre, but what it has said."""

    def __init__(self, rules: AgentRules, writer: GuaranteeScribe, members: dict[str, Member]) -> None:
        self._rules, self._writer, self._members = rules, writer, members
        self._done: Counter[str] = Counter()
        self._told: set[tuple[str, str]] = set()

    def round(self, client: WalletClient) -> int:
        """One round over all sections; how many releases are left to a person.

        Raises:
            NodeError: what the centre refuses.
        """
        left = 0
        for rule in self._rules.section:
            for one in list(waiting(self._writer, client, self._members, rule.section)):
                left += not self._take(client, rule.section, one)
        return left

    def _take(self, client: WalletClient, section: str, one: Waiting) -> bool:
        why = refusal(self._rules, one, self._done[section])
        name = one.prepared.guarantee_id
        if why:
            if (name, why) not in self._told:
                self._told.add((name, why))
                say(f"留待人工 {name}", f"left to a person: {why}")
            return False
        if sign(self._writer, client, self._members, one):
            self._done[section] += 1
            say(f"已解保 {name}", f"released: {one.prepared.reason}")
        return True
