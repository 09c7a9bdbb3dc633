//! Both sides against each other, and someone in between.

use proptest::prelude::*;

use super::*;
use crate::auth::Secret;

/// What each side of an exchange thinks of the other.
#[derive(Debug, PartialEq, Eq)]
struct Verdicts {
    client_trusts: bool,
    server_trusts: bool,
}

const BOTH: Verdicts = Verdicts { client_trusts: true, server_trusts: true };

/// The messages in their order, the mechanism's name among them.
const MESSAGES: usize = 5;

fn two() -> Iterations {
    Iterations::new(2).unwrap()
}

fn verifier_of(password: &Secret) -> Verifier {
    Verifier::new(&KeyDerivation::new(password, [5; 16], two()).run())
}

/// Runs an exchange; `tamper` gets every message, by its number, on its way.
fn exchange(
    client: ScramClient,
    mechanism: &str,
    server: ScramServer,
    nonce: &[u8; 18],
    mut tamper: impl FnMut(usize, &[u8]) -> Vec<u8>,
) -> Verdicts {
    let mut verdicts = Verdicts { client_trusts: false, server_trusts: false };
    let run = || -> Option<()> {
        let mechanism = String::from_utf8(tamper(0, mechanism.as_bytes())).ok()?;
        let first = tamper(1, client.client_first());
        let (server_first, checking) = server.challenge(&mechanism, &first, nonce).ok()?;
        let challenge = tamper(2, &server_first);
        let (derivation, proving) = client.challenge(&challenge, Iterations::new(100).unwrap()).ok()?;
        let (client_final, verifying) = proving.prove(derivation.run());
        let server_final = checking.check(&tamper(3, &client_final)).ok()?;
        verdicts.server_trusts = true;
        verifying.verify(&tamper(4, &server_final)).ok()?;
        verdicts.client_trusts = true;
        Some(())
    };
    run();
    verdicts
}

fn untouched(_: usize, message: &[u8]) -> Vec<u8> {
    message.to_vec()
}

/// The ways to bind in which client and server agree.
fn agreements() -> [(Binding, Offer); 4] {
    let hash = vec![6; 32];
    [
        (Binding::None, Offer::Plain),
        (Binding::None, Offer::Plus(hash.clone())),
        (Binding::Unused, Offer::Plain),
        (Binding::TlsServerEndPoint(hash.clone()), Offer::Plus(hash)),
    ]
}

fn meet(client: &Secret, server: Verifier, (binding, offer): (Binding, Offer)) -> Verdicts {
    let mechanism = binding.mechanism();
    let client = ScramClient::new(client, &[1; 18], binding);
    exchange(client, mechanism, ScramServer::new(server, offer), &[2; 18], untouched)
}

#[test]
fn the_two_sides_agree_in_every_way_to_bind() {
    let password = Secret::new("pencil");
    for agreement in agreements() {
        assert_eq!(meet(&password, verifier_of(&password), agreement.clone()), BOTH, "{agreement:?}");
    }
}

#[test]
fn a_changed_byte_in_any_message_never_leaves_both_sides_content() {
    let password = Secret::new("pencil");
    let verifier = verifier_of(&password);
    for (binding, offer) in agreements() {
        let mechanism = binding.mechanism();
        for message in 0..MESSAGES {
            let mut length = 1;
            let mut place = 0;
            while place < length {
                for mask in [1, 2, 16, 32, 128, 255] {
                    let client = ScramClient::new(&password, &[1; 18], binding.clone());
                    let server = ScramServer::new(verifier.clone(), offer.clone());
                    let verdicts = exchange(client, mechanism, server, &[2; 18], |number, bytes| {
                        let mut bytes = bytes.to_vec();
                        if number == message {
                            length = bytes.len();
                            bytes[place] ^= mask;
                        }
                        bytes
                    });
                    assert_ne!(verdicts, BOTH, "{binding:?}: message {message}, byte {place}, mask {mask}");
                }
                place += 1;
            }
            assert!(length > 10, "the messages were seen whole");
        }
    }
}

#[test]
fn a_message_that_is_cut_short_or_dropped_never_leaves_both_sides_content() {
    let password = Secret::new("pencil");
    for message in 0..MESSAGES {
        for cut in 1..10 {
            let client = ScramClient::new(&password, &[1; 18], Binding::None);
            let server = ScramServer::new(verifier_of(&password), Offer::Plain);
            let shorten = |number: usize, bytes: &[u8]| {
                let cut = if number == message { cut } else { 0 };
                bytes[..bytes.len().saturating_sub(cut)].to_vec()
            };
            assert_ne!(exchange(client, SCRAM_SHA_256, server, &[2; 18], shorten), BOTH, "{message}: {cut}");
        }
    }
}

