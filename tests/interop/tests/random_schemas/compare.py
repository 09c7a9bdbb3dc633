"""`compare.py FOLDER` compares what lies in the folder, and what the others read, with the server's texts, value by value.

The texts are what the server's own functions of output write, as psycopg hands it through untouched. What is bytes where
the type is not has to be the very bytes of the wire.
"""

import ipaddress
import json
import sys
from collections import Counter
from pathlib import Path

import adbc_driver_postgresql.dbapi as adbc
import psycopg
import pyarrow as pa
from psycopg.adapt import Transformer
from psycopg.pq import Format
from psycopg.types.json import set_json_loads

from peers import REFUSED, RULES
from shown import FORMATS, base, dimensions, flat, leaves, narrow, plain, text

WIRE = "bytes of the wire"
AS_BYTES = {"bytea", "uuid", "macaddr", "macaddr8"}
counts, skipped, failures = Counter(), Counter(), []


class Case:
    """A value that a reader does not see as the server does."""

    def __init__(self, of, expected, value, error):
        self.of, self.text, self.value, self.error = of, expected, value, error
        self.has_failed = error is not None


def check(reader, place, of, expected, wire, read):
    """Compares one value; `read` returns it."""
    value, error = None, None
    try:
        value = read()
        is_same, how = same(of, value, expected, wire)
    except Exception as failure:
        is_same, how, error = False, "", f"{type(failure).__name__}: {failure}"
    # Every type has a form of its own here.
    if is_same and not (how == WIRE and reader == "molt-db arrow"):
        counts[reader, how] += 1
        return
    case = Case(of, expected, value, error)
    for who, rule, applies in RULES:
        if who == reader.split(" ")[0] and expected is not None and applies(case):
            skipped[reader, rule] += 1
            return
    failures.append(((reader, name(of)), f"{reader}: {place}, {name(of)}: {expected!r} is {value!r} {error or ''}"))


def same(of, value, expected, wire):
    """Whether a value is the server's, and how that was found: by its text or by the bytes of the wire."""
    if value is None or expected is None:
        return value is expected, "NULLs"
    if isinstance(value, (bytes, memoryview)) and base(of).get("name") not in AS_BYTES:
        return bytes(value) == wire, WIRE
    if isinstance(value, (list, tuple)) and has_wire(of, value):
        return wire_list(of, value, wire), WIRE
    if base(of).get("name") in ("inet", "cidr"):
        return ipaddress.ip_interface(str(value)) == ipaddress.ip_interface(expected), "texts"
    return text(of, value) == expected, "texts"


def has_wire(of, value):
    """Whether there are bytes inside where there should be none."""
    of = base(of)
    if of["kind"] == "array":
        parts = [(of["of"], element) for element in flat(value)]
    elif of["kind"] == "composite":
        parts = [(part, element) for (_, part), element in zip(of["attributes"], value)]
    else:
        return False
    for part, element in parts:
        if isinstance(element, (bytes, memoryview)) and base(part).get("name") not in AS_BYTES:
            return True
        if isinstance(element, (list, tuple)) and has_wire(part, element):
            return True
    return False


def wire_list(of, value, wire):
    """Whether bytes inside are the parts of the wire, and so are the texts of everything else: these are taken as seen."""
    of = base(of)
    if of["kind"] == "array":
        parts, value = [(of["of"], part) for part in wire_elements(wire)], flat(value)
    else:
        parts = [(part, field) for (_, part), field in zip(of["attributes"], wire_fields(wire))]
    assert len(parts) == len(value), value
    for (part, found), element in zip(parts, value):
        if element is None or found is None:
            if element is not found:
                return False
        elif isinstance(element, (bytes, memoryview)):
            if bytes(element) != found:
                return False
        elif isinstance(element, (list, tuple)) and has_wire(part, element) and not wire_list(part, element, found):
            return False
    return True


def wire_elements(wire):
    word = lambda at: int.from_bytes(wire[at : at + 4], "big", signed=True)
    return lengths(wire, 12 + 8 * word(0), 0)


def wire_fields(wire):
    return lengths(wire, 4, 4)


def lengths(wire, at, before):
    """Parts behind their lengths, and each with so many bytes in front of its length."""
    parts = []
    while at < len(wire):
        at += before
        length = int.from_bytes(wire[at : at + 4], "big", signed=True)
        at += 4
        parts.append(None if length < 0 else wire[at : at + length])
        at += max(length, 0)
    return parts


