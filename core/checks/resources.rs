//! What checks need of the world. The shell reads it beforehand; the checks never read a file.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::units::RepoPath;

/// A network's weights, which the build fetches and the shell finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModelFile {
    /// Its name in the folder of models.
    pub name: &'static str,
    /// The SHA-256 of its bytes, in lower-case hexadecimal digits. Other bytes are not loaded.
    pub sha256: &'static str,
}

/// What the checks of a policy need.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Files of the repository, each with the check that wants it.
    pub files: Vec<(&'static str, RepoPath)>,
    /// Programs that must be installed, by name or whole path, each with the check that runs it.
    pub programs: Vec<(&'static str, String)>,
    /// Weights.
    pub models: Vec<ModelFile>,
}

/// What was found of it.
#[derive(Clone, Debug, Default)]
pub struct Resources {
    files: BTreeMap<RepoPath, Bytes>,
    models: BTreeMap<&'static str, Result<Bytes, String>>,
    programs: bool,
    nobody: Option<String>,
}

impl Resources {
    /// Adds a file of the repository's trusted side.
    pub fn add_file(&mut self, path: RepoPath, bytes: Bytes) {
        self.files.insert(path, bytes);
    }

    /// Adds weights, or why there are none and what to do.
    pub fn add_model(&mut self, file: &ModelFile, found: Result<Bytes, String>) {
        self.models.insert(file.name, found);
    }

    /// Lets programs of the repository run: the policy that names them stands on the trusted side.
    pub const fn allow_programs(&mut self) {
        self.programs = true;
    }

    /// Lets no check ask anybody, neither a provider nor a program, and says why: a sentence without its full stop.
    pub fn ask_nobody(&mut self, why: &str) {
        self.nobody = Some(why.to_owned());
    }

    /// Why nobody may be asked, where that is so.
    #[must_use]
    pub fn why_nobody(&self) -> Option<&str> {
        self.nobody.as_deref()
    }

    /// Why no program may run, where that is so: it is not said that the policy stands on the trusted side.
    #[must_use]
    pub fn why_no_program(&self) -> Option<&str> {
        const UNTRUSTED: &str =
            "programs run once the policy that names them is on the base branch";
        self.why_nobody().or_else(|| (!self.programs).then_some(UNTRUSTED))
    }

    /// A file of the repository.
    #[must_use]
    pub fn file(&self, path: &RepoPath) -> Option<&Bytes> {
        self.files.get(path)
    }

    /// A network's weights.
    ///
    /// # Errors
    /// Why they are not there, and what to do: a sentence without its full stop.
    pub fn model(&self, file: &ModelFile) -> Result<&Bytes, String> {
        match self.models.get(file.name) {
            Some(found) => found.as_ref().map_err(Clone::clone),
            None => Err(format!("the model file {} was not looked for", file.name)),
        }
    }
}
