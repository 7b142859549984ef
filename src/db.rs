//! Connections and server facts.
/// Facts about a server.
#[derive(Debug, Clone)]
pub struct Server {
    /// v
    pub version_num: i32,
    /// u
    pub user: String,
}
impl Server {
    /// Major.
    pub fn major(&self) -> i32 {
        self.version_num / 10000
    }
    /// Reads.
    pub fn read(_c: &mut postgres::Client) -> crate::error::Result<Self> {
        Err(crate::error::Error::usage("x"))
    }
}
/// Url
#[derive(Debug, Clone)]
pub struct Url(String);
impl Url {
    /// Connect
    pub fn connect(&self) -> crate::error::Result<postgres::Client> {
        Err(crate::error::Error::usage(self.0.clone()))
    }
}
