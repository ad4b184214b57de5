from benchopt import BasePlot

from benchmark_inverse_problems.results import (
    detail,
    enlarge,
    error_map,
    harmless,
    last_rows,
    pictures,
    zoom,
)


class Plot(BasePlot):
    """Truth, measurement and reconstructions of the first image, best PSNR first.

    `detail` is the crop where the truth has most contrast; `error` is 5 |x_hat - x|.
    """

    name = "gallery"
    type = "image"
    options = {"dataset": ..., "view": ["image", "detail", "error"]}

    def plot(self, df, dataset, view):
        found = pictures(last_rows(df, dataset))
        if not found:
            return []
        first = found[0][1]
        truth = first["truth"]
        images = [("truth", truth), ("measurement", first["measurement"])]
        for solver, entry, psnr in found:
            image = entry["reconstruction"]
            if view == "error":
                image = error_map(image, truth)
            name = harmless(solver).replace("[", "\n[").replace(",", ", ")
            images.append((f"{name}\n{psnr:.2f} dB", image))
        if view == "detail":
            place = detail(truth)
            images = [
                (label, zoom(x, place, truth.shape))
                if first["aligned"] or label != "measurement"
                else (label, x)
                for label, x in images
            ]
        return [{"image": enlarge(image), "label": label} for label, image in images]

    def get_metadata(self, df, dataset, view):
        found = pictures(last_rows(df, dataset))
        name = f", {found[0][1]['name']}" if found else ""
        note = {"image": "", "detail": ", enlarged", "error": ", error times 5"}[view]
        return {
            "title": harmless(f"{dataset}{name}{note}"),
            "ncols": max(1, min(len(found) + 2, 4)),
        }
