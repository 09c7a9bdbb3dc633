"""Does the job `cancel` of molt-db-bench with asyncpg, and prints the same line of JSON.

Started by `benches/peers/cancel_asyncpg`, which makes an environment for it:

    benches/peers/cancel_asyncpg URL [sleep|busy] [how many queries]
"""

import asyncio
import json
import sys
import time

import asyncpg

SQL = {
    "sleep": "select 1 from pg_sleep(600)",
    "busy": "select 1 from (select generate_series(1, 9000000000) as g) as numbers having max(g) = 0",
}
HEAD_START = 0.005
WARM_UP = 10


async def give_up(connection, sql):
    """Gives a query up and returns how long it took until the connection had answered the next one."""
    query = asyncio.ensure_future(connection.execute(sql))
    await asyncio.sleep(HEAD_START)
    begin = time.perf_counter()
    query.cancel()
    try:
        await query
    except asyncio.CancelledError:
        pass
    await connection.fetchval("select 1")
    return time.perf_counter() - begin


async def main(url, victim="sleep", count="500"):
    connection = await asyncpg.connect(url)
    for _ in range(WARM_UP):
        await give_up(connection, SQL[victim])
    wall, cpu = time.perf_counter(), time.process_time()
    times = sorted([await give_up(connection, SQL[victim]) for _ in range(int(count))])
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    await connection.close()
    report = {
        "lane": "asyncpg",
        "job": "cancel",
        "table": victim,
        "n": len(times),
        "wall": round(wall, 6),
        "cpu": round(cpu, 6),
        "median": round(times[len(times) * 50 // 100], 6),
        "p99": round(times[len(times) * 99 // 100], 6),
    }
    print(json.dumps(report, separators=(",", ":")))


asyncio.run(main(*sys.argv[1:]))
