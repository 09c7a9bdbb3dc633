"""asyncpg, as `pgspec client --command` calls it: ACTION URL."""

import asyncio
import io
import sys

import asyncpg

action, url = sys.argv[1:]
if action not in ("ask", "copy", "cancel", "parameters", "zero-byte"):
    sys.exit(77)


async def act(connection):
    if action == "ask":
        return await connection.fetchval("select answer") == "42"
    if action == "copy":
        rows = io.BytesIO(b"".join(b"%d\n" % row for row in range(1000)))
        return await connection.copy_to_table("pgspec", source=rows) == "COPY 1000"
    if action == "cancel":
        try:
            # It cancels what takes too long, and waits for the end.
            await connection.fetchval("select pg_sleep(60)", timeout=0.3)
        except asyncio.TimeoutError:
            return not connection.is_closed()
        return False
    if action == "parameters":
        places = ",".join(f"${number}" for number in range(1, 65537))
        return await connection.fetchval(f"select {places}", *(["x"] * 65536)) == "42"
    if action == "zero-byte":
        return await connection.fetchval("select 'a\0b'") == "42"


async def main():
    connection = await asyncpg.connect(url)
    done = await act(connection)
    await connection.close()
    sys.exit(0 if done else 1)


asyncio.run(main())
