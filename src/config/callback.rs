use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use molt_db_protocol::auth::Secret;

use super::Endpoint;

/// A function of the program that knows a secret. It is asked again for every connection, and never prints.
#[derive(Clone)]
pub(crate) struct Callback(Arc<Ask>);

type Ask = dyn Fn(Endpoint) -> Pin<Box<dyn Future<Output = Result<Secret, Failed>> + Send>> + Send + Sync;

/// What the program says when it cannot tell.
pub(crate) type Failed = Box<dyn Error + Send + Sync>;

impl Callback {
    pub(super) fn new<F, A, S, E>(ask: F) -> Self
    where
        F: Fn(Endpoint) -> A + Send + Sync + 'static,
        A: Future<Output = Result<S, E>> + Send + 'static,
        S: Into<Vec<u8>>,
        E: Into<Failed>,
    {
        Self(Arc::new(move |endpoint| {
            let answer = ask(endpoint);
            Box::pin(async move { answer.await.map(Secret::new).map_err(Into::into) })
        }))
    }

    /// Asks for the secret that is good for this server.
    ///
    /// # Cancel safety
    ///
    /// A dropped future drops that of the program.
    pub(crate) async fn ask(&self, endpoint: &Endpoint) -> Result<Secret, Failed> {
        self.0(endpoint.clone()).await
    }
}

impl PartialEq for Callback {
    /// Two are equal if they are clones of one.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Callback {}

impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[callback]")
    }
}
