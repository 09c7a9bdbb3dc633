use std::error::Error;
use std::fmt;

use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

use super::der::{BIT_STRING, CONTEXT_0, Der, OID, SEQUENCE};

/// Returns the hash by which a TLS connection is bound to the server's certificate (`tls-server-end-point`).
///
/// `certificate` is what the server showed in the TLS handshake, in DER. The hash is the one of its signature, and
/// SHA-256 in place of MD5 and SHA-1. Known are signatures by RSA, RSA-PSS and ECDSA with the SHA-2 family.
///
/// # Errors
///
/// What is given is no certificate; or it is signed in a way for which no hash is defined (Ed25519, Ed448) or known.
/// Such a certificate cannot be bound to: leave it out where binding is a wish, and fail where it is a must.
// RFC 5929 §4.1
pub fn tls_server_end_point(certificate: &[u8]) -> Result<Vec<u8>, CertificateHashError> {
    let algorithm = signature_algorithm(certificate).ok_or(CertificateHashError::Malformed)?;
    let hash = match algorithm.name {
        RSASSA_PSS => pss_hash(algorithm.parameters).ok_or(CertificateHashError::Malformed)?,
        name => Hash::find(&SIGNATURES, name),
    };
    Ok(hash.ok_or(CertificateHashError::NotDefined)?.of(certificate))
}

/// Why a TLS connection cannot be bound to a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificateHashError {
    /// It does not have the form of a certificate.
    Malformed,
    /// No hash is defined for its signature.
    NotDefined,
}

impl fmt::Display for CertificateHashError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "what the server showed is not an X.509 certificate in DER",
            Self::NotDefined => {
                "no hash is defined for the signature of the server's certificate: it cannot be bound to"
            }
        })
    }
}

impl Error for CertificateHashError {}

/// The name of an algorithm, and whatever follows it.
struct Algorithm<'d> {
    name: &'d [u8],
    parameters: Der<'d>,
}

impl<'d> Algorithm<'d> {
    fn read(content: &'d [u8]) -> Option<Self> {
        let mut parameters = Der::new(content);
        Some(Self { name: parameters.take(OID)?, parameters })
    }
}

// RFC 5280 §4.1
fn signature_algorithm(certificate: &[u8]) -> Option<Algorithm<'_>> {
    let mut outside = Der::new(certificate);
    let mut inside = Der::new(outside.take(SEQUENCE)?);
    inside.take(SEQUENCE)?;
    let algorithm = Algorithm::read(inside.take(SEQUENCE)?)?;
    inside.take(BIT_STRING)?;
    (inside.is_empty() && outside.is_empty()).then_some(algorithm)
}

/// The inner `None` is a hash that is not known. SHA-1 is the one that is left out.
// RFC 4055 §3.1, RSASSA-PSS-params
fn pss_hash(mut parameters: Der<'_>) -> Option<Option<Hash>> {
    let mut fields = Der::new(parameters.take(SEQUENCE)?);
    let mut hash = Some(Hash::Sha256);
    let mut due = CONTEXT_0;
    while !fields.is_empty() {
        let (tag, content) = fields.next()?;
        if tag < due || tag > CONTEXT_0 | 3 {
            return None;
        }
        if tag == CONTEXT_0 {
            hash = Hash::find(&DIGESTS, Algorithm::read(Der::new(content).take(SEQUENCE)?)?.name);
        }
        due = tag.checked_add(1)?;
    }
    parameters.is_empty().then_some(hash)
}

#[derive(Clone, Copy)]
enum Hash {
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    fn find(table: &[(&[u8], Self)], name: &[u8]) -> Option<Self> {
        table.iter().find(|(known, _)| *known == name).map(|(_, hash)| *hash)
    }

    fn of(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha224 => Sha224::digest(bytes).to_vec(),
            Self::Sha256 => Sha256::digest(bytes).to_vec(),
            Self::Sha384 => Sha384::digest(bytes).to_vec(),
            Self::Sha512 => Sha512::digest(bytes).to_vec(),
        }
    }
}

// 1.2.840.113549.1.1.10
const RSASSA_PSS: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a";

