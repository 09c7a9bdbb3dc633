//! The messages, one family a file, as they stand in the specification.
// PG docs: protocol-message-formats

mod authentication;
mod command_complete;
mod copy;
mod extended;
mod key_data;
mod negotiate;
mod notification;
mod parameter_description;
mod parameter_status;
mod password;
mod ready;
mod row_description;
mod server_error;
mod simple;
mod startup;

pub use authentication::{Authentication, SaslMechanisms};
pub use command_complete::CommandTag;
pub use copy::copy_fail;
pub use extended::{Bind, Target, WireFormat, bind, close, describe, execute, flush, parse, sync};
pub use key_data::CancelKey;
pub use negotiate::NegotiateProtocolVersion;
pub use notification::Notification;
pub use parameter_description::parameter_description;
pub use parameter_status::ParameterStatus;
pub use password::{password, sasl_initial_response, sasl_response};
pub use ready::{TransactionStatus, ready_for_query};
pub use row_description::{FieldDescription, row_description};
pub use server_error::{ServerError, SqlState};
pub use simple::{query, terminate};
pub use startup::{SslAnswer, StartupMessage, cancel_request, ssl_answer, ssl_request, startup_message};
