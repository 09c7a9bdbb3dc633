//! FunctionCall.

use crate::case::Group;
use crate::need::Need;
use crate::say::{call, lengths_and_bytes, query, raw};

pub(super) fn group() -> Group {
    let mut group = Group::new("function", "protocol-flow.html#PROTOCOL-FLOW-FUNCTION-CALL");
    let text = lengths_and_bytes(&[Some(b"2"), Some(b"3")]);
    let binary = lengths_and_bytes(&[Some(&2_i32.to_be_bytes()), Some(&3_i32.to_be_bytes())]);
    for (name, requirement, message, expected) in [
        ("text", "Arguments and result in text format.", call(INT4PL, &[], 2, &text, 0), "FunctionResult(5)"),
        (
            "binary",
            "Arguments and result in binary format.",
            call(INT4PL, &[1], 2, &binary, 1),
            "FunctionResult(\\x00\\x00\\x00\\x05)",
        ),
        (
            "format-each",
            "Each argument may have a format of its own.",
            call(INT4PL, &[0, 1], 2, &lengths_and_bytes(&[Some(b"2"), Some(&3_i32.to_be_bytes())]), 0),
            "FunctionResult(5)",
        ),
        (
            "null",
            "A strict function of NULL is NULL.",
            call(INT4PL, &[], 2, &lengths_and_bytes(&[Some(b"2"), None]), 0),
            "FunctionResult(NULL)",
        ),
        (
            "void",
            "What returns nothing returns an empty value, and not NULL.",
            call(PG_SLEEP, &[], 1, &lengths_and_bytes(&[Some(b"0")]), 0),
            "FunctionResult()",
        ),
        (
            "error",
            "An error of the function takes the place of its result.",
            call(INT4DIV, &[], 2, &lengths_and_bytes(&[Some(b"1"), Some(b"0")]), 0),
            "Error(22012)",
        ),
        (
            "unknown",
            "A function that does not exist is an error.",
            call(999_999_999, &[], 0, b"", 0),
            "Error(42883)",
        ),
        (
            "too-few-arguments",
            "A function has as many arguments as it takes.",
            call(INT4PL, &[], 1, &lengths_and_bytes(&[Some(b"2")]), 0),
            "Error(08P01)",
        ),
        (
            "length-negative",
            "-1 is the only length below zero.",
            call(INT4PL, &[], 2, b"\xff\xff\xff\xfe\0\0\0\x013", 0),
            "Error(08P01)",
        ),
        (
            "length-beyond-message",
            "An argument ends inside of its message.",
            call(INT4PL, &[], 2, b"\0\0\0\x642", 0),
            "Error(08P01)",
        ),
        ("result-format-2", "There are formats 0 and 1.", call(INT4PL, &[], 2, &text, 2), "Error(22023)"),
        ("empty-body", "A FunctionCall names a function.", raw(b'F', b""), "Error(08P01)"),
    ] {
        group
            .must(name, requirement)
            .needs(Need::FunctionCall)
            .send([message])
            .expect(&format!("{expected} Ready(I)"))
            .send([query("select 1 as a")])
            .expect("Columns(a:23) Row(1) Complete(SELECT 1) Ready(I)");
    }
    group
        .must("in-failed-transaction", "In a failed transaction no function is called.")
        .needs(Need::FunctionCall)
        .send([query("begin")])
        .expect("Complete(BEGIN) Ready(T)")
        .send([query("select 1/0")])
        .expect("Error(22012) Ready(E)")
        .send([call(INT4PL, &[], 2, &text, 0)])
        .expect("Error(25P02) Ready(E)");
    group
}

const INT4PL: u32 = 177;
const INT4DIV: u32 = 154;
const PG_SLEEP: u32 = 2626;
