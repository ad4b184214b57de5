"""Recipes that train the bundled networks: ``python -m benchmark_inverse_problems.training NAME``."""
