//! Target files at a git revision, with what they include from anywhere in its tree.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::psql;
use super::source::{Form, Shelf, TargetFile, form, target_file, with_includes};
use crate::error::{Error, ErrorKind, Result};

/// Reads the target files below a path, relative to the working directory, and those that they include.
pub(super) fn files(revision: &str, path: &str) -> Result<Vec<TargetFile>> {
    let listing = git(&["ls-tree", "-r", "-z", revision, "--", path])?;
    let listing = String::from_utf8_lossy(&listing).into_owned();
    let mut blobs: Vec<(&str, &str)> = listing.split_terminator('\0').filter_map(blob).collect();
    blobs.retain(|(name, _)| form(Path::new(name)).is_some() && !name.split('/').any(is_hidden));
    blobs.sort_unstable();
    let paths: Vec<PathBuf> = blobs.iter().map(|(name, _)| PathBuf::from(name)).collect();
    let mut tree = Tree {
        revision,
        prefix: prefix(),
        blobs: None,
        files: BTreeMap::new(),
    };
    tree.fetch(
        &blobs
            .iter()
            .map(|(name, id)| (PathBuf::from(name), (*id).to_owned()))
            .collect::<Vec<_>>(),
    )?;
    tree.follow()?;
    with_includes(&paths, &tree)
}

/// Returns the working directory within the repository; a repository without a work tree has none.
fn prefix() -> PathBuf {
    let prefix = git(&["rev-parse", "--show-prefix"]).unwrap_or_default();
    String::from_utf8_lossy(&prefix).trim_end().into()
}

/// The tree of a revision: what was read of it, by the path from its root.
struct Tree<'a> {
    revision: &'a str,
    /// The working directory within it.
    prefix: PathBuf,
    /// Object ids of all its files; asked for when something is included.
    blobs: Option<BTreeMap<PathBuf, String>>,
    files: BTreeMap<PathBuf, TargetFile>,
}

impl Tree<'_> {
    /// Reads what the files include, what those include, and so on: a process each time for all.
    fn follow(&mut self) -> Result<()> {
        loop {
            let named = self.named();
            if named.is_empty() {
                return Ok(());
            }
            self.list()?;
            let blobs = self.blobs.as_ref();
            let id = |path: &PathBuf| Some((path.clone(), blobs?.get(&self.canonical(path))?.clone()));
            let found: Vec<(PathBuf, String)> = named.iter().filter_map(id).collect();
            if found.is_empty() {
                return Ok(());
            }
            self.fetch(&found)?;
        }
    }

    /// Returns every path that an include can mean and that was not read yet, relative to the working directory.
    fn named(&self) -> Vec<PathBuf> {
        let mut out = BTreeMap::new();
        for (path, file) in self.files.iter().filter(|(_, file)| file.form == Form::Sql) {
            let by = self.below_working_directory(path);
            for include in psql::scan(&file.text).includes {
                let beside = by.parent().unwrap_or(Path::new("")).join(&include.path);
                for path in [beside, PathBuf::from(&include.path)] {
                    out.insert(self.canonical(&path), path);
                }
            }
        }
        out.retain(|path, _| !self.files.contains_key(path));
        out.into_values().collect()
    }

    /// Returns the path of a file as the working directory sees it.
    fn below_working_directory(&self, path: &Path) -> PathBuf {
        let mut up = PathBuf::new();
        let mut from = self.prefix.as_path();
        loop {
            if let Ok(rest) = path.strip_prefix(from) {
                return up.join(rest);
            }
            up.push("..");
            from = from.parent().unwrap_or(Path::new(""));
        }
    }

    /// Lists the whole tree, once.
    fn list(&mut self) -> Result<()> {
        if self.blobs.is_none() {
            let listing = git(&["ls-tree", "-r", "-z", "--full-tree", self.revision])?;
            let listing = String::from_utf8_lossy(&listing).into_owned();
            let blobs = listing.split_terminator('\0').filter_map(blob);
            self.blobs = Some(blobs.map(|(name, id)| (PathBuf::from(name), id.to_owned())).collect());
        }
        Ok(())
    }

    fn fetch(&mut self, blobs: &[(PathBuf, String)]) -> Result<()> {
        let ids: Vec<&str> = blobs.iter().map(|(_, id)| id.as_str()).collect();
        for ((path, _), bytes) in blobs.iter().zip(contents(&ids)?) {
            let shown = format!("{}:{}", self.revision, path.display());
            let file = target_file(shown, path, bytes)?;
            self.files.insert(self.canonical(path), file);
        }
        Ok(())
    }
}

