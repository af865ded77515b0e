"""`heqi doctor`: what is wrong with a node, and what to do about it.

Probes (`node/probes.py`) bring facts; each check is a function from facts to findings, without I/O and without a
clock; `examination.py` runs the probes side by side, bounds their time, and hands each check what there is.
"""
