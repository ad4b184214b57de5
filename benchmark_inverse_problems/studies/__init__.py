"""Studies that explain a method: ``python -m benchmark_inverse_problems.studies.NAME``."""
