//! Framing in pieces.

/// What a framing function says of an input.
#[derive(Debug, PartialEq)]
pub enum Told {
    /// It takes so many bytes at least.
    Partial(usize),
    /// A whole message of so many bytes.
    Whole(usize),
    /// For this reason.
    Refused(String),
}

/// Asserts that every beginning of a message is told to be one, and asks for bytes that are in the message; or that it
/// is refused for the reason that the whole is. `header` is how many bytes a framer may ask for at first.
pub fn assert_cuts(input: &[u8], header: usize, framer: impl Fn(&[u8]) -> Told) {
    let told = framer(input);
    let size = if let Told::Whole(size) = told { size } else { input.len() };
    assert!(size <= input.len());
    for cut in (0..size.min(2 * header)).chain(size.checked_sub(1)) {
        match framer(&input[..cut]) {
            Told::Partial(needed) => match told {
                Told::Whole(_) => assert!(cut < needed && needed <= size, "{needed} for {cut} of {size}"),
                Told::Partial(most) => {
                    assert!(cut < needed && needed <= most, "{needed} for {cut}, then {most}")
                }
                Told::Refused(_) => assert!(cut < needed && needed <= header, "{needed} for {cut}"),
            },
            Told::Whole(short) => panic!("{short} bytes of {cut} make a message that has {size}"),
            early @ Told::Refused(_) => assert_eq!(early, told),
        }
    }
}
