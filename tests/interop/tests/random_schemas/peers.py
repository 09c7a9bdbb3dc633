"""What is known of the others: where they say something else than the server, and why. Nothing else is skipped."""

import datetime as dt
import re

from shown import base, leaves

DATES = {"date", "timestamp", "timestamptz", "daterange", "tsrange", "tstzrange"}
DATES |= {"datemultirange", "tsmultirange", "tstzmultirange"}


def is_plain(of, *names):
    return base(of).get("name") in names


def lowest(of):
    """The type of the elements, or the type itself."""
    of = base(of)
    return base(of["of"]) if of["kind"] == "array" else of


def has_shape(text):
    """An array of more than one dimension, or with another lower bound than 1."""
    return text.startswith(("[", "{{"))


def is_unfit(case):
    """What Arrow cannot hold, by `spec/types.md`."""
    of, text = base(case.of), case.text
    if of["kind"] == "array":
        return has_shape(text)
    if of["kind"] != "base":
        return False
    if of["name"] in ("date", "timestamp", "timestamptz"):
        return text in ("infinity", "-infinity")
    if of["name"] in ("time", "timetz"):
        return text.startswith("24:00")
    if of["name"] == "numeric":
        return text == "NaN" and of["modifier"] != ""
    hours = re.search(r"(\d+):\d\d:\d\d", text)
    return of["name"] == "interval" and hours is not None and int(hours[1]) >= 2_562_047


def is_timedelta(case):
    """The same count of microseconds; in an array it is not looked at."""
    if "interval" not in leaves(case.of) or case.has_failed:
        return False
    if not is_plain(case.of, "interval"):
        return True
    counts = {unit: int(count) for count, unit in re.findall(r"([-+]?\d+) (year|mon|day)", case.text)}
    days = counts.get("year", 0) * 365 + counts.get("mon", 0) * 30 + counts.get("day", 0)
    clock = re.search(r"([-+]?)(\d+):(\d\d):(\d\d)(\.\d+)?", case.text)
    time = dt.timedelta()
    if clock:
        sign, hours, minutes, seconds, fraction = clock.groups()
        micros = int((fraction or ".0")[1:].ljust(6, "0"))
        time = dt.timedelta(hours=int(hours), minutes=int(minutes), seconds=int(seconds), microseconds=micros)
        time = -time if sign == "-" else time
    return case.value == dt.timedelta(days=days) + time


def is_int_wrap(case):
    return leaves(case.of) & {"oid", "regproc"} and re.search(r"\d{10}", case.text) is not None


CHAR = 'of "char", the byte 0 is a NUL, which is the empty text for the server'


def is_empty_char(case):
    return '"char"' in leaves(case.of) and "\0" in str(case.value).replace("\\x00", "\0")


# Who, what it does and why, and how it is known. A case has the type, the server's text, the value or the error, and
# whether it is the one or the other.
RULES = [
    ("molt-db", "Arrow has no such value: NULL, as was asked for", lambda case: case.value is None and is_unfit(case)),
    (
        "psycopg",
        "Python's dates begin at year 1 and end at 9999",
        lambda case: case.has_failed and "DataError" in case.error and leaves(case.of) & DATES,
    ),
    (
        "psycopg",
        "Python's times end before 24:00",
        lambda case: case.has_failed and "DataError" in case.error and leaves(case.of) & {"time", "timetz"},
    ),
    (
        "psycopg",
        "a timedelta is one count: years are 365 days and months 30, and days, hours and signs are not kept apart",
        is_timedelta,
    ),
    (
        "psycopg",
        "the lower bounds of an array are dropped",
        lambda case: base(case.of)["kind"] == "array" and case.text.startswith("["),
    ),
    ("psycopg", CHAR, is_empty_char),
    ("adbc", CHAR, is_empty_char),
    (
        "adbc",
        "infinities wrap: they are counts like any other",
        lambda case: is_plain(case.of, "date", "timestamp", "timestamptz") and "infinity" in case.text,
    ),
    ("adbc", "a number of an object is signed", is_int_wrap),
    (
        "adbc",
        "NaN and the infinities of a numeric are spelled as C does",
        lambda case: is_plain(case.of, "numeric") and case.value in ("nan", "inf", "-inf"),
    ),
    (
        "adbc",
        "an array of more than one dimension is flattened, one with another lower bound is an error",
        lambda case: base(case.of)["kind"] == "array" and has_shape(case.text),
    ),
]

# Columns that cannot be read at all: who, why, and for which types and texts.
REFUSED = [
    (
        "adbc",
        "it reads by a binary COPY, and servers have no binary form of the type",
        lambda of, texts, error: "aclitem" in leaves(of),
    ),
    (
        "adbc",
        "an array with another lower bound than 1 is an error",
        lambda of, texts, error: base(of)["kind"] == "array" and any(text and text.startswith("[") for text in texts),
    ),
    (
        "adbc",
        "a struct is built wrongly where some values are NULL",
        lambda of, texts, error: base(of)["kind"] == "composite" and "Failed to build result array" in str(error),
    ),
    (
        "adbc",
        "the metadata of a type is no JSON where its name has a quote",
        lambda of, texts, error: "vendor_name" in str(error) and '"' in str(of),
    ),
    (
        "adbc",
        "an interval of more than 292 years of time is an error",
        lambda of, texts, error: "interval" in leaves(of) and "overflow" in str(error),
    ),
    (
        "psycopg",
        "servers have no binary form of the type",
        lambda of, texts, error: "aclitem" in leaves(of),
    ),
]