/// What a certificate is to be hashed with, by the algorithm of its signature.
// RFC 8017 §A.2.4, 1.2.840.113549.1.1; RFC 5758 §3.2, 1.2.840.10045.4
const SIGNATURES: [(&[u8], Hash); 11] = [
    (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04", Hash::Sha256), // RSA with MD5
    (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05", Hash::Sha256), // RSA with SHA-1
    (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b", Hash::Sha256),
    (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c", Hash::Sha384),
    (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d", Hash::Sha512),
    (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0e", Hash::Sha224),
    (b"\x2a\x86\x48\xce\x3d\x04\x01", Hash::Sha256), // ECDSA with SHA-1
    (b"\x2a\x86\x48\xce\x3d\x04\x03\x01", Hash::Sha224),
    (b"\x2a\x86\x48\xce\x3d\x04\x03\x02", Hash::Sha256),
    (b"\x2a\x86\x48\xce\x3d\x04\x03\x03", Hash::Sha384),
    (b"\x2a\x86\x48\xce\x3d\x04\x03\x04", Hash::Sha512),
];

/// What a certificate is to be hashed with, by the hash that RSA-PSS names.
// RFC 8017 §A.2.3 and §B.1
const DIGESTS: [(&[u8], Hash); 6] = [
    (b"\x2a\x86\x48\x86\xf7\x0d\x02\x05", Hash::Sha256), // MD5
    (b"\x2b\x0e\x03\x02\x1a", Hash::Sha256),             // SHA-1
    (b"\x60\x86\x48\x01\x65\x03\x04\x02\x01", Hash::Sha256),
    (b"\x60\x86\x48\x01\x65\x03\x04\x02\x02", Hash::Sha384),
    (b"\x60\x86\x48\x01\x65\x03\x04\x02\x03", Hash::Sha512),
    (b"\x60\x86\x48\x01\x65\x03\x04\x02\x04", Hash::Sha224),
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RSA_SHA256: &[u8] = include_bytes!("fixtures/rsa-sha256.der");
    const PSS_SHA384: &[u8] = include_bytes!("fixtures/rsa-pss-sha384.der");

    /// Certificates of `openssl req -x509`, hashed by `openssl dgst`.
    const BINDABLE: [(&str, &[u8], &str); 11] = [
        (
            "MD5",
            include_bytes!("fixtures/rsa-md5.der"),
            "108d9e9e2da5b11955f7294e17abdabff36bc5945522d91a801fac367a846a21",
        ),
        (
            "SHA-1",
            include_bytes!("fixtures/rsa-sha1.der"),
            "aadb0f1bd11274840502389fd9a03634ac222c460eb0bf4c5e8774bb91645cb9",
        ),
        (
            "SHA-224",
            include_bytes!("fixtures/rsa-sha224.der"),
            "343829666876670a30bc7762b7d593a9037ba328dd5c8e223620b6ae",
        ),
        ("SHA-256", RSA_SHA256, "a253cb79f8157b575874d1b7cee4fd89768fb99c30b23a10ebb1f0c98cdb84b0"),
        (
            "SHA-512",
            include_bytes!("fixtures/rsa-sha512.der"),
            "b704083eb165349ab12eb1f6d7a6ae9e554fc7a4b788e94f744239f7bb770a699a8c026fc0ffff2f69dc5f9d1dd9ed1596534f4e0dab5477ed1d8c5021db8010",
        ),
        (
            "PSS, SHA-1",
            include_bytes!("fixtures/rsa-pss-sha1.der"),
            "c3ac0d882f0389f414ffff90dd2ce027bbfc34aecba1e0e673277c0c655d5b58",
        ),
        (
            "PSS, SHA-384",
            PSS_SHA384,
            "dd9c95d925ce4327cb9a5d577a605ed453dc205dd427e1eb251566d51ff5b5f21b670aeedf914fc4c17b9f912b090c9a",
        ),
        (
            "ECDSA, SHA-1",
            include_bytes!("fixtures/ecdsa-sha1.der"),
            "0f23cbd24c4004c465f378dcd8a105677912111aafdac5b97173195432766384",
        ),
        (
            "ECDSA, SHA-256",
            include_bytes!("fixtures/ecdsa-sha256.der"),
            "7d1395275ed2f9f61a2e33d21d98004b2ce8b1c8c202324f03d200be5b9a1926",
        ),
        (
            "ECDSA, SHA-384",
            include_bytes!("fixtures/ecdsa-sha384.der"),
            "2ca1302c4a540bd4cf1e1ea48728b350150f7276367799653de194de6b74b83be9c44ea1fbbb5b64fec8ad9ad0443585",
        ),
        (
            "ECDSA, SHA-512",
            include_bytes!("fixtures/ecdsa-sha512.der"),
            "7ddfadc687f8a1755697e3e92a4b3482dfc39474ee3881053aedb0d44c78a1406899da4ab966e50215a05cde6d45ba7ccca2b48f11d47fe9805f13278678b94d",
        ),
    ];

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Puts one byte string for another, of the same length.
    fn with(certificate: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
        assert_eq!(from.len(), to.len());
        let mut changed = certificate.to_vec();
        let last = certificate.windows(from.len()).rposition(|window| window == from).unwrap();
        changed[last..last + to.len()].copy_from_slice(to);
        changed
    }

    #[test]
    fn a_certificate_is_hashed_as_it_is_signed() {
        for (name, certificate, expected) in BINDABLE {
            assert_eq!(
                tls_server_end_point(certificate).map(|hash| hex(&hash)),
                Ok(expected.to_owned()),
                "{name}"
            );
        }
    }

    /// CVE-2026-54291: these were bound to nothing at all.
    #[test]
    fn a_signature_without_a_hash_is_an_error_and_not_a_guess() {
        for certificate in [
            &include_bytes!("fixtures/ed25519.der")[..],
            include_bytes!("fixtures/ed448.der"),
            include_bytes!("fixtures/ecdsa-sha3-256.der"),
        ] {
            assert_eq!(tls_server_end_point(certificate), Err(CertificateHashError::NotDefined));
        }
        let unknown_digest = with(PSS_SHA384, b"\x04\x02\x02\x05\0\xa1", b"\x04\x02\x09\x05\0\xa1");
        assert_eq!(tls_server_end_point(&unknown_digest), Err(CertificateHashError::NotDefined));
    }

    #[test]
    fn a_certificate_that_is_cut_or_goes_on_is_refused() {
        for (_, certificate, _) in BINDABLE {
            for end in 0..certificate.len() {
                assert_eq!(tls_server_end_point(&certificate[..end]), Err(CertificateHashError::Malformed));
            }
            let longer = [certificate, b"\0"].concat();
            assert_eq!(tls_server_end_point(&longer), Err(CertificateHashError::Malformed));
        }
    }

    fn pss(fields: &[u8]) -> Option<Option<usize>> {
        let header = [SEQUENCE, u8::try_from(fields.len()).unwrap()];
        pss_hash(Der::new(&[&header, fields].concat())).map(|hash| hash.map(|hash| hash.of(b"").len()))
    }

    const SHA512: &[u8] = b"\xa0\x0f\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\0";

    #[test]
    fn the_parameters_of_pss_come_in_their_order_and_default_to_sha_1() {
        assert_eq!(pss(b""), Some(Some(32)));
        assert_eq!(pss(b"\xa2\x03\x02\x01\x20"), Some(Some(32)));
        assert_eq!(pss(SHA512), Some(Some(64)));
        assert_eq!(pss(&[SHA512, b"\xa2\x03\x02\x01\x20"].concat()), Some(Some(64)));
        assert_eq!(pss(&[b"\xa2\x03\x02\x01\x20", SHA512].concat()), None);
        assert_eq!(pss(&[SHA512, SHA512].concat()), None);
        assert_eq!(pss(b"\xa4\0"), None);
        assert_eq!(pss(b"\xa0\0"), None);
        assert!(pss_hash(Der::new(b"")).is_none(), "they have to be there");
    }

    proptest! {
        #[test]
        fn any_bytes_are_hashed_or_refused(bytes in any::<Vec<u8>>()) {
            prop_assert_eq!(tls_server_end_point(&bytes), Err(CertificateHashError::Malformed));
        }

        #[test]
        fn any_changed_certificate_is_hashed_or_refused(
            which in 0_usize..11, at in any::<prop::sample::Index>(), byte in any::<u8>(),
        ) {
            let mut certificate = BINDABLE[which].1.to_vec();
            let at = at.index(certificate.len());
            certificate[at] = byte;
            if let Ok(hash) = tls_server_end_point(&certificate) {
                prop_assert!(hash.len() >= 28);
            }
        }
    }
}
