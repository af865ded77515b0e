"""Open Contracting Data Standard 1.0 and 1.1, as it is really published, to records.

Rules:
- One record per stated fact (`release`); a later release about the same thing is its next version
  (`history`). A release is taken as what was said on its date; releases are not merged.
- What cannot be used is parked in the smallest unit that leaves the rest true: a part that is too large or
  oddly formed by itself, an award with an unreadable amount as a whole award, a release without ocid as a
  whole release. Nothing stops the rest.
- Numbers keep their digits (`tree`, `convert`), dates their zone or the lack of it (`dates`).
- Contact points of officials and other data about people are left out and counted (PIPL: the least data
  that serves the purpose). This goes by key; names of people that stand inside free text, or of people who
  are themselves suppliers, are part of what was published and stay.
- Nothing is fetched: releases that are only linked are parked.
"""

from adapters.systems.ocds.outcome import Accepted, Outcome, Parked, Reason, Summary
from adapters.systems.ocds.reader import read_ocds

__all__ = ["Accepted", "Outcome", "Parked", "Reason", "Summary", "read_ocds"]