impl Shelf for Tree<'_> {
    fn read(&self, path: &Path) -> Result<TargetFile> {
        self.files.get(&self.canonical(path)).cloned().ok_or_else(|| {
            Error::usage(format!(
                "there is no file {} at revision {}, though another one includes it",
                path.display(),
                self.revision
            ))
            .hint("Commit the file, or correct the path after `\\i` or `\\ir`.")
        })
    }

    fn has(&self, path: &Path) -> bool {
        self.files.contains_key(&self.canonical(path))
    }

    /// Returns the path from the root of the tree.
    fn canonical(&self, path: &Path) -> PathBuf {
        let mut out = PathBuf::new();
        for part in self.prefix.join(path).components() {
            match part {
                Component::ParentDir => {
                    out.pop();
                }
                Component::CurDir => {}
                other => out.push(other),
            }
        }
        out
    }
}

fn git(arguments: &[&str]) -> Result<Vec<u8>> {
    let output = Command::new("git")
        .args(arguments)
        .output()
        .map_err(|error| Error::io("running git", &error))?;
    checked(output)
}

fn checked(output: Output) -> Result<Vec<u8>> {
    if output.status.success() {
        return Ok(output.stdout);
    }
    let message = String::from_utf8_lossy(&output.stderr);
    let message = message
        .lines()
        .next()
        .unwrap_or("git failed")
        .trim_start_matches("fatal: ")
        .to_owned();
    Err(Error::new(ErrorKind::Usage, message)
        .hint("Check the revision with `git rev-parse`, and run trueup inside the repository."))
}

fn is_hidden(part: &str) -> bool {
    part.starts_with('.') && part != "." && part != ".."
}

/// Returns name and object id of a line of `git ls-tree`.
fn blob(line: &str) -> Option<(&str, &str)> {
    let (facts, name) = line.split_once('\t')?;
    let mut facts = facts.split(' ').skip(1);
    let is_blob = facts.next()? == "blob";
    is_blob.then_some((name, facts.next()?))
}

/// Reads all blobs with one process.
fn contents(ids: &[&str]) -> Result<Vec<Vec<u8>>> {
    let failed = |error: std::io::Error| Error::io("running git", &error);
    let mut child = Command::new("git")
        .args(["cat-file", "--batch"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let input = child.stdin.take();
    let asked = ids.join("\n") + "\n";
    // git answers while it is being asked: writing from here could block both sides.
    let writer = std::thread::spawn(move || input.map_or(Ok(()), |mut input| input.write_all(asked.as_bytes())));
    let output = child.wait_with_output().map_err(failed)?;
    writer.join().unwrap_or(Ok(())).map_err(failed)?;
    let output = checked(output)?;
    let mut rest = output.as_slice();
    ids.iter()
        .map(|_| next_content(&mut rest).ok_or_else(|| Error::internal("git's answer ended early")))
        .collect()
}

/// Takes one `<id> blob <size>` line with its content.
fn next_content(rest: &mut &[u8]) -> Option<Vec<u8>> {
    let newline = rest.iter().position(|b| *b == b'\n')?;
    let size: usize = std::str::from_utf8(&rest[..newline])
        .ok()?
        .rsplit(' ')
        .next()?
        .parse()
        .ok()?;
    let content = rest.get(newline + 1..newline + 1 + size)?.to_vec();
    *rest = rest.get(newline + size + 2..)?;
    Some(content)
}
