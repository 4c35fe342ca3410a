"""Parts of many files: what is wrong with some is named, what changes meanwhile ends the work."""

import os
import signal
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from flatfiles import damage, write_flat

import captools
from captools.engine.crew import Crew
from captools.errors import BadInputs, CaptoolsError, CaptoolsWarning, InputError, Unreachable
from captools.flat.collection import Collection
from captools.flat.parts import RowReader, cut, each_part
from captools.io.hdf5 import open_file


@pytest.fixture
def files(tmp_path):
    random = np.random.default_rng(0)
    return [
        write_flat(
            tmp_path / f"in/{name}.h5",
            {"x": random.normal(size=50), "y": random.normal(size=50), "h_li": np.arange(50.0)},
            compression="gzip",
            crs="EPSG:3031",
        )
        for name in "abc"
    ]


def test_a_server_that_drops_out_makes_no_input_bad(files):
    def drop_out(part):
        raise Unreachable("https://example.org: does not answer")

    with Crew(jobs=1) as crew, pytest.raises(Unreachable):
        list(each_part(crew, drop_out, cut(Collection(files).files, 20)))


@pytest.mark.parametrize(
    ("step", "output"),
    [("merge", "all.h5"), ("tile", "tiles"), ("export", "all.parquet"), ("export", "all.csv")],
)
@pytest.mark.parametrize("rows", [50, 20])
def test_a_file_that_is_replaced_meanwhile_ends_the_work(
    files, tmp_path, monkeypatch, step, output, rows
):
    reader = Collection.reader.fget
    columns = {"x": np.zeros(rows), "y": np.zeros(rows), "h_li": np.ones(rows)}

    def reader_after_a_change(collection):
        write_flat(files[1], columns, compression="gzip", crs="EPSG:3031")
        return reader(collection)

    monkeypatch.setattr(Collection, "reader", property(reader_after_a_change))
    more = {"size": 1.0} if step == "tile" else {}
    with pytest.raises(CaptoolsError, match=r"b\.h5: was changed meanwhile: run") as error:
        getattr(captools, step)(files, tmp_path / output, jobs=1, **more)
    assert not isinstance(error.value, InputError)  # which --skip-bad would leave out
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


@dataclass(frozen=True)
class DieAt:
    """Reads all files of a part, and dies at one of them, or before it reads if there is none."""

    path: Path | None
    reader: RowReader

    def __call__(self, part):
        for span in part.spans:
            if self.path is None:
                os.kill(os.getpid(), signal.SIGKILL)
            if span.file.path == self.path:
                with open_file(self.path):
                    os.kill(os.getpid(), signal.SIGKILL)
            self.reader.columns([span], ["h_li"])


def test_the_file_at_which_a_process_died_is_bad_and_those_behind_it_are_read(files):
    damage(files[2])
    collection = Collection(files)
    parts = [*cut(collection.files, 150), *cut(collection.files[:1], 50)]
    work = DieAt(files[1], collection.reader)
    with Crew(jobs=2, may_copy=True) as crew, pytest.raises(BadInputs) as bad:
        list(each_part(crew, work, parts))
    assert list(bad.value.errors) == [str(files[1]), str(files[2])]
    assert f"{files[1]}: its process died (SIGKILL" in str(bad.value)


def test_a_process_that_dies_without_a_file_makes_none_bad(files):
    collection = Collection(files)
    work, parts = DieAt(None, collection.reader), cut(collection.files, 75)
    with Crew(jobs=2, may_copy=True) as crew, pytest.raises(CaptoolsError) as error:
        list(each_part(crew, work, parts))
    assert not isinstance(error.value, InputError)
    error.match(r"^rows of .*a\.h5 and 1 file more: its process died \(SIGKILL")


def warn(number):
    warnings.warn("b.h5: is old", CaptoolsWarning, stacklevel=1)
    return number


def test_what_parts_of_a_file_warn_of_alike_is_said_once():
    with Crew(jobs=2, may_copy=True) as crew, pytest.warns(CaptoolsWarning) as said:
        assert [value for _, value in crew.each(warn, range(5))] == list(range(5))
    assert len(said) == 1
