//! Values of crates that are widely used, each behind the feature of its name. They are read and sent as types of ours, into
//! which they are converted, exactly or not at all.

#[cfg(feature = "chrono")]
mod chrono;
#[cfg(feature = "ipnet")]
mod ipnet;
#[cfg(feature = "jiff")]
mod jiff;
#[cfg(any(feature = "chrono", feature = "jiff", feature = "time"))]
mod moment;
#[cfg(feature = "rust_decimal")]
mod rust_decimal;
#[cfg(feature = "serde_json")]
mod serde_json;
#[cfg(feature = "time")]
mod time;
#[cfg(feature = "uuid")]
mod uuid;

#[cfg(test)]
mod testing;
