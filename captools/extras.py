"""What is installed only where it is asked for."""

from importlib import import_module

from captools.errors import MissingExtra


def require(extra: str, *modules: str) -> None:
    """Import modules of an extra.

    Raises
    ------
    MissingExtra
        If one is not there; it names the extra.
    """
    for module in modules:
        try:
            import_module(module)
        except ModuleNotFoundError as error:
            raise MissingExtra(f"needs {error.name}: pip install 'captools[{extra}]'") from None
