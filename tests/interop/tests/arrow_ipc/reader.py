"""Reads an Arrow IPC stream by pyarrow, and through it by polars and duckdb, and compares every value with a text.

`reader.py FILE types JSON`     the types and rows that are expected, and in how many batches
`reader.py FILE counts JSON`    only the rows of the batches that are expected
"""

import json
import struct
import sys
import uuid

import duckdb
import polars
import pyarrow as pa
import pyarrow.compute as pc

UNITS = {"us": 1, "ns": 1000}


def date(days):
    """Calendar day of a day number, by the algorithm of 400 years: Python's own dates end at 9999 and begin at 1."""
    era, day = divmod(days + 719468, 146097)
    year = (day - day // 1460 + day // 36524 - day // 146096) // 365
    day -= 365 * year + year // 4 - year // 100
    month = (5 * day + 2) // 153
    day -= (153 * month + 2) // 5 - 1
    month += 3 if month < 10 else -9
    year += era * 400 + (month <= 2)
    era = "" if year > 0 else " BC"
    return f"{year if year > 0 else 1 - year:04}-{month:02}-{day:02}", era


def time(micros):
    seconds, micros = divmod(micros, 1_000_000)
    fraction = f".{micros:06}".rstrip("0") if micros else ""
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{fraction}"


def timestamp(micros, zone=""):
    days, micros = divmod(micros, 86_400_000_000)
    day, era = date(days)
    return f"{day} {time(micros)}{zone}{era}"


def same_float(code):
    def same(value, text):
        expected = float(text)
        return struct.pack(code, expected) == struct.pack(code, value) or value != value and expected != expected

    return same


def shown(show):
    return lambda value, text: show(value) == text


def identifier(value):
    """A UUID is bytes, or the text that duckdb makes of it."""
    return value if isinstance(value, str) else str(uuid.UUID(bytes=value))


def plain(value):
    """A text; the bytes of a type without a counterpart are hex digits, as bytea's."""
    return value if isinstance(value, str) else "\\x" + value.hex()


SAME = {
    "bool": shown(lambda value: "ft"[value]),
    "float4": same_float("<f"),
    "float8": same_float("<d"),
    "date": shown(lambda days: "".join(date(days))),
    "time": shown(time),
    "timestamp": shown(timestamp),
    "timestamptz": shown(lambda micros: timestamp(micros, "+00")),
    "uuid": shown(identifier),
    "numeric": shown(lambda value: value if isinstance(value, str) else f"{value:f}"),
} | {name: shown(str) for name in ["int2", "int4", "int8", "oid"]}


def values(column):
    """What a column stores: no extension types, and counts instead of Python's dates."""
    if isinstance(column.type, pa.BaseExtensionType):
        column = pa.chunked_array([chunk.storage for chunk in column.chunks], column.type.storage_type)
    if pa.types.is_date32(column.type):
        return pc.cast(column, pa.int32()).to_pylist()
    if pa.types.is_time(column.type) or pa.types.is_timestamp(column.type):
        unit = UNITS[column.type.unit]
        counts = pc.cast(column, pa.int64()).to_pylist()
        return [None if count is None else count // unit for count in counts]
    return column.to_pylist()


def compare(reader, table, names, expected):
    for position, name in enumerate(names):
        texts = [row[position] for row in expected]
        found = values(table.column(position))
        assert len(found) == len(texts), f"{reader}: {len(found)} rows"
        same = SAME.get(name, shown(plain))
        for value, text in zip(found, texts):
            is_same = value is None if text is None else value is not None and same(value, text)
            assert is_same, f"{reader}: {name} {text!r} is {value!r}, {table.field(position).type}"


def check_fields(schema, types, has_extensions):
    names = [field.metadata[b"POSTGRESQL:type"].decode() for field in schema]
    words = {"char": "bpchar"}
    expected = [word.strip('"') if word[0] == '"' else words.get(word, word) for word in (t.split("(")[0] for t in types)]
    assert names == expected, f"{names} are not {expected}"
    found = {name: field.type.extension_name for name, field in zip(names, schema) if hasattr(field.type, "extension_name")}
    extensions = {"uuid": "arrow.uuid", "json": "arrow.json", "jsonb": "arrow.json"}
    extensions |= {name: "arrow.opaque" for name in ["numeric", "point", "macaddr", "aclitem"] if name in names}
    assert found == (extensions if has_extensions else {}), found
    for field, name in zip(schema, names):
        if isinstance(field.type, pa.OpaqueType):
            assert (field.type.type_name, field.type.vendor_name) == (name, "PostgreSQL"), field
    return names


def check_types(file, expected):
    with pa.ipc.open_stream(file) as stream:
        batches = list(stream)
        schema = stream.schema
    assert len(batches) == expected["batches"], len(batches)
    for batch in batches:
        batch.validate(full=True)
    table = pa.Table.from_batches(batches, schema)
    rows = expected["rows"]
    names = check_fields(schema, expected["types"], expected["extensions"])
    compare("pyarrow", table, names, rows)

    # Neither of the two holds more than 38 digits.
    kept = [position for position, field in enumerate(schema) if not pa.types.is_decimal256(field.type)]
    assert len(names) - len(kept) == 2, names
    table = table.select(kept)
    names = [names[position] for position in kept]
    rows = [[row[position] for position in kept] for row in rows]
    compare("polars", polars.from_arrow(table).to_arrow(), names, rows)
    compare("duckdb", scan(table), names, rows)


def scan(table):
    connection = duckdb.connect()
    connection.register("types", table)
    return connection.sql("select * from types").to_arrow_table()


def check_counts(file, expected):
    with pa.ipc.open_stream(file) as stream:
        found = [batch.num_rows for batch in stream]
    assert found == expected, found


checks = {"types": check_types, "counts": check_counts}
checks[sys.argv[2]](sys.argv[1], json.loads(sys.argv[3]))
