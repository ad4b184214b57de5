from benchopt import BasePlot

from benchmark_inverse_problems.report.names import harmless, labels
from benchmark_inverse_problems.report.pictures import (
    detail,
    error_map,
    framed,
    from_png,
    have_spreads,
    stored_pictures,
    zoom,
)
from benchmark_inverse_problems.report.rows import last_rows

SPREAD = "spread"
NOTES = {
    "image": "",
    "detail": ", enlarged",
    "error": ", error times 5",
    "error detail": ", error times 5, enlarged",
    SPREAD: ", error and its spread, times 5",
}


def views(df):
    """The views of some results; `SPREAD` where a method has one."""
    return [view for view in NOTES if view != SPREAD or have_spreads(df)]


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
    """Truth, measurement and reconstructions of the first image, best PSNR first.

    A detail is the crop where the truth has most contrast, the same for all pictures.
    The error is 5 |x_hat - x|. In the view `spread` the error that a method expects is
    beside the one that it makes. In the dashboard a click on a picture enlarges all
    pictures.
    """

    name = "gallery"
    type = "image"
    options = {"dataset": ..., "view": views}

    def plot(self, df, dataset, view):
        found = stored_pictures(last_rows(df, dataset))
        if not found:
            return []
        names = labels(df["solver_name"].unique(), origin=False)
        first = found[0][1]
        truth, measurement = (from_png(first[key]) for key in ("truth", "measurement"))
        images = [("truth", truth), ("measurement", measurement)]
        for solver, entry, psnr in found:
            name = names[solver].replace("[", "\n[").replace(",", ", ")
            for note, image in shown(entry, truth, view).items():
                images.append((f"{note}{name}\n{psnr:.2f} dB", image))
        if "detail" in view:
            place = detail(truth)
            images = [
                (text, zoom(x, place, truth.shape))
                if first["aligned"] or text != "measurement"
                else (text, x)
                for text, x in images
            ]
            images.insert(0, ("where the detail is", framed(truth, place)))
        return [{"image": image, "label": text} for text, image in images]

    def get_metadata(self, df, dataset, view):
        found = stored_pictures(last_rows(df, dataset))
        name = f", {found[0][1]['name']}" if found else ""
        return {
            "title": harmless(f"{dataset}{name}{NOTES[view]}"),
            "ncols": 4 if len(found) <= 10 else 6,
        }
