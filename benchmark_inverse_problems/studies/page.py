"""The page of the study of pretraining: one HTML file that needs no network."""

import html

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from ..gallery import to_png

HEAD = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<title>What pretraining does</title><style>
body { font: 16px/1.5 sans-serif; max-width: 70em; margin: 2em auto; padding: 0 1em }
table { border-collapse: collapse } td, th { padding: .2em .8em; text-align: right }
td:first-child, th:first-child { text-align: left } th { border-bottom: 1px solid }
img { width: 100%; image-rendering: pixelated; display: block }
figure { margin: 0 } figcaption { font-size: .8em; text-align: center }
.row { display: grid; grid-template-columns: repeat(6, 1fr); gap: .4em; margin: .4em 0 }
</style></head><body>"""
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
    """Singular values against their index, one line a stage, one plot a method."""
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
    """One line of pictures an image, with their PSNR."""
    lines = []
    for name, row in rows.items():
        figures = [picture(row["truth"], f"{name}: truth")]
        for kind, x in row["pictures"].items():
            figures.append(picture(x, f"{kind}: {row['psnr'][kind]:.2f} dB"))
        lines.append(f'<div class="row">{"".join(figures)}</div>')
    return "\n".join(lines)


def picture(x, caption):
    caption = html.escape(caption)
    return (
        f'<figure><img src="data:image/png;base64,{to_png(x)}" alt="{caption}">'
        f"<figcaption>{caption}</figcaption></figure>"
    )


def table(frame, digits):
    return frame.to_html(float_format=f"{{:.{digits}f}}".format, border=0)


def write_page(path, sections):
    """Write the page.

    Parameters
    ----------
    path : path
    sections : list of (str, str, *content)
        Heading, text, and what follows: plotly figures or HTML.
    """
    parts, script = [HEAD, "<h1>What pretraining does</h1>"], True
    for heading, text, *contents in sections:
        parts.append(f"<h2>{html.escape(heading)}</h2><p>{html.escape(text)}</p>")
        for content in contents:
            if isinstance(content, go.Figure):
                content = content.to_html(full_html=False, include_plotlyjs=script)
                script = False
            parts.append(content)
    path.write_text("\n".join([*parts, "</body></html>"]))
