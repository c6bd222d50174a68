"""Tables come back as they were written, also after kills and restarts; what is wrong is named."""

import numpy as np
import pytest

from gnncv.errors import InvalidArgument, OutputExists
from gnncv.files import TableWriter, read_colvar


def write_text(path, text):
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize("rows", [0, 1, 2, 64, 500])
def test_round_trip(tmp_path, rows):
    seed = rows + 5
    print("seed", seed)
    values = np.random.default_rng(seed).normal(size=(rows, 3)) * 10.0 ** np.arange(-8, 7, 7)
    path = tmp_path / "COLVAR"
    with TableWriter(path, ["time", "cv", "bias"], {"temperature": "82"}, digits=None) as writer:
        for row in values:
            writer.write(row)
        writer.flush()
        assert writer.position == path.stat().st_size
    table = read_colvar(path)
    assert table.fields == ["time", "cv", "bias"] and table.constants == {"temperature": "82"}
    assert len(table) == rows and table.dropped == 0
    assert np.array_equal(np.column_stack([table[name] for name in table.fields]), values)


@pytest.mark.parametrize("cut", range(1, 10))
def test_a_torn_last_row_is_dropped(tmp_path, cut):
    whole = "#! FIELDS time cv\n 0.0 1.25\n 1.0 2.25\n"
    table = read_colvar(write_text(tmp_path / "COLVAR", whole[:-cut]))
    assert table["cv"].tolist() == [1.25] and table.dropped == (cut < 9)


def test_repeated_headers_and_a_restart_after_a_torn_row(tmp_path):
    header = "#! FIELDS time cv\n#! SET kT 0.7\n"
    text = f"{header} 0.0 1.0\n 1.0 2.{header} 1.0 2.0\n# note\n\n"
    table = read_colvar(write_text(tmp_path / "COLVAR", text))
    assert table["cv"].tolist() == [1.0, 2.0] and table.dropped == 1 and table.constants == {"kT": "0.7"}


def test_several_files_are_joined(tmp_path):
    first = write_text(tmp_path / "a", "#! FIELDS time cv\n 0 1\n")
    second = write_text(tmp_path / "b", "#! FIELDS time cv\n 5 6\n")
    assert read_colvar([first, second])["cv"].tolist() == [1.0, 6.0]
    other = write_text(tmp_path / "c", "#! FIELDS time other\n 5 6\n")
    with pytest.raises(InvalidArgument, match="columns change from 'time cv' to 'time other'"):
        read_colvar([first, other])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no '#! FIELDS' header"),
        ("1 2\n", r"COLVAR:1: numbers before any"),
        ("#! FIELDS\n", "without column names"),
        ("#! FIELDS a a\n", "appears twice"),
        ("#! FIELDS time cv\n 0 1\n 1\n 2 3\n", r"COLVAR:3: 1 values for 2 columns"),
        ("#! FIELDS time cv\n 0 x\n", r"COLVAR:2: could not convert"),
        ("#! FIELDS time cv\n 0 1\n 1 nan\n", r"COLVAR:3: column cv is nan"),
        ("#! FIELDS time cv\n 0 inf\n", r"COLVAR:2: column cv is inf"),
        ("#! FIELDS time cv\n#! SET T 1\n#! SET T 2\n", "constant T changes from 1 to 2"),
    ],
)
def test_bad_tables_are_refused(tmp_path, text, message):
    with pytest.raises(InvalidArgument, match=message):
        read_colvar(write_text(tmp_path / "COLVAR", text))


def test_other_bad_input(tmp_path):
    with pytest.raises(InvalidArgument, match="does not exist"):
        read_colvar(tmp_path / "none")
    with pytest.raises(InvalidArgument, match="no file"):
        read_colvar([])
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(InvalidArgument, match="not a text file"):
        read_colvar(tmp_path / "binary")
    path = write_text(tmp_path / "COLVAR", "#! FIELDS time cv\n 0 nan\n")
    assert np.isnan(read_colvar(path, allow_nonfinite=True)["cv"][0])
    with pytest.raises(InvalidArgument, match=r"no column 'q6'; its columns are time, cv"):
        read_colvar(path, allow_nonfinite=True).column("q6")


def test_going_on_from_a_position_forgets_what_came_after(tmp_path):
    path = tmp_path / "COLVAR"
    with TableWriter(path, ["time", "cv"]) as writer:
        writer.write([0, 1])
        writer.flush()
        position = writer.position
        writer.write([1, 2])
    path.write_bytes(path.read_bytes() + b" 2.0 7.")  # and a torn row
    with TableWriter(path, ["time", "cv"], append_at=position) as writer:
        writer.write({"cv": 20, "time": 1})
    table = read_colvar(path)
    assert table["cv"].tolist() == [1.0, 20.0] and table.dropped == 0
    assert path.read_text().count("FIELDS") == 1


def test_a_writer_refuses_what_it_should(tmp_path):
    path = tmp_path / "COLVAR"
    with TableWriter(path, ["time", "cv"]) as writer:
        writer.write([0, 1])
        before = writer.position
        for row, message in [
            ([0, np.nan], "column cv .* nan"),
            ([0], "1 values for the 2"),
            ({"time": 0, "x": 1}, "the row has"),
        ]:
            with pytest.raises(InvalidArgument, match=message):
                writer.write(row)
        assert writer.position == before
    with pytest.raises(OutputExists, match="exists"):
        TableWriter(path, ["time", "cv"])
    size = path.stat().st_size
    for fields, position, message in [
        (["time", "cv"], size + 1, "only"),
        (["time", "cv"], size - 1, "within a line"),
        (["time", "q6"], size, "not 'time q6'"),
    ]:
        with pytest.raises(InvalidArgument, match=message):
            TableWriter(path, fields, append_at=position)
    assert path.stat().st_size == size
    with pytest.raises(InvalidArgument, match="does not exist"):
        TableWriter(tmp_path / "none", ["time"], append_at=10)
    for fields in ([], "time", ["a b"], ["a", "a"], ["#a"]):
        with pytest.raises(InvalidArgument):
            TableWriter(tmp_path / "new", fields)
    assert not (tmp_path / "new").exists()
    with TableWriter(path, ["time"], overwrite=True):
        pass
    assert read_colvar(path).fields == ["time"] and len(read_colvar(path)) == 0
