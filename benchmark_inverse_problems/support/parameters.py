"""What the parameters of plugins mean and may be, stated once, next to their values."""

import math

from .text import either

TUNED = "tuned"


class NotAllowed(ValueError):
    """A parameter has a value that it may not have; the message says what it may be."""


class Values(list):
    """The values of a parameter that run by default: a list, as benchopt takes it.

    Parameters
    ----------
    values : list
    meaning : str
        One short sentence.
    unit : str
        Unit of numbers, if they have one.
    """

    def __init__(self, values, meaning, unit=""):
        super().__init__(values)
        self.meaning, self.unit = meaning, unit

    tried = ""  # what is tried when the parameter is tuned, as a text

    def allowed(self):
        """What the parameter may be, as a text."""
        raise NotImplementedError

    def has(self, value):
        """Whether the parameter may be some value."""
        raise NotImplementedError

    def every(self):
        """All values that benchopt's `parameter=all` stands for, or None."""
        return None

    def taken(self, value):
        """A value as the plugin takes it."""
        return value


class Number(Values):
    """A number in a range.

    Parameters
    ----------
    values, meaning, unit
        See `Values`.
    above, least, most : float or None
        The range: the number is greater than `above`, not below `least`, not above `most`.
    whole : bool
        Whether it is a whole number.
    words : tuple
        Words, or None, that stand for a number.
    start, ratio : float or None
        With them the number may be tuned: the search starts at `start`, and its coarsest
        step multiplies and divides by `ratio`.
    """

    def __init__(
        self,
        values,
        meaning,
        unit="",
        *,
        above=None,
        least=None,
        most=None,
        whole=False,
        words=(),
        start=None,
        ratio=4,
    ):
        super().__init__(values, meaning, unit)
        self.above, self.least, self.most = above, least, most
        self.whole, self.words = whole, tuple(words)
        self.start, self.ratio = start, ratio
        if start is not None:
            self.words += (TUNED,)
            self.tried = f"{start:g}, then × and ÷ {ratio:g}, finer and finer"

    def allowed(self):
        kind = "a whole number" if self.whole else "a number"
        low = self.above if self.least is None else self.least
        if self.above is not None:
            bounds = f" above {self.above:g}"
            bounds += "" if self.most is None else f" and at most {self.most:g}"
        elif low is not None and self.most is not None:
            bounds = f" from {low:g} to {self.most:g}"
        elif low is not None:
            bounds = f" of at least {low:g}"
        else:
            bounds = "" if self.most is None else f" of at most {self.most:g}"
        return either([f"{kind}{bounds}", *self.words])

    def has(self, value):
        if isinstance(value, str | bool) or value is None:
            return not isinstance(value, bool) and value in self.words
        if not isinstance(value, int if self.whole else (int, float)):
            return False
        return (
            math.isfinite(value)
            and (self.above is None or value > self.above)
            and (self.least is None or value >= self.least)
            and (self.most is None or value <= self.most)
        )

    def every(self):
        return Shown(self.allowed())

    def first(self):
        """The values where a search starts."""
        return [self.start]

    def around(self, value, ratio):
        """The two neighbours of a value, a factor of `ratio` away, within the range."""
        return [self.rounded(value / ratio), self.rounded(value * ratio)]

    def rounded(self, value):
        """The nearest value with three digits in the range."""
        if self.least is not None:
            value = max(value, self.least)
        if self.most is not None:
            value = min(value, self.most)
        return round(value) if self.whole else float(f"{value:.3g}")

    def at_bound(self, value):
        """Whether no smaller or no greater number is allowed."""
        return value in (self.least, self.most)


class Choice(Values):
    """One of some words, numbers or truth values.

    Parameters
    ----------
    values, meaning, unit
        See `Values`.
    known : iterable
        All that it may be. Default: `values`.
    joined : bool
        Whether it may be several words, joined by ``-``.
    tried : list or None
        With it the parameter may be tuned: all that is tried.
    """

    def __init__(
        self, values, meaning, known=None, unit="", *, joined=False, tried=None
    ):
        super().__init__(values, meaning, unit)
        self.known = list(values if known is None else known)
        self.joined, self.candidates = joined, tried
        if tried is not None:
            self.known = [word for word in self.known if word != TUNED] + [TUNED]
            self.tried = ", ".join(map(str, tried))

    def allowed(self):
        text = either(self.known)
        return f"{text}; several are joined by -" if self.joined else text

    def has(self, value):
        if self.joined and isinstance(value, str) and value != TUNED:
            return all(
                word in self.known and word != TUNED for word in value.split("-")
            )
        # 1 is no truth value, and 2.0 is not 2.
        return any(value == word and type(value) is type(word) for word in self.known)

    def every(self):
        return self.known

    def first(self):
        """The values where a search starts."""
        return self.candidates


class Name(Values):
    """A name, such as that of a folder; a number counts as one."""

    longest = 100

    def allowed(self):
        return f"a name of at most {self.longest} characters"

    def has(self, value):
        named = isinstance(value, str) and 0 < len(value) <= self.longest
        return named and value.isprintable()

    def taken(self, value):
        whole = isinstance(value, int) and not isinstance(value, bool)
        return str(value) if whole else value


class Shown(str):
    """What `benchopt info` shows of a number.

    It equals "all": benchopt then takes ``parameter=all`` as it is and does not expand it.
    """

    def __iter__(self):
        yield str(self)

    def __eq__(self, other):
        return other == "all"

    __hash__ = str.__hash__


def text_of(parameters):
    """The parameters of a plugin as a section of its docstring."""
    lines = ["Parameters", "----------"]
    for name, values in parameters.items():
        if isinstance(values, Values):
            lines.append(f"{name} : {values.allowed()}")
            lines.append(f"    {values.meaning}")
            if values.unit:
                lines[-1] += f" Unit: {values.unit}."
    return "\n".join(lines) if len(lines) > 2 else ""


class DeclaredParameters:
    """A plugin that checks its parameters, and shows their meaning in its docstring.

    Attributes
    ----------
    refused : str
        What is wrong with the parameters, or "". The plugin raises it when it is used: a
        bad cell fails, and the others go on.
    """

    def __init_subclass__(cls, **settings):
        super().__init_subclass__(**settings)
        section = text_of(cls.__dict__.get("parameters", {}))
        if section and cls.__doc__:
            indented = section.replace("\n", "\n    ")
            cls.__doc__ = f"{cls.__doc__.rstrip()}\n\n    {indented}\n    "

    @classmethod
    def get_all_parameter_values(cls, name):
        """All values of a parameter, for benchopt's ``parameter=all``."""
        values = cls.parameters.get(name)
        return values.every() if isinstance(values, Values) else None

    @classmethod
    def refusal_of(cls, parameters):
        """What is wrong with some parameters, in one sentence for each, or ""."""
        return " ".join(
            f"{name}={parameters[name]} of {cls.name} is not allowed: use "
            f"{values.allowed()}."
            for name, values in cls.parameters.items()
            if isinstance(values, Values) and name in parameters
            if not values.has(values.taken(parameters[name]))
        )

    def save_parameters(self, **parameters):
        self.refused = self.refusal_of(parameters)
        for name, values in self.parameters.items():
            if isinstance(values, Values) and name in parameters:
                parameters[name] = values.taken(parameters[name])
        super().save_parameters(**parameters)

    def check_parameters(self):
        """Check the parameters.

        Raises
        ------
        NotAllowed
            If one of them has a value that is not allowed.
        """
        if self.refused:
            raise NotAllowed(self.refused)
