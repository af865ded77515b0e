"""Figures of this machine, as ratios within one run: absolute numbers of noisy machines say little."""
