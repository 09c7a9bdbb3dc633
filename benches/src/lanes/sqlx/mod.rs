//! sqlx, with TLS by rustls.

pub(super) mod connect;

pub(super) const SUMMARY: &str = "\
sqlx, with TLS by rustls and ring.
connect: within ten seconds. Its options hold the name of the file of roots, which it reads for each connection; it does
not bind the login to the connection.";
