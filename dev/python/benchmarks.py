"""The queries of TPC-DS and ClickBench, and empty tables for them.

They are definitions of others, so they are not kept here: DuckDB's extension has those of TPC-DS with its generator, and
benchbox those of ClickBench. Both are installed, pinned, into a folder of their own beside the environment, since they need
another DuckDB than the tests do.
"""

import importlib.util
import os
import pathlib
import re
import subprocess
import sys

import duckdb

PACKAGES = ["benchbox==0.4.2", "duckdb==1.5.5", "duckdb-extension-tpcds==1.5.5"]

# Run with those packages: writes each table as an empty Parquet file, and each query as a text.
TPCDS = """
import duckdb, pathlib, sys
folder = pathlib.Path(sys.argv[1])
[extension] = pathlib.Path(sys.argv[2]).glob("duckdb_extension_tpcds/extensions/*/tpcds.duckdb_extension")
with duckdb.connect() as connection:
    connection.execute(f"LOAD '{extension}'")
    connection.execute("CALL dsdgen(sf = 0)")
    for (table,) in connection.execute("SHOW TABLES").fetchall():
        connection.execute(f"COPY (SELECT * FROM {table} LIMIT 0) TO '{folder / 'data' / table}.parquet' (FORMAT parquet)")
    for number, query in connection.execute("SELECT query_nr, query FROM tpcds_queries()").fetchall():
        (folder / "queries" / f"q{number}.sql").write_text(query)
"""


class Unavailable(Exception):
    """Why a benchmark cannot be had."""


def packages() -> pathlib.Path:
    """The folder with the packages, which are installed on first use."""
    folder = pathlib.Path(sys.prefix).parent / "benchmarks"
    stamp = folder / "packages.txt"
    wanted = "\n".join(PACKAGES)
    if not stamp.exists() or stamp.read_text() != wanted:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--upgrade", "--target", str(folder)]
        done = subprocess.run([*pip, *PACKAGES], capture_output=True, text=True)
        if done.returncode != 0:
            raise Unavailable(done.stderr.strip())
        stamp.write_text(wanted)
    return folder


def folders(folder: pathlib.Path) -> tuple[pathlib.Path, pathlib.Path]:
    """Where tables and queries go."""
    parts = folder / "data", folder / "queries"
    for part in parts:
        part.mkdir(parents=True)
    return parts


def tpcds(folder: pathlib.Path) -> tuple[str, dict[str, str]]:
    """The folder of its tables, and its queries by name."""
    data, queries = folders(folder)
    installed = packages()
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    run = subprocess.run(
        [sys.executable, "-c", TPCDS, str(folder), str(installed)], capture_output=True, text=True, env=environment
    )
    if run.returncode != 0:
        raise Unavailable(run.stderr.strip())
    return str(data), {path.stem: path.read_text().strip().rstrip(";") for path in queries.iterdir()}


def clickbench(folder: pathlib.Path) -> tuple[str, dict[str, str]]:
    """The same of ClickBench. Names are in small letters, as they are read where nothing quotes them."""
    data, _ = folders(folder)
    definitions = packages() / "benchbox" / "core" / "clickbench"
    columns = re.findall(r"- name: (\w+)\s+type: (\S+)", (definitions / "schema_specs.yaml").read_text())
    with duckdb.connect() as connection:
        listed = ", ".join(f"{name.lower()} {of}" for name, of in columns)
        connection.execute(f"CREATE TABLE hits ({listed})")
        connection.execute(f"COPY hits TO '{data}/hits.parquet' (FORMAT parquet)")
    source = importlib.util.spec_from_file_location("clickbench_queries", definitions / "queries.py")
    module = importlib.util.module_from_spec(source)
    source.loader.exec_module(module)
    queries = module.ClickBenchQueryManager()._load_queries()
    return str(data), {name.lower(): query.strip().rstrip(";") for name, query in queries.items()}
