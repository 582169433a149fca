//! Where the weights of networks lie on this machine. They are never downloaded at run time.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use presscheck_core::checks::ModelFile;
use presscheck_core::units::Digest;

/// The environment variable that names another folder.
const FOLDER: &str = "PRESSCHECK_MODELS";

/// The most bytes of a file of weights.
const MAX_BYTES: u64 = 256 << 20;

/// Finds a network's weights: in the folder that `PRESSCHECK_MODELS` names, else in `models` beside the program
/// or above it (as in a checkout that was built), else in `/models` (as in the container).
///
/// # Errors
/// Why there are none, and what to do.
pub fn find(file: &ModelFile) -> Result<Bytes, String> {
    let named = std::env::var_os(FOLDER).filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let folders = match named {
        Some(folder) => vec![folder],
        None => usual(std::env::current_exe().ok().as_deref()),
    };
    find_in(file, &folders)
}

fn usual(program: Option<&Path>) -> Vec<PathBuf> {
    // `target/debug/deps/program` of a test is four steps below the checkout.
    let above = program.into_iter().flat_map(|program| program.ancestors().skip(1).take(4));
    above.map(|folder| folder.join("models")).chain([PathBuf::from("/models")]).collect()
}

fn find_in(file: &ModelFile, folders: &[PathBuf]) -> Result<Bytes, String> {
    let todo = "run `make models`, or use the container, which carries it";
    let path = folders.iter().map(|folder| folder.join(file.name)).find(|path| path.is_file());
    let Some(path) = path else {
        return Err(format!("the model file {} is not installed ({todo})", file.name));
    };
    let told = |why: String| format!("the model file {} {why} ({todo})", path.display());
    let size = std::fs::metadata(&path).map_err(|error| told(format!("can't be read: {error}")))?;
    if size.len() > MAX_BYTES {
        return Err(told("is too large to be ours".to_owned()));
    }
    let bytes = std::fs::read(&path).map_err(|error| told(format!("can't be read: {error}")))?;
    // Other weights would read otherwise, and nobody would know why.
    if Digest::of(&bytes).to_string() != file.sha256 {
        return Err(told("is not the one that this version was measured with".to_owned()));
    }
    Ok(bytes.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_bytes_are_taken() {
        let folder = tempfile::tempdir().unwrap();
        let folders = [folder.path().join("nowhere"), folder.path().to_owned()];
        let digest = Digest::of(b"weights").to_string();
        let file = ModelFile { name: "reader.onnx", sha256: Box::leak(digest.into_boxed_str()) };
        let why = find_in(&file, &folders).unwrap_err();
        assert!(why.contains("not installed") && why.contains("make models"), "{why}");
        let path = folder.path().join(file.name);
        std::fs::write(&path, b"weights").unwrap();
        assert_eq!(find_in(&file, &folders).unwrap(), "weights");
        std::fs::write(&path, b"others").unwrap();
        let why = find_in(&file, &folders).unwrap_err();
        assert!(why.contains("is not the one"), "{why}");
    }

    #[test]
    fn the_folder_of_a_checkout_is_found_from_its_programs() {
        for program in ["/c/target/release/presscheck", "/c/target/debug/deps/integration-1"] {
            let folders = usual(Some(Path::new(program)));
            assert!(folders.contains(&PathBuf::from("/c/models")), "{program}: {folders:?}");
        }
    }
}
