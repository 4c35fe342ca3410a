"""What days of real receivers have now and then, planted in simulated ones."""

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from captools.simulation.rinex_records import Body, Records
from captools.simulation.signals import NONE, Signals

ZERO_EVERY = 7  # of the strengths of the first code
GAP = np.array([12 * 3600, 13 * 3600], "m8[s]")  # of the day
WEAKER = 1000  # thousandths of a dB-Hz, in an epoch that comes again


def with_zeros(signals: Signals) -> Signals:
    """Return signals of which some strengths are zero, which means that there is none."""
    thousandths = signals.thousandths.copy()
    first = thousandths[:, 0]
    first[(first != NONE) & ((signals.epoch + signals.satellite) % ZERO_EVERY == 0)] = 0
    return replace(signals, thousandths=thousandths)


def planted(body: Body, defects: Collection[str]) -> Body:
    """Return what is observed with a gap, an epoch twice, or comments in the middle."""
    if "gap" in defects:
        body = _with_gap(body)
    if "repeated-epoch" in defects:
        body = _with_repeat(body, len(body.seconds) // 3)
    if "comments" in defects:
        body = replace(body, event=len(body.seconds) // 2)
    return body


def _with_gap(body: Body) -> Body:
    kept = (body.seconds < GAP[0]) | (body.seconds >= GAP[1])
    place = np.cumsum(kept) - 1
    records = [one.taken(kept[one.epoch]) for one in body.records]
    records = [replace(one, epoch=place[one.epoch]) for one in records]
    return replace(body, seconds=body.seconds[kept], records=records)


def _with_repeat(body: Body, epoch: int) -> Body:
    """Return the same with an epoch twice, of which the first is weaker: the last one counts."""
    seconds = np.insert(body.seconds, epoch, body.seconds[epoch])
    return replace(body, seconds=seconds, records=[_repeated(one, epoch) for one in body.records])


def _repeated(records: Records, epoch: int) -> Records:
    once = np.flatnonzero(records.epoch == epoch)
    both = records.taken(np.append(np.arange(len(records.epoch)), once))
    copies = np.arange(len(both.epoch)) >= len(records.epoch)
    later = ~copies & (both.epoch >= epoch)
    strengths = [place for place, name in enumerate(both.types) if name[0] == "S"]
    values = both.values.copy()
    values[np.ix_(copies, strengths)] -= WEAKER
    both = replace(both, epoch=both.epoch + later, values=values)
    return both.taken(np.lexsort((both.epoch, both.satellite)))
