//! Function, window functions included.

use serde::{Deserialize, Serialize};

use super::routine::Routine;
use super::{Alter, BaseType, Context, Kind, Object, Row, Statement};
use crate::catalog::{Addresses, Identity};
use crate::db::Server;
use crate::error::Result;

/// A function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Function(pub Routine);

impl Object for Function {
    const CLASS: u32 = 1255;
    const AMONG: (u32, &'static str) = (1255, "fw");

    fn query(_server: &Server) -> String {
        Routine::query("p.prokind IN ('f', 'w')")
    }

    fn read(row: &Row, _addresses: &Addresses) -> Result<Option<Self>> {
        Ok(Some(Self(Routine::read(row)?)))
    }

    fn identity(&self) -> Identity {
        self.0.identity(Kind::Function)
    }

    fn significant(self) -> Self {
        Self(self.0.significant())
    }

    fn dependencies(&self) -> Vec<Identity> {
        self.0.dependencies()
    }

    fn after(&self, context: &Context) -> Vec<Identity> {
        Routine::after(context)
    }

    fn claims(&self) -> Vec<(&'static str, String)> {
        self.0.claims()
    }

    fn create(&self, _context: &Context) -> Vec<Statement> {
        self.0.create()
    }

    fn drop(&self, context: &Context) -> Vec<Statement> {
        if BaseType::takes_along(&self.identity(), context) {
            return Vec::new();
        }
        self.0.drop()
    }

    fn alter(&self, desired: &Self, _context: &Context) -> Alter {
        self.0.alter(&desired.0)
    }

    fn rename(&self, desired: &Self, _context: &Context) -> Option<Vec<Statement>> {
        self.0.rename(&desired.0)
    }
}