#[test]
fn a_relay_with_its_own_certificate_is_found_out() {
    let password = Secret::new("pencil");
    let agreement = (Binding::TlsServerEndPoint(vec![6; 32]), Offer::Plus(vec![7; 32]));
    assert_ne!(meet(&password, verifier_of(&password), agreement), BOTH);
}

/// CVE-2026-54291 and its like: the offer of channel binding is taken out of the list on its way.
#[test]
fn an_offer_of_binding_that_was_removed_on_the_way_is_found_out() {
    let password = Secret::new("pencil");
    let stripped = (Binding::Unused, Offer::Plus(vec![6; 32]));
    let verdicts = meet(&password, verifier_of(&password), stripped);
    assert_eq!(verdicts, Verdicts { client_trusts: false, server_trusts: false });
}

#[test]
fn an_unknown_user_fails_where_a_wrong_password_fails() {
    let password = Secret::new("pencil");
    let refused = |verifier: Verifier| {
        let client = ScramClient::new(&password, &[1; 18], Binding::None);
        let server = ScramServer::new(verifier, Offer::Plain);
        let (server_first, checking) =
            server.challenge(SCRAM_SHA_256, client.client_first(), &[2; 18]).unwrap();
        let (derivation, proving) = client.challenge(&server_first, two()).unwrap();
        let refusal = checking.check(&proving.prove(derivation.run()).0).unwrap_err();
        (server_first.len(), refusal)
    };
    let unknown = refused(Verifier::mock(&Secret::new("secret of the server"), b"nobody", two()));
    assert_eq!(unknown, refused(verifier_of(&Secret::new("another"))));
    assert_eq!(unknown.1, ScramRefusal::WrongProof);
}

/// A server that does not know the password has nothing to answer with.
#[test]
fn a_server_without_the_verifier_is_not_trusted() {
    let password = Secret::new("pencil");
    let mock = Verifier::mock(&Secret::new("guess"), b"app", two());
    let client = ScramClient::new(&password, &[1; 18], Binding::None);
    let (server_first, checking) = ScramServer::new(mock, Offer::Plain)
        .challenge(SCRAM_SHA_256, client.client_first(), &[2; 18])
        .unwrap();
    let (derivation, proving) = client.challenge(&server_first, two()).unwrap();
    let (client_final, verifying) = proving.prove(derivation.run());
    assert!(checking.check(&client_final).is_err());
    let forged = format!("v={}", STANDARD.encode([0; 32]));
    assert!(verifying.verify(forged.as_bytes()).is_err());
}

fn any_password() -> impl Strategy<Value = Secret> {
    prop_oneof![
        ".{0,20}".prop_map(|text: String| Secret::new(text)),
        prop::collection::vec(any::<char>(), 0..12)
            .prop_map(|text| Secret::new(text.into_iter().collect::<String>())),
        any::<Vec<u8>>().prop_map(Secret::new),
    ]
}

proptest! {
    #[test]
    fn whoever_knows_the_password_gets_in(
        password in any_password(), nonces in any::<([u8; 18], [u8; 18], [u8; 16])>(), way in 0_usize..4,
    ) {
        let (binding, offer) = agreements()[way].clone();
        let mechanism = binding.mechanism();
        let verifier = Verifier::new(&KeyDerivation::new(&password, nonces.2, two()).run());
        let client = ScramClient::new(&password, &nonces.0, binding);
        let server = ScramServer::new(verifier, offer);
        prop_assert_eq!(exchange(client, mechanism, server, &nonces.1, untouched), BOTH);
    }

    #[test]
    fn whoever_does_not_stays_outside(password in any_password(), other in any_password(), way in 0_usize..4) {
        prop_assume!(crate::auth::saslprep(password.expose()) != crate::auth::saslprep(other.expose()));
        // HMAC fills short keys up with zeros, and hashes long ones.
        prop_assume!(!password.expose().ends_with(&[0]) && !other.expose().ends_with(&[0]));
        let verdicts = meet(&password, verifier_of(&other), agreements()[way].clone());
        prop_assert_eq!(verdicts, Verdicts { client_trusts: false, server_trusts: false });
    }

    #[test]
    fn bytes_put_in_or_taken_out_never_leave_both_sides_content(
        message in 1_usize..4, at in any::<prop::sample::Index>(), take in 0_usize..4, put in any::<Vec<u8>>(),
    ) {
        let password = Secret::new("pencil");
        let client = ScramClient::new(&password, &[1; 18], Binding::None);
        let server = ScramServer::new(verifier_of(&password), Offer::Plain);
        let mut changed = false;
        let verdicts = exchange(client, SCRAM_SHA_256, server, &[2; 18], |number, bytes| {
            let mut spliced = bytes.to_vec();
            if number == message {
                let at = at.index(bytes.len());
                spliced.splice(at..(at + take).min(bytes.len()), put.iter().copied());
                changed = spliced != bytes;
            }
            spliced
        });
        prop_assert!(!changed || verdicts != BOTH);
    }
}
