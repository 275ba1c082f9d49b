"""Parquet files of a table as many writers leave them: sorted and saying so, with bounds of some columns or of none."""

import pathlib
import random

import pyarrow as pa
import pyarrow.parquet as parquet

SORTED_BY = ["id", "a", "b", "s", "d", "m", "n"]


def write(rng: random.Random, folder: pathlib.Path, rows: pa.Table, files: int) -> None:
    """The rows in so many files of several row groups, each file sorted or none, one after the other or in turns."""
    folder.mkdir()
    rows, sorting = rng.choice([as_it_is, in_order])(rng, rows)
    in_turns, step = rng.random() < 0.5, -(-len(rows) // files)
    for index in range(files):
        part = rows.take(list(range(index, len(rows), files))) if in_turns else rows.slice(index * step, step)
        parquet.write_table(
            part, folder / f"{index}.parquet", row_group_size=max(1, step // 3), sorting_columns=sorting,
            write_statistics=rng.choice([True, True, False, rng.sample(SORTED_BY, 3)]),
            use_dictionary=rng.random() < 0.5, write_page_index=rng.random() < 0.5,
        )


def as_it_is(_rng: random.Random, rows: pa.Table):
    return rows, None


def in_order(rng: random.Random, rows: pa.Table):
    order = [(rng.choice(SORTED_BY), rng.choice(["ascending", "descending"]))]
    nulls = rng.choice(["at_start", "at_end"])
    rows = rows.sort_by(order) if nulls == "at_end" else nulls_first(rows, order)
    return rows, parquet.SortingColumn.from_ordering(rows.schema, order, nulls)


def nulls_first(rows: pa.Table, order) -> pa.Table:
    column = rows[order[0][0]]
    return pa.concat_tables([rows.filter(column.is_null()), rows.filter(column.is_valid()).sort_by(order)])
