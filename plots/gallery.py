from benchopt import BasePlot

from benchmark_inverse_problems.report.names import harmless, labels
from benchmark_inverse_problems.report.pictures import (
    detail,
    error_map,
    framed,
    from_png,
    stored_pictures,
    zoom,
)
from benchmark_inverse_problems.report.rows import last_rows

NOTES = {
    "image": "",
    "detail": ", enlarged",
    "error": ", error times 5",
    "error detail": ", error times 5, enlarged",
}


class Plot(BasePlot):
    """Truth, measurement and reconstructions of the first image, best PSNR first.

    A detail is the crop where the truth has most contrast, the same for all pictures.
    The error is 5 |x_hat - x|. In the dashboard a click on a picture enlarges all
    pictures.
    """

    name = "gallery"
    type = "image"
    options = {"dataset": ..., "view": list(NOTES)}

    def plot(self, df, dataset, view):
        found = stored_pictures(last_rows(df, dataset))
        if not found:
            return []
        names = labels(df["solver_name"].unique(), origin=False)
        first = found[0][1]
        truth, measurement = (from_png(first[key]) for key in ("truth", "measurement"))
        images = [("truth", truth), ("measurement", measurement)]
        for solver, entry, psnr in found:
            image = from_png(entry["reconstruction"])
            if "error" in view:
                image = error_map(image, truth)
            name = names[solver].replace("[", "\n[").replace(",", ", ")
            images.append((f"{name}\n{psnr:.2f} dB", image))
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
