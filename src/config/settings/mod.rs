//! What can be set by hand and asked for, a topic in each file. Connection strings set the same.

mod hosts;
mod limits;
mod login;
mod session;
mod tcp;
mod tls;

pub(super) use hosts::{PORT_EXPECTED, read_hostaddrs, read_hosts, read_ports};

use std::path::{Path, PathBuf};

use molt_db_protocol::auth::Secret;

/// An empty text says the same as none, but that nothing else fills it in.
fn said(text: Option<&String>) -> Option<&str> {
    text.map(String::as_str).filter(|text| !text.is_empty())
}

fn said_path(path: Option<&PathBuf>) -> Option<&Path> {
    path.map(PathBuf::as_path).filter(|path| !path.as_os_str().is_empty())
}

fn said_secret(secret: Option<&Secret>) -> Option<&Secret> {
    secret.filter(|secret| !secret.expose().is_empty())
}
