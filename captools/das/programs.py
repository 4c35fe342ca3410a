"""From a chain of methods to what is done to a window with its halo, and what without."""

from collections.abc import Sequence
from dataclasses import dataclass

from captools.das.chains import Call
from captools.das.methods import TIME, is_linear, leaves_no_trend, reach, takes_trend
from captools.das.tasks import Halo


@dataclass(frozen=True)
class Program:
    """A chain, arranged for windows.

    Attributes
    ----------
    near : tuple of Call
        Done to windows with their halo, which is then cut off.
    alone : tuple of Call
        Done to each window by itself, afterwards.
    halo : Halo
        What the first ones need.
    slow : tuple of Call
        Those to which samples far away matter a little.
    """

    near: tuple[Call, ...]
    alone: tuple[Call, ...]
    halo: Halo
    slow: tuple[Call, ...] = ()


def arrange(calls: Sequence[Call], rate: float, window: int, per_window: bool = False) -> Program:
    """Return what is to be done to windows.

    Parameters
    ----------
    calls : sequence of Call
        The chain.
    rate : float
        Samples per second of the records.
    window : int
        Samples of a window.
    per_window : bool
        Whether methods that depend on all samples may be given one window by itself. The halo is
        cut off before the first of them.

    Raises
    ------
    ValueError
        If a method depends on all samples and may not, or a window cannot be decimated so.
    """
    samples, step = 0, 1
    slow: list[Call] = []
    for number, call in enumerate(calls):
        if takes_trend(call) and _is_lost(calls[number + 1 :], rate / step):
            continue
        far = reach(call, rate / step, -(-window // step))
        if far.samples is None:
            if not per_window:
                raise ValueError(_why(call))
            near, alone = calls[:number], calls[number:]
            break
        samples += far.samples * step
        step *= far.step
        slow += [call] if far.is_slow else []
    else:
        near, alone = calls, ()
    if window % step:
        raise ValueError(f"a window of {window} samples is no multiple of {step}: decimate less")
    return Program(tuple(near), tuple(alone), Halo(samples, step), tuple(slow))


def _is_lost(calls: Sequence[Call], rate: float) -> bool:
    """Return whether of a line that is added nothing is left by what follows."""
    for call in calls:
        if leaves_no_trend(call, rate):
            return True
        if not is_linear(call):
            return False
        rate /= reach(call, rate, 1).step
    return False


def _why(call: Call) -> str:
    """Say that a method depends on all samples."""
    filtered = ", or let a pass_filter with a lower edge follow" if takes_trend(call) else ""
    return (
        f"{call.text!r} depends on all samples of {TIME}, not on a window: "
        f"--per-window does it to each window by itself{filtered}"
    )
