from benchopt import BasePlot

from benchmark_inverse_problems.results import (
    MISSING,
    failed_cells,
    harmless,
    joined,
    last_rows,
    shown,
    summary,
    table_cells,
    table_text,
    threads_text,
)


class Plot(BasePlot):
    """One row a solver, best PSNR first; failed cells last, with their sentence."""

    name = "leaderboard"
    type = "table"
    options = {"dataset": ...}

    def plot(self, df, dataset):
        rows = last_rows(df, dataset)
        names = list(rows["solver_name"].unique())
        failures = failed_cells(dataset, names)
        names += [record["solver"] for record in failures]
        columns = {"Solver": [table_text(name) for name in names]}
        for key, column in shown(rows).items():
            scores = summary(rows, key).reindex(names)
            columns[key] = table_cells(scores["mean"], scores["std"], column)
        columns["psnr"] = [c.replace(MISSING, "failed") for c in columns["psnr"]]
        solvers = rows.groupby("solver_name")
        details = {
            "trials": solvers["objective_trials"].max(),
            "tuned": solvers["objective_tuned"].agg(joined),
            "images": solvers["objective_image"].nunique(),
        }
        for key, values in details.items():
            values = values.astype(object).reindex(names, fill_value="")
            columns[key] = [table_text(value) for value in values]
        if failures:
            passed = [""] * (len(names) - len(failures))
            columns["error"] = passed + [table_text(r["error"]) for r in failures]
        return [list(row) for row in zip(*columns.values(), strict=True)]

    def get_metadata(self, df, dataset):
        rows = last_rows(df, dataset)
        headers = [column.header for column in shown(rows).values()]
        failures = failed_cells(dataset, list(rows["solver_name"].unique()))
        return {
            "title": f"{harmless(dataset)}\nmean ± standard deviation over the images, "
            f"runtimes with {threads_text(rows)}",
            "columns": ["Solver", *headers, "Trials", "Tuned", "Images"]
            + (["Error"] if failures else []),
            "default_order_column": "PSNR",
            "default_order_ascending": False,
        }
