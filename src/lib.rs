//! molt-db
