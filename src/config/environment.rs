//! Environments: where a database is, and what may be done to it how. What an environment leaves out stands in
//! `defaults`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::blockers::Blockers;
use super::span::Span;
use crate::risk::Risk;

/// What `trueup.yaml` says about one environment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Environment {
    /// URL, which must hold no password.
    pub url: Option<String>,
    /// Name of the variable that holds the URL.
    pub url_env: Option<String>,
    /// Command that prints the URL.
    pub url_command: Option<Command>,
    /// Whether mistakes are expensive here: plans must be proven, dropped rows are kept, whoever applies must say so.
    pub protected: Option<bool>,
    /// Environment in which every change of a plan must have been applied and verified before.
    pub promote_from: Option<String>,
    /// Highest risk that needs no approval.
    pub allow: Option<Risk>,
    /// How long a statement may wait for a lock.
    pub lock_timeout: Option<Span>,
    /// How long a statement may run.
    pub statement_timeout: Option<Span>,
    /// What is done about sessions that stand in the way of a statement: `wait`, `wait:2min` or `refuse`.
    pub blockers: Option<Blockers>,
    /// What happens to the rows of tables and columns that are dropped.
    pub on_drop: Option<OnDrop>,
    /// Whether an apply that fails part-way, or whose checks fail, is rolled back at once.
    pub rollback_on_failure: Option<bool>,
    /// Whether rows are looked at before they can break a statement.
    pub preflight: Option<bool>,
    /// Backup before an apply.
    pub backup: Option<Backup>,
    /// Commands around plan and apply.
    pub hooks: Hooks,
    /// What is checked after an apply.
    pub checks: Checks,
    /// Who is told.
    pub notify: Vec<Notify>,
    /// File or folder that the schema is written to after an apply: `structure.sql`, `schema.yaml`, `schema.json`.
    pub export: Option<PathBuf>,
}

/// A command: words, or one line for the shell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Command {
    /// Run by `sh -c`.
    Line(String),
    /// Program and arguments, with no shell between.
    Words(Vec<String>),
}

/// What happens to the rows of tables and columns that are dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnDrop {
    /// They are gone.
    #[default]
    Drop,
    /// Tables move to schema `trueup_quarantine`, columns are copied there; a rollback brings them back.
    Quarantine,
    /// Tables, columns and values that a change of type may lose are copied to schema `trueup_quarantine`; a rollback puts
    /// them back.
    Backup,
}

/// When a backup is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// Never.
    Never,
    /// Where a plan has a dangerous or critical finding.
    Dangerous,
    /// Before each apply that has something to do.
    Always,
}

/// What a backup holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// The whole database.
    #[default]
    Database,
    /// The tables that the plan touches.
    Tables,
}

/// Backup before an apply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backup {
    /// When one is made.
    pub when: When,
    /// What it holds.
    #[serde(default)]
    pub scope: Scope,
    /// Folder; `backups` where it is left out.
    pub folder: Option<PathBuf>,
    /// Connections of `pg_dump` in parallel; more than one makes a folder of files.
    pub jobs: Option<u32>,
    /// `pg_dump` to run; the one on the path where it is left out.
    pub pg_dump: Option<PathBuf>,
    /// Command that makes the backup in place of `pg_dump`.
    pub command: Option<Command>,
    /// How long a backup may take.
    pub timeout: Option<Span>,
    /// How many backups are kept.
    pub keep: Option<usize>,
    /// How long backups are kept.
    pub keep_for: Option<Span>,
}

/// A command that is run at a certain moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hook {
    /// Command; the plan as JSON is on its standard input.
    pub command: Command,
    /// How long it may take; a minute where it is left out.
    pub timeout: Option<Span>,
}

/// Commands around plan and apply.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Hooks {
    /// Before a plan is made; its input is empty. A failure stops it.
    pub pre_plan: Vec<Hook>,
    /// Before the first statement. A failure stops the apply.
    pub pre_apply: Vec<Hook>,
    /// After the last statement; a failure counts as a failed check.
    pub verify: Vec<Hook>,
    /// After an apply that succeeded. A failure is told.
    pub post_apply: Vec<Hook>,
    /// After an apply that did not. A failure is told.
    pub on_failure: Vec<Hook>,
}

