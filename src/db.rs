//! Connections and server facts.
