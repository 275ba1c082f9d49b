"""The stock Python ADBC driver, driven line by line: a JSON request on stdin, its answer on stdout.

Times are taken here, around the driver's own calls, so that neither the pipe nor JSON is in them. A
result is read as a program would that does not want it in memory at once: `cursor.execute`, then
every batch of `cursor.fetch_record_batch()`.
"""

import json
import sys
import time

import adbc_driver_flightsql.dbapi as dbapi

connections = {}
kept = {}
held = {}


def connection(request):
    headers = request.get("headers") or {}
    key = (request["uri"], tuple(sorted(headers.items())))
    if key not in connections:
        options = {f"adbc.flight.sql.rpc.call_header.{k}": v for k, v in headers.items()}
        connections[key] = dbapi.connect(request["uri"], db_kwargs=options, autocommit=True)
        for statement in request.get("begin") or []:
            with connections[key].cursor() as cursor:
                cursor.execute(statement)
    return connections[key]


def drain(cursor):
    rows = batches = 0
    for batch in cursor.fetch_record_batch():
        rows += batch.num_rows
        batches += 1
    return rows, batches


def read(request):
    """One statement, to its end."""
    with connection(request).cursor() as cursor:
        start = time.perf_counter()
        cursor.execute(request["sql"])
        rows, batches = drain(cursor)
        return {"seconds": time.perf_counter() - start, "rows": rows, "batches": batches}


def keep(request):
    """Runs a statement and reads it once; its endpoints can then be read again."""
    with connection(request).cursor() as cursor:
        partitions, _ = cursor.adbc_execute_partitions(request["sql"])
    kept[request["uri"]] = partitions
    return again(request)


def again(request):
    """Reads the endpoints of a kept result, one after the other."""
    rows = batches = 0
    with connection(request).cursor() as cursor:
        start = time.perf_counter()
        for partition in kept[request["uri"]]:
            cursor.adbc_read_partition(partition)
            some, more = drain(cursor)
            rows, batches = rows + some, batches + more
        return {"seconds": time.perf_counter() - start, "rows": rows, "batches": batches}


def many(request):
    """One statement many times on one cursor: GetFlightInfo and DoGet each time, prepared once."""
    times = []
    with connection(request).cursor() as cursor:
        for _ in range(request["times"]):
            start = time.perf_counter()
            cursor.execute(request["sql"])
            rows, _ = drain(cursor)
            times.append(time.perf_counter() - start)
    return {"times": times, "rows": rows}


def hold(request):
    """Starts a statement and reads one batch; the rest waits for `next` or `release`."""
    cursor = connection(request).cursor()
    cursor.execute(request["sql"])
    reader = cursor.fetch_record_batch()
    held[request["uri"]] = (cursor, reader)
    return {"rows": reader.read_next_batch().num_rows}


def next_batch(request):
    try:
        return {"rows": held[request["uri"]][1].read_next_batch().num_rows}
    except StopIteration:
        return {"rows": 0}


def release(request):
    cursor, reader = held.pop(request["uri"])
    reader.close()
    cursor.close()
    return {"rows": 0}


def forget(request):
    """Closes every connection: what it held is given back before the next measurement."""
    for each in connections.values():
        each.close()
    connections.clear()
    kept.clear()
    return {"rows": 0}


OPERATIONS = {
    "read": read,
    "keep": keep,
    "again": again,
    "many": many,
    "hold": hold,
    "next": next_batch,
    "release": release,
    "forget": forget,
}


def main():
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = OPERATIONS[request["op"]](request)
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
