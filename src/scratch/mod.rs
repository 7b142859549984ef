//! Throw-away PostgreSQL.
