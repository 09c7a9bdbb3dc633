"""Answers questions about connection strings by asking libpq, a line for each line of input.

`options`       every option, as `name variable`
`parse HEX`     what PQconninfoParse makes of the string: `ok name=HEX ...`, or `error`
`connect HEX`   what PQconnectdb makes of it, where nobody listens on port 1 of 127.0.0.1: `ok` if it got as far as to
                dial, or `error HEX` with the message
`look_up HEX`   what PQconnectStart adds to the string, out of a service or a password file: as `parse`
"""

import sys

from psycopg import pq

DIALLED = "Connection refused"


def options():
    known = pq.Conninfo.get_defaults()
    return " ".join(f"{option.keyword.decode()}={(option.envvar or b'').decode()}" for option in known)


def parse(text):
    try:
        found = pq.Conninfo.parse(text)
    except Exception:
        return "error"
    given = [f"{option.keyword.decode()}={option.val.hex()}" for option in found if option.val is not None]
    return " ".join(["ok", *given])


def connect(text):
    message = pq.PGconn.connect(text).error_message
    return "ok" if DIALLED.encode() in message else f"error {message.hex()}"


def look_up(text):
    connection = pq.PGconn.connect_start(text)
    found = {option.keyword.decode(): option.val for option in connection.info if option.val is not None}
    if "port" not in found:
        # Nothing is taken over from what cannot be read.
        return "error"
    found["password"] = connection.password
    return " ".join(["ok", *(f"{name}={value.hex()}" for name, value in found.items())])


def answer(question):
    kind, _, text = question.strip().partition(" ")
    text = bytes.fromhex(text)
    if kind == "version":
        return str(pq.version())
    kinds = {"options": lambda _: options(), "parse": parse, "connect": connect, "look_up": look_up}
    return kinds[kind](text)


for line in sys.stdin:
    print(answer(line), flush=True)
