"""A bidder's wallet: the key that speaks for a company in one alliance, and what it signs.

It is a client of nodes and shares no process with any. `heqi wallet` is its command line.
"""
