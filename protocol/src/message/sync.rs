/// Appends a Flush: the server sends what it holds back, without ending anything.
pub fn flush(out: &mut Vec<u8>) {
    out.extend_from_slice(b"H\0\0\0\x04");
}

/// Appends a Sync: the implicit transaction ends, and after an error the server listens again.
pub fn sync(out: &mut Vec<u8>) {
    out.extend_from_slice(b"S\0\0\0\x04");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_have_their_documented_layout() {
        let out = &mut Vec::new();
        flush(out);
        sync(out);
        assert_eq!(*out, b"H\0\0\0\x04S\0\0\0\x04");
    }
}