def name(of):
    if of["kind"] == "array":
        return name(of["of"]) + "[]"
    if of["kind"] == "domain":
        return f"{of['name']} over {name(of['of'])}"
    return of["name"] + of.get("modifier", "")


def refused(reader, of, texts, error):
    for who, rule, applies in REFUSED:
        if who == reader.split(" ")[0] and applies(of, texts, error):
            skipped[reader, rule] += len(texts)
            return
    failures.append(((reader, name(of)), f"{reader}: {name(of)}: {error}"))


def result(connection, sql, form):
    cursor = connection.cursor(binary=form == Format.BINARY)
    cursor.execute(sql)
    return cursor.pgresult


def column_of(found):
    return [found.get_value(row, 0) for row in range(found.ntuples)]


def check_table(folder, connection, peer, table):
    with pa.ipc.open_stream(folder / table["name"]) as stream:
        batches = list(stream)
        schema = stream.schema
    for batch in batches:
        batch.validate(full=True)
    ours = pa.Table.from_batches(batches, schema)
    typed = json.loads((folder / (table["name"] + ".typed")).read_text())
    loader = Transformer(connection)
    for position, (column, shown, of) in enumerate(zip(table["columns"], table["shown"], table["types"])):
        place = f"{table['name']}.{column}"
        from_table = f"from {table['name']} order by n"
        texts = [value if value is None else value.decode() for value in column_of(result(connection, f"select {shown} {from_table}", Format.TEXT))]
        wires = [None] * len(texts)
        for form, reader in [(Format.TEXT, "psycopg text"), (Format.BINARY, "psycopg binary")]:
            try:
                found = result(connection, f"select {column} {from_table}", form)
            except psycopg.Error as error:
                refused(reader, of, texts, error)
                continue
            raw = column_of(found)
            if form == Format.BINARY:
                wires = raw
            if form == Format.TEXT and shown != column:
                continue
            load = loader.get_loader(found.ftype(0), form).load
            for expected, wire, value in zip(texts, wires, raw):
                check(reader, place, of, expected, wire, lambda: None if value is None else dimensions(load(value)))
        values = plain(ours.column(position))
        assert len(values) == len(texts), place
        for expected, wire, value in zip(texts, wires, values):
            check("molt-db arrow", place, of, expected, wire, lambda: value)
        if typed[position] is None:
            skipped["molt-db typed", "no Rust type of this test prints it"] += len(texts)
        else:
            for expected, value in zip(texts, typed[position]):
                if leaves(of) in ({"float4"}, {"float8"}):
                    is_same = value is expected or value is not None and floats(of, value) == floats(of, expected)
                else:
                    is_same = value == expected
                counts["molt-db typed", "texts"] += is_same
                if not is_same:
                    kind = ("molt-db typed", name(of))
                    failures.append((kind, f"molt-db typed: {place}, {name(of)}: {expected!r} is {value!r}"))
        try:
            with peer.cursor() as cursor:
                cursor.execute(f"select {column} {from_table}")
                values = plain(cursor.fetch_arrow_table().column(0))
        except Exception as error:
            refused("adbc", of, texts, error)
            peer.rollback()
            continue
        for expected, wire, value in zip(texts, wires, values):
            check("adbc", place, of, expected, wire, lambda: value)


def floats(of, text):
    """The bits of numbers, alone or in an array: Rust prints them in another way."""
    (kind,) = leaves(of)
    numbers = "".join(" " if letter in "{}," else letter for letter in text).split()
    return [part if part == "NULL" or "=" in part else narrow(FORMATS[kind][0], float(part)) for part in numbers]


def main(folder):
    task = json.loads((folder / "task").read_text())
    set_json_loads(lambda value: value.decode() if isinstance(value, bytes) else value)
    with psycopg.connect(task["url"], autocommit=True) as connection, adbc.connect(task["url"]) as peer:
        connection.execute(task["settings"])
        with peer.cursor() as cursor:
            for setting in task["settings"].split(";"):
                cursor.execute(setting)
        peer.commit()
        for table in task["tables"]:
            check_table(folder, connection, peer, table)
    for (reader, how), count in sorted(counts.items()):
        print(f"{count:8} {reader}: the same, by {how}")
    for (reader, rule), count in sorted(skipped.items()):
        print(f"{count:8} {reader}: skipped: {rule}")
    # Of what fails alike, one.
    alike = Counter()
    for kind, failure in failures:
        alike[kind] += 1
        if alike[kind] == 1:
            print(failure, file=sys.stderr)
    if failures:
        sys.exit(f"{len(failures)} values differ")


main(Path(sys.argv[1]))
