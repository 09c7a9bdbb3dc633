//! Servers that follow another one, by streaming replication.

use std::path::PathBuf;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use super::Server;
use crate::account::Account;
use crate::command;
use crate::error::KitError;
use crate::home::Home;
use crate::options::line;
use crate::tls::{Certificates, TlsSetup};
use crate::user::KIT_USER;

impl Server {
    /// Starts a hot standby of this server, which stops and starts again for it: the copy of its data folder is the
    /// backup that the standby begins with.
    ///
    /// # Errors
    ///
    /// When one of the two does not stop, start, or let itself be copied.
    pub fn start_standby(&self) -> Result<Self, KitError> {
        let home = Home::create()?;
        self.stop()?;
        // PG docs: backup-file
        let mut copy = Account::get()?.command("cp");
        command::output(copy.arg("-R").arg(self.home.data()).arg(home.data()))?;
        self.restart()?;
        let mut standby = Self {
            postmaster: Mutex::new(None),
            tls: Mutex::new(TlsSetup::default()),
            certificates: Certificates::create(home.path().join("tls"))?,
            password: self.password.clone(),
            port: 0,
            options: self.options.clone(),
            binaries: self.binaries.clone(),
            home,
        };
        standby.write_upstream(self)?;
        standby.start_on_free_port()?;
        standby.wait_until_it_streams()?;
        Ok(standby)
    }

    /// Makes a standby the primary, and waits until it is.
    ///
    /// # Errors
    ///
    /// When it is not a standby, or still is one after a minute.
    pub fn promote(&self) -> Result<(), KitError> {
        let promoted = self.sql("select pg_promote(true, 60)")?;
        if promoted != [[Some("t".to_owned())]] {
            return Err(KitError::Setting(format!("{self:?} was not promoted")));
        }
        Ok(())
    }

    /// Starts this server again, as a standby of `primary`: a former primary was stopped before another server, which
    /// had received all that it wrote, was promoted.
    ///
    /// # Errors
    ///
    /// When it does not start, or does not get anything from the primary within a minute.
    pub fn follow(&self, primary: &Self) -> Result<(), KitError> {
        self.stop()?;
        self.write_upstream(primary)?;
        self.restart()?;
        self.wait_until_it_streams()
    }

    // PG docs: warm-standby, "Setting Up a Standby Server"
    fn write_upstream(&self, primary: &Self) -> Result<(), KitError> {
        let folder = primary.home.path().display();
        let upstream = format!("host={folder} port={} user={KIT_USER}", primary.port);
        let settings = [line("primary_conninfo", &upstream)?, line("wal_retrieve_retry_interval", "50ms")?];
        self.write("postgresql.auto.conf", &settings.concat())?;
        self.write("standby.signal", "")?;
        Account::get()?.own(&self.signal_file())
    }

    fn wait_until_it_streams(&self) -> Result<(), KitError> {
        let deadline = Instant::now() + LONGEST_WAIT;
        while Instant::now() < deadline {
            let streaming = self.sql("select 1 from pg_stat_wal_receiver where status = 'streaming'")?;
            if !streaming.is_empty() {
                return Ok(());
            }
            thread::sleep(POLL);
        }
        let reason = "the standby does not stream".to_owned();
        Err(KitError::Server { reason, log: self.log()? })
    }

    fn signal_file(&self) -> PathBuf {
        self.home.data().join("standby.signal")
    }
}

const LONGEST_WAIT: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(20);
