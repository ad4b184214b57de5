"""Settings and tables as texts."""


def listed(settings):
    """Settings as ``key=value,...``: words as they are, numbers with six digits."""
    return ",".join(
        f"{k}={v if isinstance(v, str) else format(v, '.6g')}"
        for k, v in settings.items()
    )


def either(words):
    """Some words or numbers as a list that ends with "or"."""
    *others, last = map(str, words)
    return f"{', '.join(others)} or {last}" if others else last


def plain_table(rows):
    """Lines of texts in columns: the first one at the left, the others at the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def markdown_table(header, rows, numbers=False):
    """A Markdown table.

    Parameters
    ----------
    header : list of str
    rows : list of list
        Cells; a bar in one does not end it.
    numbers : bool
        Whether all columns but the first one hold numbers, which stand at the right.
    """
    align = ["---", *["--:" if numbers else "---"] * (len(header) - 1)]
    lines = [
        [str(cell).replace("|", r"\|") for cell in line] for line in (header, *rows)
    ]
    texts = [f"| {' | '.join(line)} |" for line in lines]
    return "\n".join((texts[0], f"|{'|'.join(align)}|", *texts[1:]))
