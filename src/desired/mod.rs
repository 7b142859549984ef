//! Target files to statements to scratch to catalog.
