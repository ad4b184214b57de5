"""HTML pages of studies, which load nothing from the network."""

import html

import plotly.graph_objects as go

from ..judge.pictures import to_png

HEAD = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<title>TITLE</title><style>
body { font: 16px/1.5 sans-serif; max-width: 70em; margin: 2em auto; padding: 0 1em }
table { border-collapse: collapse } td, th { padding: .2em .8em; text-align: right }
td:first-child, th:first-child { text-align: left } th { border-bottom: 1px solid }
img { width: 100%; image-rendering: pixelated; display: block }
figure { margin: 0 } figcaption { font-size: .8em; text-align: center }
.row { display: grid; grid-template-columns: repeat(7, 1fr); gap: .4em; margin: .4em 0 }
</style></head><body>"""


def picture(x, caption):
    caption = html.escape(caption)
    return (
        f'<figure><img src="data:image/png;base64,{to_png(x)}" alt="{caption}">'
        f"<figcaption>{caption}</figcaption></figure>"
    )


def table(frame, digits):
    return frame.to_html(float_format=f"{{:.{digits}f}}".format, border=0)


def write_page(path, title, sections):
    """Write a page of sections.

    Parameters
    ----------
    path : path
    title : str
    sections : list of (str, str, *content)
        Heading, text and content of each section. The content is plotly figures or
        HTML.
    """
    title = html.escape(title)
    parts, script = [HEAD.replace("TITLE", title), f"<h1>{title}</h1>"], True
    for heading, text, *contents in sections:
        parts.append(f"<h2>{html.escape(heading)}</h2><p>{html.escape(text)}</p>")
        for content in contents:
            if isinstance(content, go.Figure):
                content = content.to_html(full_html=False, include_plotlyjs=script)
                script = False
            parts.append(content)
    path.write_text("\n".join([*parts, "</body></html>"]), encoding="utf-8")
