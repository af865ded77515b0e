"""Whether two sets of runs can be told apart: permutation tests, exact whatever the numbers are and depend on.

If the two sets come from worlds that look alike, each split of all runs into two sets is as likely as the one that
was played. So the share of splits that differ at least as much is a p-value: it is at most α in a share α of such
games. Three measures of difference: the largest difference of mean ranks of any one number (Wilcoxon: it tends to be
larger); its largest Kolmogorov-Smirnov distance (it is otherwise spread); and how many nearest neighbours are of the
same set (what several numbers tell together; Schilling 1986, Henze 1988).

Source: Good, Permutation, Parametric and Bootstrap Tests of Hypotheses, 3rd ed., ch. 3; Phipson and Smyth 2010 (why 1
is added).
"""

import random
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence

Run = Mapping[str, float]
_NEIGHBOURS = 3


def p_values(
    one: Sequence[Run], other: Sequence[Run], splits: int, chance: random.Random
) -> dict[str, float]:
    """P-values of all measures; 1 where no number varies at all.

    Args:
        one: numbers of each run in the one world; what is not named is 0.
        other: in the other world.
        splits: random ones that are compared with the true one.
        chance: draws them.
    """
    runs = [*one, *other]
    columns = _varying(runs)
    if not columns:
        return {"larger": 1.0, "spread": 1.0, "together": 1.0}
    measures = {
        "larger": _largest_shift(columns),
        "spread": _largest_distance(columns),
        "together": _same_neighbours(columns),
    }
    labels = [True] * len(one) + [False] * len(other)
    return {name: _p_value(measure, labels, splits, chance) for name, measure in measures.items()}


def _varying(runs: Sequence[Run]) -> list[list[float]]:
    """The numbers that vary, each as its ranks in all runs; those that rank alike once."""
    found: dict[tuple[float, ...], None] = {}
    for name in sorted({name for run in runs for name in run}):
        values = [run.get(name, 0.0) for run in runs]
        ordered = sorted(values)
        ranks = tuple((bisect_left(ordered, one) + bisect_right(ordered, one)) / 2 for one in values)
        if len(set(ranks)) > 1:
            found[ranks] = None
    return [list(ranks) for ranks in found]


def _largest_shift(columns: Sequence[Sequence[float]]) -> Callable[[Sequence[bool]], float]:
    centred = []
    for column in columns:
        middle = sum(column) / len(column)
        scale = sum((rank - middle) ** 2 for rank in column) ** 0.5
        centred.append([(rank - middle) / scale for rank in column])

    def measure(labels: Sequence[bool]) -> float:
        first = [run for run, label in enumerate(labels) if label]
        return round(max(abs(sum(column[run] for run in first)) for column in centred), 9)

    return measure


def _largest_distance(columns: Sequence[Sequence[float]]) -> Callable[[Sequence[bool]], float]:
    orders = [sorted(range(len(column)), key=column.__getitem__) for column in columns]
    ends = [
        [
            place + 1 == len(order) or column[order[place]] != column[order[place + 1]]
            for place in range(len(order))
        ]
        for column, order in zip(columns, orders, strict=True)
    ]

    def measure(labels: Sequence[bool]) -> float:
        first = sum(labels)
        up, down = 1 / first, 1 / (len(labels) - first)
        largest = 0.0
        for order, is_end in zip(orders, ends, strict=True):
            height = 0.0
            for run, ends_here in zip(order, is_end, strict=True):
                height += up if labels[run] else -down
                if ends_here and abs(height) > largest:
                    largest = abs(height)
        return round(largest, 9)

    return measure


def _same_neighbours(columns: Sequence[Sequence[float]]) -> Callable[[Sequence[bool]], float]:
    runs = range(len(columns[0]))
    near = []
    for run in runs:
        distances = [(sum((one[run] - one[to]) ** 2 for one in columns), to) for to in runs if to != run]
        near.append([to for _, to in sorted(distances)[:_NEIGHBOURS]])

    def measure(labels: Sequence[bool]) -> float:
        return sum(labels[run] == labels[to] for run in runs for to in near[run])

    return measure


def _p_value(
    measure: Callable[[Sequence[bool]], float], labels: Sequence[bool], splits: int, chance: random.Random
) -> float:
    true, drawn, as_large = measure(labels), list(labels), 0
    for _ in range(splits):
        chance.shuffle(drawn)
        as_large += measure(drawn) >= true
    return (as_large + 1) / (splits + 1)
