"""The library behind the plugins of the imaging inverse problems benchmark."""

__version__ = "0.1.0"