/// An address that must answer after an apply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HealthCheck {
    /// Address.
    pub url: String,
    /// Status that it must answer with; 200 where it is left out.
    pub status: Option<u16>,
    /// Text that the answer must hold.
    pub contains: Option<String>,
    /// How long one answer may take; 5 seconds where it is left out.
    pub timeout: Option<Span>,
    /// How long it is asked again until it answers so; 30 seconds where it is left out.
    pub within: Option<Span>,
}

/// A query that tells whether all is well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SqlCheck {
    /// What is checked.
    pub name: String,
    /// Query with one row and one boolean column; it cannot write.
    pub query: String,
}

/// What is checked after an apply.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Checks {
    /// Addresses.
    pub health: Vec<HealthCheck>,
    /// Queries.
    pub sql: Vec<SqlCheck>,
    /// How long one query may take; 30 seconds where it is left out.
    pub timeout: Option<Span>,
}

/// Form of a notification.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// JSON of trueup's own.
    #[default]
    Webhook,
    /// A message as Slack, Mattermost and others take it.
    Slack,
    /// An event for Sentry; the address is its DSN.
    Sentry,
}

/// When somebody is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// An apply begins.
    Started,
    /// It paused where it was told to.
    Paused,
    /// It succeeded.
    Succeeded,
    /// It failed.
    Failed,
    /// It was rolled back.
    RolledBack,
}

/// Who is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notify {
    /// Name of the variable that holds the address, which is a secret.
    pub url_env: String,
    /// Form.
    #[serde(default)]
    pub form: Form,
    /// Moments; every one but the start where it is left out.
    pub on: Option<Vec<Moment>>,
}

impl Environment {
    /// Returns the environment with what it leaves out taken from the defaults. Lists do not add up: the nearer wins.
    #[must_use]
    pub fn over(self, defaults: &Self) -> Self {
        let or = |own: Vec<Hook>, other: &[Hook]| if own.is_empty() { other.to_vec() } else { own };
        let has_url = self.url.is_some() || self.url_env.is_some() || self.url_command.is_some();
        let from = if has_url { &Self::default() } else { defaults };
        Self {
            url: self.url.or_else(|| from.url.clone()),
            url_env: self.url_env.or_else(|| from.url_env.clone()),
            url_command: self.url_command.or_else(|| from.url_command.clone()),
            protected: self.protected.or(defaults.protected),
            promote_from: self.promote_from.or_else(|| defaults.promote_from.clone()),
            allow: self.allow.or(defaults.allow),
            lock_timeout: self.lock_timeout.or(defaults.lock_timeout),
            statement_timeout: self.statement_timeout.or(defaults.statement_timeout),
            blockers: self.blockers.or(defaults.blockers),
            on_drop: self.on_drop.or(defaults.on_drop),
            rollback_on_failure: self.rollback_on_failure.or(defaults.rollback_on_failure),
            preflight: self.preflight.or(defaults.preflight),
            backup: self.backup.or_else(|| defaults.backup.clone()),
            hooks: Hooks {
                pre_plan: or(self.hooks.pre_plan, &defaults.hooks.pre_plan),
                pre_apply: or(self.hooks.pre_apply, &defaults.hooks.pre_apply),
                verify: or(self.hooks.verify, &defaults.hooks.verify),
                post_apply: or(self.hooks.post_apply, &defaults.hooks.post_apply),
                on_failure: or(self.hooks.on_failure, &defaults.hooks.on_failure),
            },
            checks: Checks {
                health: nearer(self.checks.health, &defaults.checks.health),
                sql: nearer(self.checks.sql, &defaults.checks.sql),
                timeout: self.checks.timeout.or(defaults.checks.timeout),
            },
            notify: nearer(self.notify, &defaults.notify),
            export: self.export.or_else(|| defaults.export.clone()),
        }
    }

    /// Tells whether mistakes are expensive here.
    pub fn is_protected(&self) -> bool {
        self.protected.unwrap_or(false)
    }

    /// Returns what happens to rows that are dropped.
    pub fn on_drop(&self) -> OnDrop {
        let default = if self.is_protected() {
            OnDrop::Quarantine
        } else {
            OnDrop::Drop
        };
        self.on_drop.unwrap_or(default)
    }
}

fn nearer<T: Clone>(own: Vec<T>, other: &[T]) -> Vec<T> {
    if own.is_empty() { other.to_vec() } else { own }
}

/// Environments by name.
pub type Environments = BTreeMap<String, Environment>;
