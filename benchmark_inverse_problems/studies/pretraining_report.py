"""The report of the study of pretraining."""

import html

import pandas as pd
from plotly.subplots import make_subplots

from ..report.tables import formatted
from .page import picture, table, write_page

ERROR_GAIN = 3
RISES = ("rise (iterations)", "rise (s)")
RANKS = (0, 9, 29, 99)  # of the singular values in the table
COLOURS = ("#4477aa", "#66ccee", "#cc3311", "#ee7733", "#009988")


def curves(fits, rows):
    """PSNR of every seed against iterations and against seconds."""
    figure = make_subplots(1, 2, shared_yaxes=True, horizontal_spacing=0.03)
    for (name, runs), colour in zip(fits.items(), COLOURS, strict=False):
        for seed, run in enumerate(runs):
            psnr = run["psnr"].tolist()
            # A logarithmic axis has no zero: iteration 0 stands at 1/2.
            iterations = [0.5, *range(1, len(psnr))]
            for column, x in ((1, iterations), (2, run["seconds"].tolist())):
                figure.add_scatter(
                    x=x,
                    y=psnr,
                    name=name,
                    legendgroup=name,
                    showlegend=seed == 0 and column == 1,
                    line={"color": colour, "width": 1},
                    row=1,
                    col=column,
                )
    figure.add_hline(rows["DIP"]["steady PSNR"], line_dash="dot")
    figure.update_xaxes(type="log", title_text="iterations (the start at 1/2)", col=1)
    figure.update_xaxes(type="log", title_text="seconds", col=2)
    figure.update_yaxes(title_text="PSNR (dB)", col=1)
    return figure.update_layout(height=480, template="plotly_white")


def spectra(values):
    """Singular values against their index, one line per stage, one plot per method."""
    figure = make_subplots(
        1,
        len(values),
        shared_yaxes=True,
        subplot_titles=list(values),
        horizontal_spacing=0.03,
    )
    for column, (name, stages) in enumerate(values.items(), 1):
        for (stage, s), colour in zip(stages.items(), COLOURS, strict=False):
            figure.add_scatter(
                x=list(range(1, len(s) + 1)),
                y=s.tolist(),
                name=f"{name}, {stage}",
                line={"color": colour},
                row=1,
                col=column,
            )
    figure.update_xaxes(title_text="index")
    figure.update_yaxes(type="log")
    figure.update_yaxes(title_text="singular value of the Jacobian", col=1)
    return figure.update_layout(height=480, template="plotly_white")


def pictures(rows):
    """One row of pictures per image, with their PSNR."""
    lines = []
    for name, row in rows.items():
        figures = [picture(row["truth"], f"{name}: truth")]
        for kind, x in row["pictures"].items():
            figures.append(picture(x, f"{kind}: {row['psnr'][kind]:.2f} dB"))
        for kind in ("pretrained alone", "EDIP"):
            error = 0.5 + ERROR_GAIN * (row["pictures"][kind] - row["truth"])
            figures.append(picture(error, f"{kind}: error x {ERROR_GAIN}"))
        lines.append(f'<div class="row">{"".join(figures)}</div>')
    return "\n".join(lines)


def judge(rows):
    """EDIP against DIP, in one sentence."""
    edip, dip = rows["EDIP"], rows["DIP"]
    iterations, seconds = (edip[key] / dip[key] for key in RISES)
    gain = edip["steady PSNR"] - dip["steady PSNR"]
    return (
        f"EDIP rises in {iterations:.3f} of DIP's iterations and {seconds:.3f} of its "
        f"time, to a steady PSNR {gain:+.2f} dB away from DIP's."
    )


def report(path, fits, rows, values, gallery):
    """Write the page, and return its tables as Markdown.

    Parameters
    ----------
    path : path
    fits : dict
        {method: results of `fit`, one per seed}.
    rows : dict
        The result of `summarise`.
    values : dict
        {method: {stage: singular values}}.
    gallery : dict
        The result of `out_of_distribution`.
    """
    speed = pd.DataFrame(rows).T
    quality = {
        kind: pd.DataFrame({name: row[kind] for name, row in gallery.items()}).T
        for kind in ("psnr", "misfit", "null space")
    }
    for frame in quality.values():
        frame.loc["mean of the photographs"] = frame.iloc[1:].mean()
    shares = {
        f"{name}, {stage}": s / next(iter(stages.values()))[: len(s)]
        for name, stages in values.items()
        for stage, s in stages.items()
    }
    drift = pd.DataFrame(
        {k: [float(s[i]) for i in RANKS if i < len(s)] for k, s in shares.items()},
        index=[f"no. {i + 1}" for i in RANKS if i < len(next(iter(shares.values())))],
    ).T
    verdict = judge(rows)
    write_page(
        path,
        "What pretraining does",
        [
            (
                "How much faster is an educated network?",
                f"Shepp-Logan, 20 angles, 2 % noise; {len(fits['DIP'])} seeds. Rise: "
                "the first iteration within 0.1 dB of the steady PSNR of DIP "
                f"(dotted), which is the median over the last half. {verdict}",
                curves(fits, rows),
                table(speed, 2),
            ),
            (
                "What happens to the Jacobian?",
                "Leading singular values of the derivative of the image by the "
                "network's parameters. The table shows them relative to those before "
                "the fit.",
                spectra(values),
                table(drift, 2),
            ),
            (
                "Does it see ellipses in photographs?",
                "The pretrained network alone and what the fit to the measurement "
                "makes of it. PSNR in dB; misfit: standard deviation of Ax - y in "
                "those of the noise (1 is perfect); null space: the error in what the "
                "measurement does not see, relative to filling in nothing there (above "
                "1 more is invented than found).",
                pictures(gallery),
                *(
                    f"<h3>{html.escape(kind)}</h3>{table(frame, 2)}"
                    for kind, frame in quality.items()
                ),
            ),
        ],
    )
    tables = {"method": speed, "singular values": drift} | quality
    texts = [
        formatted(frame, "markdown", 2, label=title, counts=("seeds", RISES[0]))
        for title, frame in tables.items()
    ]
    return "\n\n".join([verdict, *texts])
