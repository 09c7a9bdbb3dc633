//! The messages, one family a file, as they stand in the specification.
//!
//! [`FrontendMessage`] is any message of a client, [`BackendMessage`] any of a server, and [`StartupPacket`] what
//! comes before either. Beside them every message has a reader and a writer of its own, for those who know which one
//! they are at.
// PG docs: protocol-message-formats

mod authentication;
mod backend;
mod bind;
mod command_complete;
mod copy;
mod copy_response;
mod data_row;
mod describe;
mod error_builder;
mod error_field;
mod execute;
mod fields;
mod formats;
mod frontend;
mod function_call;
mod key_data;
mod negotiate;
mod notification;
mod oids;
mod other_method;
mod parameter_description;
mod parameter_status;
mod parse;
mod password;
mod password_message;
mod ready;
mod row_description;
mod sasl_mechanisms;
mod server_error;
mod severity;
mod simple;
mod startup;
mod startup_packet;
mod sync;
#[cfg(test)]
mod tests;
mod values;
mod version;
mod wire_format;

pub use authentication::Authentication;
pub use backend::BackendMessage;
pub use bind::{Bind, BindMessage, bind};
pub use command_complete::CommandTag;
pub use copy::{copy_data, copy_done, copy_fail, parse_copy_fail};
pub use copy_response::{CopyDirection, CopyResponse, copy_response};
pub use data_row::data_row;
pub use describe::{Target, close, describe};
pub use error_builder::ServerErrorBuilder;
pub use error_field::ErrorField;
pub use execute::{Execute, execute};
pub use fields::Fields;
pub use formats::Formats;
pub use frontend::FrontendMessage;
pub use function_call::{FunctionCall, function_call_response, parse_function_call_response};
pub use key_data::CancelKey;
pub use negotiate::NegotiateProtocolVersion;
pub use notification::Notification;
pub use oids::Oids;
pub use other_method::OtherMethod;
pub use parameter_description::{encode_parameter_description, parameter_description};
pub use parameter_status::ParameterStatus;
pub use parse::{ParseMessage, parse};
pub use password::{gss_response, password, sasl_initial_response, sasl_response};
pub use password_message::{PasswordContext, PasswordMessage};
pub use ready::{TransactionStatus, ready_for_query};
pub use row_description::{FieldDescription, encode_row_description, row_description};
pub use sasl_mechanisms::SaslMechanisms;
pub use server_error::{ServerError, SqlState};
pub use severity::Severity;
pub use simple::{parse_query, query, terminate};
pub use startup::{
    SslAnswer, StartupMessage, cancel_request, gss_enc_request, ssl_answer, ssl_request, startup_message,
};
pub use startup_packet::{StartupPacket, StartupParameters};
pub use sync::{flush, sync};
pub use values::Values;
pub use version::ProtocolVersion;
pub use wire_format::WireFormat;
