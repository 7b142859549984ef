//! What the library tells while it plans: stages, in order. The command line draws them.

use std::fmt;
use std::sync::Arc;

/// Stage of making a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The live database is read, and the declared schema is elaborated at the same time.
    Read,
    /// Both are compared.
    Compare,
    /// The plan is executed on a scratch database, forward and back.
    Prove,
    /// Risks are rated with live figures.
    Rate,
}

impl Stage {
    /// Says what happens, in a few words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Read => "reading the live database and the declared schema",
            Self::Compare => "comparing them",
            Self::Prove => "executing the plan on a scratch database, forward and back",
            Self::Rate => "rating risks",
        }
    }
}

/// Where stages are told; by default nowhere.
#[derive(Clone, Default)]
pub struct Progress(Option<Arc<dyn Fn(Stage) + Send + Sync>>);

impl Progress {
    /// Tells stages to a function, as each begins.
    pub fn to(tell: impl Fn(Stage) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(tell)))
    }

    /// Tells that a stage begins.
    pub fn begin(&self, stage: Stage) {
        if let Some(tell) = &self.0 {
            tell(stage);
        }
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Progress")
    }
}
