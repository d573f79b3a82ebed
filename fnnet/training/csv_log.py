"""`csv_log`: the rows of a stream in a file, for spreadsheets and pandas."""

import csv
import io
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from fnnet import files
from fnnet.errors import ConfigError, DataError, expected
from fnnet.training.progress import Item


def csv_log(stream: Iterable[Item], path: str | os.PathLike[str]) -> Iterator[Item]:
    """Write the row of every item of a stream to a CSV file, and hand the item on.

    The file is whole at every moment, see `fnnet.files`. Of an older one with the same columns the epochs before the
    first row are kept, so that a training that goes on goes on in its log.

    Args:
        stream: `(state, row)`, see `fit`; all rows with one set of names.
        path: of the file.

    Raises:
        ConfigError: a value is no number, or the names are not those of the rows before.
        DataError: the file that is there has other columns.
        OSError: it cannot be read or written.

    >>> import tempfile
    >>> rows = [(None, {"epoch": 1, "loss": 0.5}), (None, {"epoch": 2, "loss": 0.25})]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = list(csv_log(rows, f"{folder}/log.csv"))
    ...     print(Path(f"{folder}/log.csv").read_text())
    epoch,loss
    1,0.5
    2,0.25
    """
    lines: list[list[str]] | None = None
    for item in stream:
        row = item[1]
        for name, value in row.items():
            if not isinstance(value, int | float):
                fix = "leave it out of what is measured"
                raise ConfigError(expected(f"csv_log: {name}", "a number", f"a {type(value).__name__}", fix))
        if lines is None:
            lines = _before(Path(path), row)
        if lines[0] != list(row):
            raise ConfigError(expected("csv_log: names", ", ".join(lines[0]), ", ".join(row)))
        lines.append([repr(value) for value in row.values()])
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(lines)
        files.write(Path(path), [text.getvalue().encode()])
        yield item
        del item  # who asks for the next may have let it go


def _before(path: Path, row: Mapping[str, Any]) -> list[list[str]]:
    """The columns, and the lines of a log that is there already up to the epoch of this row."""
    if not path.exists():
        return [list(row)]
    with path.open(newline="", encoding="utf-8") as file:
        columns, *lines = list(csv.reader(file)) or [[]]
    if columns != list(row):
        wanted, got = f"the columns {', '.join(row)}", ", ".join(columns) or "none"
        raise DataError(expected(str(path), wanted, got, "name another file"))
    at = columns.index("epoch")
    return [columns, *(line for line in lines if int(line[at]) < row["epoch"])]
