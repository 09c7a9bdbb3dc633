//! What a target is and has, found out before the first case.

use std::collections::HashSet;
use std::time::Duration;

use molt_db_protocol::message::{Authentication, SaslMechanisms};
use molt_db_protocol::wire::Tag;

use crate::case::Case;
use crate::fault::Fault;
use crate::login::{login_as, open, wants_token};
use crate::need::{Method, Need};
use crate::say;
use crate::server::oauth::discovery;
use crate::step::plain_startup;
use crate::target::{Account, Encryption, Target};
use crate::transcript::Word;
use crate::wire::Wire;

/// What a target is and has.
///
/// A target lacks what it answers with an error. One that answers with nonsense is taken to have it, so that the cases
/// about it can say so.
#[derive(Debug)]
pub(crate) struct Survey {
    pub(crate) target: Target,
    /// As the server tells it: `18.4`.
    pub(crate) version: String,
    pub(crate) major: u32,
    has: HashSet<Need>,
    accounts: Vec<(Method, Account)>,
}

impl Survey {
    /// Looks for what these cases need, and for nothing else: what a target is asked for may stay with it.
    pub(crate) async fn of(
        target: &Target,
        cases: &[Case],
        accounts: &[Account],
        patience: Duration,
    ) -> Result<Self, Fault> {
        let needed: HashSet<Need> = cases.iter().flat_map(|case| case.needs.iter().copied()).collect();
        let mut wire = login_as(target, &target.account, say::V3_0, &[], patience).await?;
        let version = value_of(&mut wire, "server_version").await;
        let number =
            value_of(&mut wire, "server_version_num").await.and_then(|text| text.parse::<u32>().ok());
        let mut has = HashSet::new();
        if value_of(&mut wire, "server_encoding").await.is_none_or(|encoding| encoding == "UTF8") {
            has.insert(Need::Utf8);
        }
        for (need, message) in probes().into_iter().filter(|(need, _)| needed.contains(need)) {
            if !is_refused(&mut wire, &message).await {
                has.insert(need);
            }
        }
        if target.encryption == Encryption::None {
            has.insert(Need::Cleartext);
        }
        if wire.key.is_some() {
            has.insert(Need::Cancel);
        }
        let mut survey = Self {
            target: target.clone(),
            version: version.unwrap_or_else(|| "of an unknown version".to_owned()),
            major: number.map_or(NEWEST, |number| number / 10_000),
            has,
            accounts: Vec::new(),
        };
        survey.ask_for_encryption(patience).await;
        if needed.contains(&Need::Replication) {
            survey.ask_for_replication(patience).await;
        }
        for account in std::iter::once(&target.account).chain(accounts) {
            let method = method_of(target, account, patience).await;
            survey.accounts.extend(method.map(|method| (method, account.clone())));
        }
        survey.ask_for_a_validator(patience).await;
        Ok(survey)
    }

    /// Returns why the case is not for this target, if it is not.
    pub(crate) fn reason_to_skip(&self, case: &Case) -> Option<String> {
        if !case.versions.contains(&self.major) {
            return Some(format!("it is not about PostgreSQL {}", self.major));
        }
        let missing = case.needs.iter().find(|need| match need {
            Need::Account(method) => self.account(*method).is_none(),
            other => !self.has.contains(other),
        });
        missing.map(ToString::to_string)
    }

    pub(crate) fn account(&self, method: Method) -> Option<&Account> {
        self.accounts.iter().find(|(found, _)| *found == method).map(|(_, account)| account)
    }

    async fn ask_for_encryption(&mut self, patience: Duration) {
        for (request, answer, need) in
            [(say::ssl_request(), b'S', Need::Tls), (say::gss_request(), b'N', Need::NoGss)]
        {
            let Ok(mut wire) = Wire::open(&self.target, patience).await else { continue };
            wire.send(&request).await;
            if wire.byte().await == Some(answer) {
                self.has.insert(need);
            }
        }
    }

    /// Where nothing validates tokens, somebody who shows none is not told where to get one.
    async fn ask_for_a_validator(&mut self, patience: Duration) {
        let Some(account) = self.account(Method::OAuth).cloned() else { return };
        let Ok(mut wire) = open(&self.target, patience).await else { return };
        wire.send(&plain_startup(&account)).await;
        wire.word().await;
        wire.send(&discovery()).await;
        if wire.word().await.is_none_or(|word| word.name != "Fatal") {
            self.has.insert(Need::TokenValidator);
        }
    }

    async fn ask_for_replication(&mut self, patience: Duration) {
        let session = [("replication", "database")];
        let found = login_as(&self.target, &self.target.account, say::V3_0, &session, patience).await;
        let Ok(mut wire) = found else { return };
        self.has.insert(Need::Replication);
        if value_of(&mut wire, "wal_level").await.as_deref() == Some("logical") {
            self.has.insert(Need::LogicalReplication);
        }
    }
}

fn probes() -> [(Need, Vec<u8>); 5] {
    let int4pl = say::call(INT4PL, &[], 2, &say::lengths_and_bytes(&[Some(b"1"), Some(b"2")]), 0);
    [
        (Need::TemporaryTables, say::query("create temp table pgspec_probe (a int)")),
        (Need::Copy, say::query("copy (select 1) to stdout")),
        (Need::FunctionCall, int4pl),
        (Need::Notify, say::query("listen pgspec_probe")),
        (Need::PlPgSql, say::query("do $$ begin end $$")),
    ]
}

/// Whoever does not understand a good message (08P01) is wrong, and does not lack anything.
async fn is_refused(wire: &mut Wire, message: &[u8]) -> bool {
    let refuses = |word: &Word| word.name == "Fatal" || (word.name == "Error" && word.content != "08P01");
    answer(wire, message).await.iter().any(refuses)
}

async fn value_of(wire: &mut Wire, setting: &str) -> Option<String> {
    let words = answer(wire, &say::query(&format!("show {setting}"))).await;
    words.into_iter().find(|word| word.name == "Row").map(|word| word.content)
}

/// Returns what comes up to Ready, or as far as it comes.
async fn answer(wire: &mut Wire, message: &[u8]) -> Vec<Word> {
    wire.send(message).await;
    let mut words = Vec::new();
    while let Some(word) = wire.word().await {
        let is_last = matches!(word.name, "Ready" | "End" | "Garbage") || words.len() == LONGEST_ANSWER;
        words.push(word);
        if is_last {
            break;
        }
    }
    words
}

/// Returns how this account has to log in.
async fn method_of(target: &Target, account: &Account, patience: Duration) -> Option<Method> {
    let mut wire = open(target, patience).await.ok()?;
    wire.send(&plain_startup(account)).await;
    let (Tag::Authentication, body) = wire.peek().await? else { return None };
    match Authentication::parse(&body).ok()? {
        Authentication::Ok => Some(Method::Trust),
        Authentication::CleartextPassword => Some(Method::Cleartext),
        Authentication::Md5Password(_) => Some(Method::Md5),
        Authentication::Sasl(offered) => Some(by_sasl(offered)),
        _ => None,
    }
}

/// Returns how somebody has to log in to whom these mechanisms are offered.
fn by_sasl(offered: SaslMechanisms<'_>) -> Method {
    if wants_token(offered) { Method::OAuth } else { Method::Scram }
}

const INT4PL: u32 = 177;
const LONGEST_ANSWER: usize = 100;

/// What a target that does not tell its version is taken for.
const NEWEST: u32 = 18;
