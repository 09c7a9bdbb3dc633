"""Reads an Arrow IPC stream by pyarrow, and through it by polars and duckdb, and compares every value with a text.

`reader.py FILE types JSON`     the types and rows that are expected, and in how many batches
`reader.py FILE counts JSON`    only the rows of the batches that are expected
"""

import json
import re
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


def identifier(value):
    """A UUID is bytes, or the text that duckdb makes of it."""
    return value if isinstance(value, str) else str(uuid.UUID(bytes=value))


def plain(value):
    """A text; the bytes of a type without a counterpart are hex digits, as bytea's."""
    return value if isinstance(value, str) else "\\x" + value.hex()


SHOWN = {
    "bool": lambda value: "ft"[value],
    "date": lambda days: "".join(date(days)),
    "time": time,
    "timestamp": timestamp,
    "timestamptz": lambda micros: timestamp(micros, "+00"),
    "uuid": identifier,
    "numeric": lambda value: value if isinstance(value, str) else f"{value:f}",
} | dict.fromkeys(["int2", "int4", "int8", "oid"], str)

FLOATS = {"float4": "<f", "float8": "<d"}


def shown(name, value):
    """What the server shows for a value."""
    if not name.startswith("_"):
        return SHOWN.get(name, plain)(value)
    elements = ["NULL" if element is None else quoted(shown(name[1:], element)) for element in value]
    return "{" + ",".join(elements) + "}"


def quoted(text):
    """An element of an array, as the server's array_out has it."""
    if text and text.upper() != "NULL" and not re.search(r'[\s{},"\\]', text):
        return text
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'


def is_same(name, value, text):
    if value is None or text is None:
        return value is text
    if name in FLOATS:
        expected = float(text)
        bits = [struct.pack(FLOATS[name], number) for number in (value, expected)]
        return bits[0] == bits[1] or value != value and expected != expected
    return shown(name, value) == text


def values(column):
    return [value for chunk in column.chunks for value in stored(chunk)]


def stored(array):
    """What an array stores: no extension types, and counts instead of Python's dates."""
    if isinstance(array.type, pa.BaseExtensionType):
        array = array.storage
    if pa.types.is_list(array.type) or pa.types.is_large_list(array.type):
        elements, offsets = stored(array.values), array.offsets.to_pylist()
        lists = zip(array.is_valid().to_pylist(), offsets, offsets[1:])
        return [elements[begin:end] if is_valid else None for is_valid, begin, end in lists]
    if pa.types.is_date32(array.type):
        return pc.cast(array, pa.int32()).to_pylist()
    if pa.types.is_time(array.type) or pa.types.is_timestamp(array.type):
        unit = UNITS[array.type.unit]
        counts = pc.cast(array, pa.int64()).to_pylist()
        return [None if count is None else count // unit for count in counts]
    return array.to_pylist()


def compare(reader, table, names, expected):
    for position, name in enumerate(names):
        texts = [row[position] for row in expected]
        found = values(table.column(position))
        assert len(found) == len(texts), f"{reader}: {len(found)} rows"
        for value, text in zip(found, texts):
            assert is_same(name, value, text), f"{reader}: {name} {text!r} is {value!r}, {table.field(position).type}"


def check_fields(schema, types, has_extensions):
    names = [field.metadata[b"POSTGRESQL:type"].decode() for field in schema]
    words = {"char": "bpchar"}
    bare = [re.sub(r"\(.*\)", "", name) for name in types]
    expected = [name.strip('"') if name[0] == '"' else words.get(name, name) for name in bare]
    # The catalogue's own names of arrays.
    expected = ["_" + name[:-2] if name.endswith("[]") else name for name in expected]
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
