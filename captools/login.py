"""Logging in to NASA's Earthdata."""

from typing import Any


def log_in() -> Any:
    """Log in with what the environment tells."""
    import earthaccess

    return earthaccess.Auth().login(strategy="environment")
