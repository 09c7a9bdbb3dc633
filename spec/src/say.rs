//! What a client says: whole messages as bytes, good ones by the codec and bad ones by hand.

use molt_db_protocol::EncodeError;
use molt_db_protocol::message::{self, Bind, CancelKey, StartupMessage, Target as Named, WireFormat};

/// Protocol 3.0.
pub const V3_0: u32 = 0x0003_0000;

/// Protocol 3.2.
pub const V3_2: u32 = 0x0003_0002;

/// A message of this type, whatever is in it, with the right length.
pub fn raw(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).expect("no test message is that long");
    framed(tag, length, body)
}

/// A message of this type with this length word, right or wrong.
pub fn framed(tag: u8, length: u32, body: &[u8]) -> Vec<u8> {
    [&[tag][..], &length.to_be_bytes(), body].concat()
}

/// A packet without a type, as they come before a session, with the right length.
pub fn packet(body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).expect("no test packet is that long");
    [&length.to_be_bytes(), body].concat()
}

/// A StartupMessage.
pub fn startup(version: u32, parameters: &[(&str, &str)]) -> Vec<u8> {
    encoded(|out| message::startup_message(&StartupMessage { version, parameters }, out))
}

/// An SSLRequest.
pub fn ssl_request() -> Vec<u8> {
    infallible(message::ssl_request)
}

/// A GSSENCRequest.
pub fn gss_request() -> Vec<u8> {
    infallible(message::gss_enc_request)
}

/// A CancelRequest, with a key of any length.
pub fn cancel_request(process: i32, secret: &[u8]) -> Vec<u8> {
    match CancelKey::new(process, secret) {
        Ok(key) => encoded(|out| message::cancel_request(&key, out)),
        Err(_) => packet(&[&80_877_102_u32.to_be_bytes()[..], &process.to_be_bytes(), secret].concat()),
    }
}

/// A Query.
pub fn query(sql: &str) -> Vec<u8> {
    encoded(|out| message::query(sql, out))
}

/// A Parse of the unnamed statement, without types.
pub fn parse(sql: &str) -> Vec<u8> {
    parse_as("", sql, &[])
}

/// A Parse.
pub fn parse_as(name: &str, sql: &str, types: &[u32]) -> Vec<u8> {
    encoded(|out| message::parse(name, sql, types, out))
}

/// A Bind of the unnamed statement to the unnamed portal, without parameters.
pub fn bind() -> Vec<u8> {
    bind_as("", "", &[])
}

/// A Bind with parameters in text format and results in text format.
pub fn bind_as(portal: &str, statement: &str, values: &[Option<&[u8]>]) -> Vec<u8> {
    let formats = vec![WireFormat::Text; values.len()];
    let values = lengths_and_bytes(values);
    encoded(|out| {
        message::bind(&Bind { portal, statement, formats: &formats, values: &values, results: &[] }, out)
    })
}

/// A Bind between unnamed ones with any format codes, and a count of parameters that may be a lie.
pub fn bind_raw(formats: &[u16], count: u16, values: &[u8], results: &[u16]) -> Vec<u8> {
    let mut body = b"\0\0".to_vec();
    body.extend(codes(formats));
    body.extend(count.to_be_bytes());
    body.extend(values);
    body.extend(codes(results));
    raw(b'B', &body)
}

/// Parameters or arguments: each a length, -1 for NULL, and its bytes.
pub fn lengths_and_bytes(values: &[Option<&[u8]>]) -> Vec<u8> {
    let mut out = Vec::new();
    for value in values {
        let length =
            value.map_or(-1, |bytes| i32::try_from(bytes.len()).expect("no test value is that long"));
        out.extend(length.to_be_bytes());
        out.extend(value.unwrap_or_default());
    }
    out
}

/// A list of 16-bit codes with its count in front.
pub fn codes(codes: &[u16]) -> Vec<u8> {
    let count = u16::try_from(codes.len()).expect("no test has that many formats");
    std::iter::once(&count).chain(codes).flat_map(|code| code.to_be_bytes()).collect()
}

/// A Describe of a statement.
pub fn describe_statement(name: &str) -> Vec<u8> {
    encoded(|out| message::describe(Named::Statement(name), out))
}

/// A Describe of a portal.
pub fn describe_portal(name: &str) -> Vec<u8> {
    encoded(|out| message::describe(Named::Portal(name), out))
}

/// A Close of a statement.
pub fn close_statement(name: &str) -> Vec<u8> {
    encoded(|out| message::close(Named::Statement(name), out))
}

/// A Close of a portal.
pub fn close_portal(name: &str) -> Vec<u8> {
    encoded(|out| message::close(Named::Portal(name), out))
}

/// An Execute of the unnamed portal without a limit.
pub fn execute() -> Vec<u8> {
    execute_as("", 0)
}

/// An Execute.
pub fn execute_as(portal: &str, max_rows: i32) -> Vec<u8> {
    encoded(|out| message::execute(portal, max_rows, out))
}

/// Parse, Bind and Execute of one statement, without Sync.
pub fn run(sql: &str) -> Vec<u8> {
    [parse(sql), bind(), execute()].concat()
}

/// A Sync.
pub fn sync() -> Vec<u8> {
    infallible(message::sync)
}

/// A Flush.
pub fn flush() -> Vec<u8> {
    infallible(message::flush)
}

/// A Terminate.
pub fn terminate() -> Vec<u8> {
    infallible(message::terminate)
}

/// A piece of a COPY.
pub fn copy_data(data: &[u8]) -> Vec<u8> {
    encoded(|out| message::copy_data(data, out))
}

/// The end of a COPY.
pub fn copy_done() -> Vec<u8> {
    infallible(message::copy_done)
}

/// The failure of a COPY.
pub fn copy_fail(reason: &str) -> Vec<u8> {
    encoded(|out| message::copy_fail(reason, out))
}

/// A FunctionCall with arguments in these formats.
pub fn call(function: u32, formats: &[u16], count: u16, arguments: &[u8], result: u16) -> Vec<u8> {
    let count = count.to_be_bytes();
    raw(
        b'F',
        &[&function.to_be_bytes()[..], &codes(formats), &count, arguments, &result.to_be_bytes()].concat(),
    )
}

/// A PasswordMessage.
pub fn password(word: &str) -> Vec<u8> {
    raw(b'p', &[word.as_bytes(), b"\0"].concat())
}

/// A SASLInitialResponse with a length that may be a lie.
pub fn sasl_initial(mechanism: &str, length: i32, data: &[u8]) -> Vec<u8> {
    raw(b'p', &[mechanism.as_bytes(), b"\0", &length.to_be_bytes(), data].concat())
}

fn encoded(write: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out).expect("what a test sends by the codec can be encoded");
    out
}

fn infallible(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out);
    out
}
