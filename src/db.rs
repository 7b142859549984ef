//! Connections and server facts.
/// Facts about a server.
#[derive(Debug, Clone)]
pub struct Server {
    /// v
    pub version_num: i32,
}
impl Server {
    /// Major.
    pub fn major(&self) -> i32 {
        self.version_num / 10000
    }
}
