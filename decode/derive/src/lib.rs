//! Derive macros of molt-db.
