//! What every lab of this repository has.

#[apply(test)]
fn labs_and_recipes_name_no_mirror() {
    let mirrors = [
        "deb.debian.org",
        "pypi.org",
        "registry.npmjs.org",
        "files.pythonhosted.org",
        "artifactory",
    ];
    let mut wrong = Vec::new();
    for path in ["compose", "labs"].iter().flat_map(|folder| files(folder)) {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let named = mirrors.iter().filter(|mirror| text.contains(**mirror));
        wrong.extend(named.map(|mirror| format!("{}: {mirror}", path.display())));
    }
    assert_eq!(wrong, [""; 0]);
}

/// All files below a folder of the repository.
fn files(folder: &str) -> Vec<std::path::PathBuf> {
    let mut found = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    let mut files = Vec::new();
    while let Some(path) = found.pop() {
        match path.is_dir() {
            true => {
                let entries = std::fs::read_dir(&path).expect("a folder of the repository");
                found.extend(entries.map(|entry| entry.expect("an entry of the folder").path()));
            }
            false => files.push(path),
        }
    }
    files
}

/// Labs of other people may be in one language only; these are in both.
#[apply(test)]
fn every_lab_is_in_english_and_korean() {
    let labs: Vec<_> = files("labs")
        .into_iter()
        .filter(|path| path.ends_with("lab.yaml"))
        .collect();
    assert!(labs.len() >= 5, "{labs:?}");
    for guide in labs
        .iter()
        .flat_map(|lab| ["guide.en.md", "guide.ko.md"].map(|guide| lab.with_file_name(guide)))
    {
        assert!(guide.exists(), "{} is missing", guide.display());
    }
}
