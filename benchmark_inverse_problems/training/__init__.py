"""Recipes of the bundled networks.

``python -m benchmark_inverse_problems train NAME`` runs one.
"""
