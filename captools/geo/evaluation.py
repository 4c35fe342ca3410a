"""Arithmetic of whole arrays at once, by numexpr."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # products import this before help is shown, and numpy is slow to import
    import numpy as np


def evaluate(expression: str, values: Mapping[str, "np.ndarray"]) -> "np.ndarray":
    """Return what an expression makes of arrays, by name; on one thread.

    The cores are busy with other inputs. The import takes as long as a small granule, hence here.
    """
    import numexpr

    numexpr.set_num_threads(1)
    return numexpr.evaluate(expression, local_dict=values, global_dict={})
