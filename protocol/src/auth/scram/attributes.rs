//! The pieces of which all SCRAM messages are made: `name=value`, with commas in between.
// RFC 5802 §5.1 and §7

/// Refuses what no message may be.
pub(super) fn check(message: &[u8], longest: usize, too_long: &'static str) -> Result<(), &'static str> {
    if message.len() > longest {
        Err(too_long)
    } else if message.contains(&0) {
        Err("it holds a NUL byte")
    } else {
        Ok(())
    }
}

/// A nonce: text of printable ASCII without spaces, one character or more.
pub(super) fn printable(value: &[u8]) -> Option<&str> {
    str::from_utf8(value)
        .ok()
        .filter(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()))
}

/// A decimal without sign and leading zeros, above 0. `u64::MAX` stands for anything above.
pub(super) fn positive(value: &[u8]) -> Option<u64> {
    let starts_well = matches!(value.first(), Some(b'1'..=b'9'));
    let digits = str::from_utf8(value).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    starts_well.then(|| digits.parse().unwrap_or(u64::MAX))
}

/// Tells whether this has the form of an attribute, whatever it means.
pub(super) fn is_attribute(piece: &[u8]) -> bool {
    matches!(piece, [name, b'=', ..] if name.is_ascii_alphabetic())
}

/// What the two sides sign.
pub(super) fn auth_message(
    client_first_bare: &[u8],
    server_first: &[u8],
    client_final_without_proof: &[u8],
) -> Vec<u8> {
    [client_first_bare, server_first, client_final_without_proof].join(&b',')
}
