"""Values as the text that the server writes for them, whoever read them."""

import datetime as dt
import ipaddress
import re
import struct
import uuid
from decimal import Decimal
from fractions import Fraction

import pyarrow as pa
import pyarrow.compute as pc
from psycopg.types.range import Range


def plain(array):
    """The values of an Arrow array: no extension types, counts instead of Python's dates, tuples for structs."""
    if isinstance(array, pa.ChunkedArray):
        return [value for chunk in array.chunks for value in plain(chunk)]
    of = array.type
    if isinstance(of, pa.BaseExtensionType):
        return plain(array.storage)
    if pa.types.is_dictionary(of):
        return plain(array.dictionary_decode())
    if pa.types.is_list(of) or pa.types.is_large_list(of) or pa.types.is_map(of):
        elements, offsets = plain(array.values), array.offsets.to_pylist()
        lists = zip(array.is_valid().to_pylist(), offsets, offsets[1:])
        return [elements[begin:end] if is_valid else None for is_valid, begin, end in lists]
    if pa.types.is_struct(of):
        parts = [plain(array.field(position)) for position in range(of.num_fields)]
        rows = zip(*parts) if parts else [()] * len(array)
        return [row if is_valid else None for is_valid, row in zip(array.is_valid().to_pylist(), rows)]
    if pa.types.is_date32(of):
        return pc.cast(array, pa.int32()).to_pylist()
    if pa.types.is_time(of) or pa.types.is_timestamp(of):
        unit = {"us": 1, "ns": 1000}[of.unit]
        counts = pc.cast(array, pa.int64()).to_pylist()
        return [None if count is None else count // unit for count in counts]
    return array.to_pylist()


class Dimension(list):
    """A dimension of an array, as opposed to a value that is a list."""


def dimensions(value):
    return Dimension(map(dimensions, value)) if isinstance(value, list) else value


def flat(value):
    """The elements of an array of any number of dimensions; they are the last part of one with its bounds."""
    value = value[-1] if isinstance(value, tuple) else value
    return [leaf for part in value for leaf in (flat(part) if isinstance(part, Dimension) else [part])]


def leaves(of):
    """The names of the built-in types that a type is made of."""
    if of["kind"] == "base":
        return {of["name"]}
    if of["kind"] == "enum":
        return {"enum"}
    if of["kind"] == "composite":
        return set().union(*(leaves(part) for _, part in of["attributes"]))
    return leaves(of["of"])


def base(of):
    """What a type is over, domains apart."""
    while of["kind"] == "domain":
        of = of["of"]
    return of


def text(of, value):
    """The text of a value of a type."""
    of = base(of)
    if of["kind"] == "base":
        return base_text(of["name"], value)
    if of["kind"] == "enum" or isinstance(value, str):
        return value
    if of["kind"] == "range":
        return range_text(of["of"], value)
    if of["kind"] == "composite":
        parts = ["" if part is None else record_part(text(of_part, part)) for (_, of_part), part in attributes(of, value)]
        return "(" + ",".join(parts) + ")"
    if isinstance(value, tuple):
        return bounded_text(of, *value)
    # Arrays of several dimensions are lists in lists to Python.
    separator = ";" if base(of["of"]).get("name") == "box" else ","
    elements = [
        "NULL" if element is None
        else text(of, element) if isinstance(element, Dimension)
        else array_part(text(of["of"], element), separator)
        for element in value
    ]
    return "{" + separator.join(elements) + "}"


def bounded_text(of, *parts):
    """The text of an array with its lower bounds, and with its lengths if they are not those of a list."""
    *lengths, lower_bounds, elements = parts
    lengths = lengths[0] if lengths else [len(elements)] if elements else []
    bounds = "".join(f"[{lower}:{lower + length - 1}]" for lower, length in zip(lower_bounds, lengths))
    prefix = bounds + "=" if any(lower != 1 for lower in lower_bounds) else ""
    for length in reversed(lengths[1:]):
        elements = [Dimension(elements[at : at + length]) for at in range(0, len(elements), length)]
    return prefix + text(of, Dimension(elements))


def attributes(of, value):
    assert len(value) == len(of["attributes"]), value
    return zip(of["attributes"], value)


def array_part(text, separator):
    if text and text.upper() != "NULL" and separator not in text and not re.search(r'[\s{}"\\]', text):
        return text
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'


def record_part(text):
    """As record_out has it."""
    if text and not re.search(r'[\s(),"\\]', text):
        return text
    return '"' + re.sub(r'(["\\])', r"\1\1", text) + '"'


def range_part(text):
    """As range_out has it."""
    if text and not re.search(r'[\s()\[\],"\\]', text):
        return text
    return '"' + re.sub(r'(["\\])', r"\1\1", text) + '"'


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


def clock(micros):
    seconds, micros = divmod(micros, 1_000_000)
    fraction = f".{micros:06}".rstrip("0") if micros else ""
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{fraction}"


def time_micros(value):
    return ((value.hour * 60 + value.minute) * 60 + value.second) * 1_000_000 + value.microsecond


def time_text(value):
    return clock(time_micros(value) if isinstance(value, dt.time) else value)


def timetz_text(value):
    if isinstance(value, dt.time):
        value = (time_micros(value), round(value.utcoffset().total_seconds()))
    micros, offset = value
    hours, rest = divmod(abs(offset), 3600)
    zone = f"{'-' if offset < 0 else '+'}{hours:02}"
    if rest:
        zone += f":{rest // 60:02}" + (f":{rest % 60:02}" if rest % 60 else "")
    return clock(micros) + zone


def date_text(value):
    return "".join(date(value.toordinal() - 719163 if isinstance(value, dt.date) else value))


def timestamp_text(value, zone=""):
    if isinstance(value, dt.datetime):
        if value.tzinfo:
            value = value.astimezone(dt.timezone.utc).replace(tzinfo=None)
        value = (value - dt.datetime(1970, 1, 1)) // dt.timedelta(microseconds=1)
    days, micros = divmod(value, 86_400_000_000)
    day, era = date(days)
    return f"{day} {clock(micros)}{zone}{era}"


def interval_text(value):
    """As IntervalStyle postgres has it."""
    if isinstance(value, dt.timedelta):
        months, days, micros = 0, value.days, value.seconds * 1_000_000 + value.microseconds
        if days < 0 and micros:
            days, micros = days + 1, micros - 86_400_000_000
    elif isinstance(value, pa.MonthDayNano):
        months, days, nanos = value
        assert nanos % 1000 == 0, value
        micros = nanos // 1000
    else:
        months, days, micros = value
    years, months = int(months / 12), months - 12 * int(months / 12)
    parts, is_before = [], False
    for count, unit in [(years, "year"), (months, "mon"), (days, "day")]:
        if count:
            parts.append(f"{'+' if is_before and count > 0 else ''}{count} {unit}{'' if count == 1 else 's'}")
            is_before = count < 0
    if micros or not parts:
        sign = "-" if micros < 0 else "+" if is_before else ""
        parts.append(sign + clock(abs(micros)))
    return " ".join(parts)


FORMATS = {"float4": ("<f", 6), "float8": ("<d", 15)}


def narrow(form, number):
    """The bits of a number, if it has any in that form."""
    try:
        return struct.pack(form, number)
    except OverflowError:
        return None


def is_between(form, value, digits):
    """Whether digits stand for the middle between a number and one of its neighbours: these are none for the server."""
    whole = {"<f": "<i", "<d": "<q"}[form]
    (bits,) = struct.unpack(whole, struct.pack(form, value))
    for step in (-1, 1):
        (neighbour,) = struct.unpack(form, struct.pack(whole, bits + step))
        if neighbour - neighbour == 0 and 2 * Fraction(digits) == Fraction(value) + Fraction(neighbour):
            return True
    return False


def float_text(value, name="float8"):
    """The fewest digits that tell a number from all others."""
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0:
        return "-0" if str(value)[0] == "-" else "0"
    form, most = FORMATS[name]
    wanted = narrow(form, value)
    value = struct.unpack(form, wanted)[0]
    digits = next(
        digits
        for digits in (f"{value:.{count}e}" for count in range(17))
        if narrow(form, float(digits)) == wanted and not is_between(form, value, digits)
    )
    sign, digits, exponent = Decimal(digits).normalize().as_tuple()
    digits = "".join(map(str, digits))
    point = len(digits) + exponent - 1
    minus = "-" if sign else ""
    if not -4 <= point < most:
        fraction = "." + digits[1:] if digits[1:] else ""
        return f"{minus}{digits[0]}{fraction}e{'-' if point < 0 else '+'}{abs(point):02}"
    if point < 0:
        return minus + "0." + "0" * (-point - 1) + digits
    digits = digits.ljust(point + 1, "0")
    fraction = "." + digits[point + 1 :] if digits[point + 1 :] else ""
    return minus + digits[: point + 1] + fraction


def numeric_text(value):
    if isinstance(value, str):
        return value
    return f"{value:f}" if value.is_finite() else {"NaN": "NaN", "Infinity": "Infinity", "-Infinity": "-Infinity"}[str(value)]


def point_text(value):
    return f"({float_text(value[0])},{float_text(value[1])})"


def points_text(values):
    return ",".join(map(point_text, values))


BOUNDS = {
    "int4range": "int4",
    "int8range": "int8",
    "numrange": "numeric",
    "daterange": "date",
    "tsrange": "timestamp",
    "tstzrange": "timestamptz",
}


def range_text(bound_type, value):
    if isinstance(value, Range):
        value = (value.lower, value.upper, value.lower_inc, value.upper_inc, value.isempty)
    if len(value) == 3:
        is_empty, lower, upper = value
        (lower, lower_inc), (upper, upper_inc) = lower or (None, False), upper or (None, False)
    else:
        lower, upper, lower_inc, upper_inc, is_empty = value
    if is_empty:
        return "empty"
    bounds = ["" if bound is None else range_part(text(bound_type, bound)) for bound in (lower, upper)]
    return f"{'[' if lower_inc else '('}{bounds[0]},{bounds[1]}{']' if upper_inc else ')'}"


MULTIRANGES = {
    "nummultirange": "numrange",
    "tsmultirange": "tsrange",
    "tstzmultirange": "tstzrange",
    "datemultirange": "daterange",
    "int4multirange": "int4range",
    "int8multirange": "int8range",
}


def hex_pairs(value):
    return value if isinstance(value, str) else ":".join(f"{byte:02x}" for byte in value)


SHOWN = {
    "bool": lambda value: "ft"[value],
    "pg_lsn": lambda value: value if isinstance(value, str) else f"{value >> 32:X}/{value & 0xFFFFFFFF:X}",
    "float4": lambda value: float_text(value, "float4"),
    "float8": float_text,
    "numeric": numeric_text,
    "bytea": lambda value: "\\x" + bytes(value).hex(),
    "uuid": lambda value: str(uuid.UUID(bytes=value) if isinstance(value, bytes) else value),
    "date": date_text,
    "time": time_text,
    "timetz": timetz_text,
    "timestamp": timestamp_text,
    "timestamptz": lambda value: timestamp_text(value, "+00"),
    "interval": interval_text,
    "macaddr": hex_pairs,
    "macaddr8": hex_pairs,
    "tid": lambda value: f"({value[0]},{value[1]})",
    "point": point_text,
    "lseg": lambda value: f"[{points_text(value)}]",
    "box": points_text,
    "line": lambda value: "{" + ",".join(map(float_text, value)) + "}",
    "circle": lambda value: f"<{point_text(value[0])},{float_text(value[1])}>",
    "polygon": lambda value: f"({points_text(value)})",
    "path": lambda value: ("({})" if value[0] else "[{}]").format(points_text(value[1])),
    "int2vector": lambda value: " ".join(map(str, value)),
    "oidvector": lambda value: " ".join(map(str, value)),
}


def base_text(name, value):
    if isinstance(value, str) and name != "uuid":
        return value
    if name in BOUNDS:
        return range_text({"kind": "base", "name": BOUNDS[name]}, value)
    if name in MULTIRANGES:
        ranges = value[-1] if isinstance(value, tuple) else value
        return "{" + ",".join(base_text(MULTIRANGES[name], one) for one in ranges) + "}"
    if name in SHOWN:
        return SHOWN[name](value)
    if isinstance(value, (int, ipaddress._IPAddressBase)) and not isinstance(value, bool):
        return str(value)
    raise TypeError(f"{name} as {type(value).__name__}: {value!r}")
