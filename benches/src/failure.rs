use std::error::Error;

/// Why a run failed: a text for whoever started it.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;
