//! Our SCRAM client and our SCRAM server with somebody in between: either is content only if all that it has to believe
//! came as it was sent, and the passwords are the same.
//!
//! The first byte chooses how the client binds, and what the server offers. Then a record with the client's password, of
//! kind `=` if the server's is the same. Each further record changes a message on its way, `c`, `s`, `f` and `v` being
//! client-first, server-first, client-final and server-final: its body is an offset, how many bytes go, and what comes
//! in their place.
#![no_main]

use libfuzzer_sys::fuzz_target;
use molt_db_fuzz::{Record, bounded, records};
use molt_db_protocol::auth::Secret;
use molt_db_protocol::auth::scram::{
    Binding, Iterations, KeyDerivation, Offer, ScramClient, ScramServer, Verifier,
};

fuzz_target!(|input: &[u8]| {
    let [choice, script @ ..] = input else { return };
    let mut records = records(script);
    let Some(password) = records.next() else { return };
    let between = Between { changes: records.collect() };
    let (client, offer) = (binding(*choice), offer(*choice));
    let may_agree = fits(&client, &offer) && password.kind == b'=';
    let outcome = bounded(input.len(), || between.carry(password, client, offer));
    assert!(may_agree || !(outcome.server_is_content || outcome.client_is_content), "for nothing");
    assert!(!outcome.client_is_content || outcome.server_is_content, "the server has not proved anything");
    assert_eq!(outcome.server_is_content, may_agree && outcome.came_to_server_as_sent);
    assert_eq!(outcome.client_is_content, outcome.server_is_content && outcome.proof_came_as_sent);
});

struct Between<'i> {
    changes: Vec<Record<'i>>,
}

#[derive(Default)]
struct Outcome {
    server_is_content: bool,
    client_is_content: bool,
    /// Both messages of the client, and the server's first, which the client's proof covers.
    came_to_server_as_sent: bool,
    proof_came_as_sent: bool,
}

impl Between<'_> {
    fn carry(&self, password: Record<'_>, binding: Binding, offer: Offer) -> Outcome {
        let nothing = Outcome::default();
        let secret = Secret::new(password.body);
        let mechanism = binding.mechanism();
        let client = ScramClient::new(&secret, &[1; 18], binding);
        let server = ScramServer::new(verifier(password), offer);

        let first = self.change(b'c', client.client_first());
        let mut as_sent = first == client.client_first();
        let Ok((server_first, checking)) = server.challenge(mechanism, &first, &[2; 18]) else {
            return nothing;
        };
        let challenge = self.change(b's', &server_first);
        as_sent &= challenge == server_first;
        let Ok((derivation, proving)) = client.challenge(&challenge, Iterations::new(8).expect("not 0"))
        else {
            return nothing;
        };
        let (client_final, verifying) = proving.prove(derivation.run());
        let answer = self.change(b'f', &client_final);
        as_sent &= answer == client_final;
        let Ok(server_final) = checking.check(&answer) else {
            return Outcome { came_to_server_as_sent: as_sent, ..nothing };
        };
        let proof = self.change(b'v', &server_final);
        Outcome {
            server_is_content: true,
            client_is_content: verifying.verify(&proof).is_ok(),
            came_to_server_as_sent: as_sent,
            proof_came_as_sent: proof == server_final || is_extended(&proof, &server_final),
        }
    }

    fn change(&self, kind: u8, message: &[u8]) -> Vec<u8> {
        let mut message = message.to_vec();
        for change in self.changes.iter().filter(|change| change.kind == kind) {
            let [offset, length, bytes @ ..] = change.body else { continue };
            let start = usize::from(*offset).min(message.len());
            let end = (start + usize::from(*length)).min(message.len());
            message.splice(start..end, bytes.iter().copied());
        }
        message
    }
}

/// RFC 5802 §7: extensions may follow the verifier, and nobody signs them.
fn is_extended(proof: &[u8], server_final: &[u8]) -> bool {
    proof.strip_prefix(server_final).is_some_and(|rest| rest.starts_with(b",") && !rest.contains(&0))
}

fn binding(choice: u8) -> Binding {
    match choice % 3 {
        0 => Binding::None,
        1 => Binding::Unused,
        _ => Binding::TlsServerEndPoint(vec![choice >> 4; 32]),
    }
}

fn offer(choice: u8) -> Offer {
    if choice & 8 == 0 { Offer::Plain } else { Offer::Plus(vec![7; 32]) }
}

/// What PostgreSQL makes of each pair.
// PG source: auth-scram.c, read_client_first_message
fn fits(binding: &Binding, offer: &Offer) -> bool {
    match (binding, offer) {
        (Binding::None, _) => true,
        (Binding::Unused, offer) => *offer == Offer::Plain,
        (Binding::TlsServerEndPoint(hash), offer) => *offer == Offer::Plus(hash.clone()),
    }
}

fn verifier(password: Record<'_>) -> Verifier {
    let mut known = password.body.to_vec();
    if password.kind != b'=' {
        known.push(b'!');
    }
    let four = Iterations::new(4).expect("not 0");
    Verifier::new(&KeyDerivation::new(&Secret::new(known), [7; 16], four).run())
}
