"""The library behind the plugins of the imaging inverse problems benchmark."""

__version__ = "0.1.0"

__all__ = ["compare", "evaluate"]


def __getattr__(name):
    # On demand: the dashboard's pages use the package without torch.
    if name in __all__:
        from . import evaluation

        return getattr(evaluation, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
