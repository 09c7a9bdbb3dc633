//! tokio-postgres, with TLS by tokio-postgres-rustls.

pub(super) mod connect;

pub(super) const SUMMARY: &str = "\
tokio-postgres, with TLS by tokio-postgres-rustls and ring.
connect: within ten seconds. The configuration of TLS is made once; each connection has its task, whose end is waited
for.";
