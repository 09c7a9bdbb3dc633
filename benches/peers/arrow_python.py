"""Does the job `arrow` of molt-db-bench with ADBC and connectorx, in turn with molt-db's own lanes, and prints medians.

Started by `benches/peers/arrow_python`, which makes an environment for it:

    benches/peers/arrow_python URL [--runs N] [--tls] [table ...]

Each run is a process of its own, of ours and of theirs. Importing, connecting and a warm-up of 1000 rows come before
what is measured, except that connectorx connects anew for every query. CPU is user and system time of all threads. The
peak is VmHWM, the most memory that the process ever had resident, with Python, pyarrow and the driver in it: the line
import-only tells what they take without a query. Every lane asks each batch how many bytes it has, and drops it;
connectorx holds the whole result.

The same values are not the same types everywhere: ADBC has numeric as text; connectorx has it as decimal(38, 10),
uuids as text, and lists with offsets of 64 bits. Only the rows are counted and compared: values are not.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

TABLES = ["w_fixed", "w_lineitem", "w_nulls", "w_random_nulls", "w_text", "w_arrays", "w_wide"]
OURS = ["floor", "ours", "ours-views"]
THEIRS = ["adbc", "connectorx", "import-only"]
WARM_UP = 1000


def adbc(url, table, measure):
    """Drains a reader of record batches."""
    import adbc_driver_postgresql.dbapi
    import pyarrow

    def drain(cursor, sql):
        cursor.execute(sql)
        rows = nbytes = 0
        for batch in cursor.fetch_record_batch():
            rows += batch.num_rows
            nbytes += batch.nbytes
        return rows, nbytes

    pyarrow.default_memory_pool()
    with adbc_driver_postgresql.dbapi.connect(url) as connection, connection.cursor() as cursor:
        drain(cursor, f"select * from {table} limit {WARM_UP}")
        return measure(lambda: drain(cursor, f"select * from {table}"))


def connectorx(url, table, measure):
    """Reads a table of record batches, whole."""
    import connectorx as cx
    import pyarrow

    def read(sql):
        result = cx.read_sql(url, sql, return_type="arrow")
        return result.num_rows, result.nbytes

    pyarrow.default_memory_pool()
    read(f"select * from {table} limit {WARM_UP}")
    return measure(lambda: read(f"select * from {table}"))


def import_only(url, table, measure):
    """Reads nothing."""
    import adbc_driver_postgresql.dbapi
    import connectorx
    import pyarrow

    pyarrow.default_memory_pool()
    return measure(lambda: (0, 0))


def measured(work):
    wall, cpu = time.perf_counter(), time.process_time()
    rows, nbytes = work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    report = {"wall": round(wall, 6), "cpu": round(cpu, 6), "rows": rows, "nbytes": nbytes}
    return report | {"peak_mib": round(peak_mib(), 1)}


def peak_mib():
    """Returns the peak of this program alone: ru_maxrss knows that of the one that was this process before."""
    with open("/proc/self/status") as status:
        lines = (line.split() for line in status)
        return next(int(words[1]) / 1024 for words in lines if words[0] == "VmHWM:")


def run_here(lane, table):
    lanes = {"adbc": adbc, "connectorx": connectorx, "import-only": import_only}
    report = {"lane": lane, "job": "arrow", "table": table} | lanes[lane](os.environ["DATABASE_URL"], table, measured)
    print(json.dumps(report, separators=(",", ":")))


def run_apart(lane, table, url, tls):
    """Runs a lane in a process of its own. Returns its report, or why there is none."""
    if lane in OURS:
        command = [os.environ["MOLT_DB_BENCH"], "run", lane, "arrow", "--table", table] + ["--tls"] * tls
    else:
        command = [sys.executable, __file__, "--one", lane, table]
    done = subprocess.run(command, env=os.environ | {"DATABASE_URL": url}, capture_output=True, text=True)
    if done.returncode == 0:
        sys.stderr.write(done.stdout)
        return json.loads(done.stdout), None
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    panics = [line for before, line in zip(lines, lines[1:]) if "panicked at" in before]
    return None, (panics or lines or [f"exit code {done.returncode}"])[-1].strip()


def compare(table, url, runs, tls):
    """Runs all lanes in turn, every other round in reverse. The first round is not counted."""
    reports, failures = {lane: [] for lane in OURS + THEIRS}, {}
    urls = {lane: url if lane in OURS else theirs(url, tls) for lane in OURS + THEIRS}
    for turn in range(runs + 1):
        lanes = [lane for lane in OURS + THEIRS if lane not in failures]
        for lane in reversed(lanes) if turn % 2 else lanes:
            report, failure = run_apart(lane, table, urls[lane], tls)
            if failure:
                failures[lane] = failure
            elif turn > 0:
                reports[lane].append(report)
    print_table(table, runs, tls, {lane: some for lane, some in reports.items() if some}, failures)


def theirs(url, tls):
    """Writes the URL for the other drivers; without TLS it has to say so."""
    if tls:
        return url
    parts = urlsplit(url)
    options = [(name, value) for name, value in parse_qsl(parts.query) if not name.startswith("ssl")]
    return urlunsplit(parts._replace(query=urlencode(options + [("sslmode", "disable")])))


def print_table(table, runs, tls, reports, failures):
    length = max(report["rows"] for some in reports.values() for report in some)
    rows = {report["rows"] for lane, some in reports.items() for report in some if lane != "import-only"}
    assert rows == {length}, f"{table}: lanes have read {rows} rows"
    middle = {
        lane: {figure: statistics.median(report[figure] for report in some) for figure in ("wall", "cpu", "peak_mib")}
        for lane, some in reports.items()
    }
    print(f"arrow {table}, n {length}{', TLS' * tls}: medians of {runs}, times in ns/row")
    head = f"{'lane':<14}{'wall':>10}{'cpu':>10}{'wall x ours':>14}{'cpu x ours':>13}"
    print(head + f"{'peak MiB':>10}{'cpu ours/it':>14}")
    for lane, figures in middle.items():
        wall, cpu, peak = figures["wall"], figures["cpu"], figures["peak_mib"]
        if lane == "import-only":
            print(f"{lane:<14}{'':>47}{peak:>10.1f}")
            continue
        ratios = f"{wall / middle['ours']['wall']:>14.2f}{cpu / middle['ours']['cpu']:>13.2f}"
        share = f"{middle['ours']['cpu'] / cpu:>14.3f}"
        print(f"{lane:<14}{wall * 1e9 / length:>10.1f}{cpu * 1e9 / length:>10.1f}{ratios}{peak:>10.1f}{share}")
    for lane, failure in failures.items():
        print(f"{lane} cannot: {failure[:200]}")
    sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser(description="ADBC and connectorx beside molt-db, on the job `arrow`.")
    parser.add_argument("url", help="what `molt-db-bench serve` prints")
    parser.add_argument("tables", nargs="*", default=TABLES, metavar="table", help="of " + ", ".join(TABLES))
    parser.add_argument("--runs", type=int, default=5, help="that count, after one that does not")
    parser.add_argument("--tls", action="store_true", help="over TLS, as the URL says")
    asked = parser.parse_intermixed_args()
    for table in asked.tables:
        compare(table, asked.url, asked.runs, asked.tls)


if sys.argv[1:2] == ["--one"]:
    run_here(*sys.argv[2:])
else:
    main()
