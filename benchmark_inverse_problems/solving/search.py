"""The search of the best parameters: a pattern search, from coarse to fine.

It follows R. Hooke and T. A. Jeeves, "Direct Search Solution of Numerical and Statistical
Problems", Journal of the ACM, 1961, on the logarithms of the numbers.
"""

import math
from contextlib import suppress
from itertools import combinations, product

from ..support.parameters import Number

# Least gain in dB for which a step is taken.
TOLERANCE = 0.005
# Largest loss in dB to a neighbour between which and the best point no peak is missed.
NEAR = 0.1
# Halvings of the coarsest step at most, and trials at most, where no number of trials is
# asked for. Finer steps would follow the luck of methods that draw random numbers.
FINEST, MOST = 2, 150
# Halvings at most otherwise: more would not change the three digits of a number.
LAST = 7


class Exhausted(Exception):
    """There are no trials left."""


class PatternSearch:
    """The best of the points around it, and the best on each line through it.

    From the start, the search takes steps along one parameter after the other, as long as
    they gain more than `TOLERANCE`. Then it repeats the sum of these steps, as long as that
    gains. Where no step gains, the step is halved. It ends where the neighbours of the
    best point lose little (`NEAR`) and a parabola through them promises no more than
    `TOLERANCE`, for any number, and where no step along two numbers at once gains. So the
    best point has a tried neighbour on either side along each number, but at the end of the
    number's range, where one side is enough. A ridge that runs between the axes does not
    stop the search.

    Parameters
    ----------
    score : callable (**values) -> float
        What is maximised, in dB. NaN counts as the worst.
    parameters : dict
        {name: Number or Choice}
    trials : int
        Number of trials. The search goes on with finer steps until then, and ends there.
        0: as many as it takes.
    start : dict or None
        The first point, {name: value}, near which the best one is expected: the first step
        is half the coarsest. None: what the parameters state.

    Attributes
    ----------
    best : dict
        {name: value}
    scores : dict
        {values as a tuple: score} of all trials.
    """

    def __init__(self, score, parameters, trials=0, start=None):
        self.score, self.parameters = score, parameters
        self.trials, self.most = trials, trials or MOST
        self.scores = {}
        self.best = {name: p.first()[0] for name, p in parameters.items()}
        self.best |= {n: value for n, value in (start or {}).items() if n in self.best}
        with suppress(Exhausted):
            self.run(1 if start else 0)

    def value(self, point):
        """The score of a point; each point is tried once.

        Raises
        ------
        Exhausted
            If it would be one trial too many.
        """
        key = tuple(point.values())
        if key not in self.scores:
            if len(self.scores) == self.most:
                raise Exhausted
            found = self.score(**point)
            self.scores[key] = -math.inf if math.isnan(found) else found
        return self.scores[key]

    def run(self, first):
        """Search, from a number of halvings of the coarsest step."""
        self.value(self.best)
        for halvings in range(first, (LAST if self.trials else FINEST) + 1):
            step = 2.0**-halvings
            while self.improved(step) or self.slid(step, halvings):
                pass
            if not self.trials and self.settled(step):
                break

    def improved(self, step):
        """Take the steps along one parameter that gain; whether there was one."""
        before = self.best
        for name, parameter in self.parameters.items():
            for move in self.moves(name, parameter, step):
                self.taken(move)
        return self.followed(before)

    def slid(self, step, halvings):
        """Take the steps along two numbers at once that gain; whether there was one.

        They are tried where the search would end.
        """
        if halvings < FINEST and not self.settled(step):
            return False
        before = self.best
        for one, two in combinations(self.numbers(), 2):
            for first, second in product(
                self.moves(one, self.parameters[one], step),
                self.moves(two, self.parameters[two], step),
            ):
                self.taken(lambda p, first=first, second=second: second(first(p)))
        return self.followed(before)

    def taken(self, move):
        """Make a move as long as it gains."""
        while self.value(move(self.best)) > self.value(self.best) + TOLERANCE:
            self.best = move(self.best)

    def followed(self, before):
        """Whether the best point is another than before; then go on the same way."""
        if self.best == before:
            return False
        ratios = {n: self.best[n] / before[n] for n in self.numbers() if before[n]}
        self.taken(
            lambda p: (
                p | {n: self.parameters[n].rounded(p[n] * r) for n, r in ratios.items()}
            )
        )
        return True

    def moves(self, name, parameter, step):
        """What leads from a point to its neighbours along a parameter."""
        if not isinstance(parameter, Number):
            return [lambda p, word=word: p | {name: word} for word in parameter.first()]
        ratio = parameter.ratio**step

        def side(index):
            return lambda p: p | {name: parameter.around(p[name], ratio)[index]}

        return [side(0), side(1)]

    def settled(self, step):
        """Whether finer steps would gain little."""
        return all(self.settled_along(name, step) for name in self.numbers())

    def settled_along(self, name, step):
        """Whether finer steps along a number would gain little."""
        parameter = self.parameters[name]
        best = self.value(self.best)
        a, b = (
            max(0.0, best - self.value(self.best | {name: value}))
            for value in parameter.around(self.best[name], parameter.ratio**step)
        )
        if max(a, b) > NEAR:
            return False
        if parameter.at_bound(self.best[name]):
            return True
        return not a + b or (a - b) ** 2 / (8 * (a + b)) <= TOLERANCE

    def numbers(self):
        """The names of the parameters that are numbers."""
        return [n for n, p in self.parameters.items() if isinstance(p, Number)]

    def neighbours(self):
        """{number: [[value, score], ...]}, the nearest tried ones on either side."""
        found = {}
        for name in self.numbers():
            points = [
                dict(zip(self.parameters, key, strict=True)) for key in self.scores
            ]
            line = {
                point[name]: self.value(point)
                for point in points
                if point == self.best | {name: point[name]}
            }
            below = [v for v in line if v < self.best[name]]
            above = [v for v in line if v > self.best[name]]
            nearest = [
                *([max(below)] if below else []),
                *([min(above)] if above else []),
            ]
            found[name] = [[value, round(line[value], 3)] for value in nearest]
        return found
