"""Lines of a table's long names may break: mkdocs calls `on_page_content`."""

import re


def on_page_content(html, **_):
    """Let the names in a page's tables break after a bracket, a comma, = and _."""

    def breakable(cell):
        texts = re.split(r"(<[^>]*>)", cell[0])
        texts[::2] = (
            re.sub(r"([\[,=_])(?=\S)", r"\1<wbr>", text) for text in texts[::2]
        )
        return "".join(texts)

    return re.sub(r"<t[hd][ >].*?</t[hd]>", breakable, html, flags=re.DOTALL)
