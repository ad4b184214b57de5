from benchopt import BasePlot

from benchmark_inverse_problems.report.names import heading, labels
from benchmark_inverse_problems.report.pictures import (
    detail,
    error_map,
    framed,
    from_png,
    have_spreads,
    image_numbers,
    stored_pictures,
    zoom,
)
from benchmark_inverse_problems.report.rows import last_rows

SPREAD = "spread"
ERROR = ", error"
NOTES = {
    "image": "",
    "detail": ", enlarged",
    "error": f"{ERROR} times 5",
    "error detail": f"{ERROR} times 5, enlarged",
    SPREAD: f"{ERROR} and its spread, times 5",
}
# What empty pages say.
FIRST_ONLY = "errors are drawn for the first image"
FEWER = "this problem has fewer images"


def views(df):
    """The views of some results; `SPREAD` where a method has one."""
    return [view for view in NOTES if view != SPREAD or have_spreads(df)]


def no_error(image, view):
    """Whether a view needs exact pictures, which only the first image has."""
    return image != "1" and NOTES[view].startswith(ERROR)


def shown(entry, truth, view):
    """{note: picture} of one reconstruction."""
    image = from_png(entry["reconstruction"])
    if view != SPREAD:
        return {"": error_map(image, truth) if "error" in view else image}
    if "spread" not in entry:
        return {}
    spread = from_png(entry["spread"])
    return {"error, ": error_map(image, truth), "spread, ": spread}


class Plot(BasePlot):
    """Truth, measurement and reconstructions of an image, best PSNR first.

    A detail is the crop where the truth has most contrast, the same for all pictures.
    The error is 5 |x_hat - x|; it is drawn for the first image, whose pictures are stored
    exactly. In the view `spread` the error that a method expects is beside the one that it
    makes. In the dashboard a slider compares two pictures, and a click on a picture
    enlarges all pictures.
    """

    name = "gallery"
    type = "image"
    options = {"dataset": ..., "image": image_numbers, "view": views}

    def plot(self, df, dataset, image, view):
        found = stored_pictures(last_rows(df, dataset), int(image) - 1)
        if not found or no_error(image, view):
            return []
        names = labels(df["solver_name"].unique(), origin=False)
        first = found[0][1]
        truth, measurement = (from_png(first[key]) for key in ("truth", "measurement"))
        images = [("truth", truth), ("measurement", measurement)]
        for solver, entry, psnr in found:
            name = names[solver].replace("[", "\n[").replace(",", ", ")
            for note, picture in shown(entry, truth, view).items():
                images.append((f"{note}{name}\n{psnr:.2f} dB", picture))
        if "detail" in view:
            place = detail(truth)
            images = [
                (text, zoom(x, place, truth.shape))
                if first["aligned"] or text != "measurement"
                else (text, x)
                for text, x in images
            ]
            images.insert(0, ("where the detail is", framed(truth, place)))
        return [{"image": picture, "label": text} for text, picture in images]

    def get_metadata(self, df, dataset, image, view):
        found = stored_pictures(last_rows(df, dataset), int(image) - 1)
        lines, aspect = [FEWER if image != "1" else "no pictures are stored"], 1
        if found:
            entry = found[0][1]
            height, width = from_png(entry["truth"]).shape[:2]
            aspect = width / height
            lines = [f"image {image}, {entry['name']}{NOTES[view]}", entry["layout"]]
            if no_error(image, view):
                lines.append(FIRST_ONLY)
        return {
            "title": heading(dataset, df["dataset_name"].unique(), *lines),
            "ncols": 4 if len(found) <= 10 else 6,
            # The width of the pictures over their height, for the dashboard.
            "aspect": 1 if "detail" in view else aspect,
        }
