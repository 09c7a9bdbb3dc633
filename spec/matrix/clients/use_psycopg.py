"""psycopg 3, as `pgspec client --command` calls it: ACTION URL."""

import sys
import threading

import psycopg

action, url = sys.argv[1:]
if action not in ("ask", "copy", "cancel", "parameters", "zero-byte"):
    sys.exit(77)


def is_answer(rows):
    return rows == [("42",)]


def copy(connection):
    with connection.cursor() as cursor:
        with cursor.copy("copy pgspec from stdin") as pipe:
            for row in range(1000):
                pipe.write(f"{row}\n")
        return cursor.statusmessage == "COPY 1000"


def cancel(connection):
    threading.Timer(0.2, connection.cancel).start()
    try:
        connection.execute("select pg_sleep(60)")
    except psycopg.errors.QueryCanceled:
        return True
    return False


with psycopg.connect(url, autocommit=True) as connection:
    if action == "ask":
        done = is_answer(connection.execute("select %s::text", ["x"]).fetchall())
    elif action == "copy":
        done = copy(connection)
    elif action == "cancel":
        done = cancel(connection)
    elif action == "parameters":
        places = ",".join(["%s"] * 65536)
        done = is_answer(connection.execute(f"select {places}", ["x"] * 65536).fetchall())
    elif action == "zero-byte":
        done = is_answer(connection.execute("select 'a\0b'").fetchall())
sys.exit(0 if done else 1)
