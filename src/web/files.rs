//! The learner's files on the page: a list, an editor, and what was changed of the lab's version.

use std::path::{Path, PathBuf};
use std::time::Duration;

use hyper::StatusCode;
use serde_json::{Map, Value, json};
use similar::{ChangeTag, TextDiff};

use crate::app::{App, DrawOf};
use crate::lab::LabId;
use crate::localized;
use crate::report::sanitize;
use crate::runner::Failure;
use crate::store::{
    Deleted, EditedFile, FileState, KeptFile, ListedFile, MAX_EDITED, MAX_LISTED, Saved, Workspace,
    editable_path,
};
use crate::web::actions::Form;
use crate::web::failures::failure_lines;
use crate::web::reply::{self, Reply};
use crate::web::site::Site;

/// The lines around a change that are shown with it.
const CONTEXT: usize = 3;

/// The longest time in which the shortest list of changes is looked for.
const DIFF_TIME: Duration = Duration::from_millis(200);

/// Returns the list of files.
pub(super) async fn list(site: &Site, app: &App, lab: &LabId) -> Reply {
    let listed = async {
        let files = match workspace(site, app, lab).await? {
            Some(workspace) => workspace.list()?,
            None => Vec::new(),
        };
        let more = (files.len() >= MAX_LISTED).then(|| {
            localized!(
                "only the first {count} files are listed",
                count = files.len()
            )
        });
        Ok::<_, Failure>(json!({
            "files": files.iter().filter_map(listed_file).collect::<Vec<_>>(),
            "folders": files.iter().filter_map(left_out).collect::<Map<_, _>>(),
            "more": more,
        }))
    };
    answer(listed.await)
}

/// Returns a file as the list shows it.
fn listed_file(file: &ListedFile) -> Option<Value> {
    let shown = sanitize(&file.path);
    let about = match file.state {
        FileState::LeftOut(_) => return None,
        FileState::Unchanged => None,
        FileState::Changed => Some(localized!("changed")),
        FileState::Own => Some(localized!("your own")),
        FileState::Copy => Some(localized!("a copy that was kept")),
        FileState::Deleted => Some(localized!("deleted")),
        FileState::Unreadable => Some(localized!("no permission to read it")),
    };
    // What is asked before the file is deleted.
    let question = match file.state {
        FileState::Unchanged => Some(localized!(
            "Delete {file}? It is the lab's version and can be brought back.",
            file = shown
        )),
        FileState::Changed | FileState::Own => Some(localized!(
            "Delete {file}? Your version stays beside it, under a name with the date.",
            file = shown
        )),
        FileState::Copy => Some(localized!(
            "Delete {file} for good? It is a copy that was kept.",
            file = shown
        )),
        FileState::Deleted | FileState::Unreadable | FileState::LeftOut(_) => None,
    };
    let name = file.path.rsplit('/').next().unwrap_or_default();
    Some(json!({
        "path": file.path,
        "name": sanitize(name),
        "shown": shown,
        "state": about,
        "deleted": file.state == FileState::Deleted,
        "unreadable": file.state == FileState::Unreadable,
        "question": question,
    }))
}

/// Returns the path of a folder that is listed in part, and how much of it is not.
fn left_out(folder: &ListedFile) -> Option<(String, Value)> {
    let FileState::LeftOut(count) = folder.state else {
        return None;
    };
    let more = localized!("{count} more", count);
    Some((folder.path.clone(), more.into()))
}

/// Returns a file as the editor shows it.
pub(super) async fn read(site: &Site, app: &App, lab: &LabId, query: &Form) -> Reply {
    let Some(path) = query.get("path").and_then(|path| editable_path(path)) else {
        return no_path();
    };
    let read = async {
        let Some(workspace) = workspace(site, app, lab).await? else {
            return Ok::<_, Failure>(json!({ "text": Value::Null }));
        };
        let file = workspace.edited(&path)?;
        Ok(json!({
            "text": file.text,
            "version": file.version,
            "original": file.original,
        }))
    };
    answer(read.await)
}

/// Compares the text in the editor with the file and with the lab's version.
pub(super) async fn compare(site: &Site, app: &App, lab: &LabId, form: &Form) -> Reply {
    let (path, text) = match written(form) {
        Ok(written) => written,
        Err(refused) => return *refused,
    };
    let compared = async {
        let Some(workspace) = workspace(site, app, lab).await? else {
            return Ok::<_, Failure>(json!({}));
        };
        Ok(comparison(&workspace.edited(&path)?, text))
    };
    answer(compared.await)
}

/// Returns how a text differs from a file and from the lab's version of it, each if there is a text.
fn comparison(file: &EditedFile, text: &str) -> Value {
    json!({
        "disk": file.text.as_deref().map(|there| changes(there, text)),
        "lab": file.original.as_deref().map(|original| changes(original, text)),
    })
}

/// Returns the path and the text of a form of the editor. Fails with the answer to one that names no file or is too large.
fn written(form: &Form) -> Result<(PathBuf, &str), Box<Reply>> {
    let field = |name: &str| form.get(name).map_or("", String::as_str);
    let path = editable_path(field("path")).ok_or_else(|| Box::new(no_path()))?;
    let text = field("text");
    if text.len() as u64 > MAX_EDITED {
        let sentence = localized!("the text is too large for this editor");
        let refused = reply::text(StatusCode::PAYLOAD_TOO_LARGE, &sentence);
        return Err(Box::new(refused));
    }
    Ok((path, text))
}

/// Saves the text in the editor. A version that was made elsewhere is replaced only if the form names it.
pub(super) async fn save(site: &Site, app: &App, lab: &LabId, form: &Form) -> Reply {
    let (path, text) = match written(form) {
        Ok(written) => written,
        Err(refused) => return *refused,
    };
    // A new file is made from none.
    let made_from = form.get("version").map(String::as_str);
    let saved = async {
        let workspace = workspace(site, app, lab).await?;
        let there = workspace.filter(|workspace| workspace.path.exists());
        let Some(workspace) = there else {
            return Ok::<_, Failure>(json!({
                "note": localized!("the files are there once the lab was started"),
            }));
        };
        let saved = match form.get("replaces") {
            Some(shown) => workspace.replace(&path, text, shown)?,
            None => workspace.save(&path, text, made_from.unwrap_or_default())?,
        };
        Ok(match saved {
            Saved::Written { version, kept } => json!({
                "saved": true,
                "version": version,
                "original": workspace.edited(&path)?.original,
                "note": saved_note(&path, kept.as_ref()),
            }),
            Saved::ChangedMeanwhile if made_from.is_none() => json!({
                "note": localized!("there is {file} already; open it from the list to change it", file = shown(&path)),
            }),
            Saved::ChangedMeanwhile => {
                let there = workspace.edited(&path)?;
                json!({
                    "there": there.version,
                    "changes": comparison(&there, text),
                    "note": localized!(
                        "{file} was changed elsewhere meanwhile and stays as it is; the differences are shown, and \"Replace it\" keeps a copy of it",
                        file = shown(&path)
                    ),
                })
            }
            Saved::NoFile => json!({
                "note": localized!("{file} is no file that can be written", file = shown(&path)),
            }),
        })
    };
    answer(saved.await)
}

/// Deletes a file of the learner that the editor has shown.
pub(super) async fn delete(site: &Site, app: &App, lab: &LabId, form: &Form) -> Reply {
    let field = |name: &str| form.get(name).map_or("", String::as_str);
    let Some(path) = editable_path(field("path")) else {
        return no_path();
    };
    let deleted = async {
        let Some(workspace) = workspace(site, app, lab).await? else {
            return Ok::<_, Failure>(json!({ "note": no_such_file(&path) }));
        };
        let file = shown(&path);
        Ok(match workspace.delete(&path, field("version"))? {
            Deleted::Removed => json!({
                "deleted": true,
                "note": localized!("deleted: {file}", file),
            }),
            Deleted::SetAside(kept) => json!({
                "deleted": true,
                "note": localized!(
                    "deleted: {file}; your version is now {kept}",
                    file,
                    kept = kept_name(&kept)
                ),
            }),
            Deleted::ChangedMeanwhile => json!({
                "note": localized!("{file} was changed elsewhere meanwhile and stays; open it again to see it", file),
            }),
            Deleted::Mounted => json!({
                "note": localized!("{file} cannot be deleted, because a service needs it to start; you can empty it", file),
            }),
            Deleted::NoFile => json!({ "note": no_such_file(&path) }),
        })
    };
    answer(deleted.await)
}

/// Brings back a file of the lab that the learner deleted.
pub(super) async fn restore(site: &Site, app: &App, lab: &LabId, form: &Form) -> Reply {
    let written = form.get("path").map_or("", String::as_str);
    let Some(path) = editable_path(written) else {
        return no_path();
    };
    let restored = async {
        let workspace = workspace(site, app, lab).await?;
        let there = match workspace {
            Some(workspace) => workspace.restore_deleted(&path)?,
            None => false,
        };
        Ok::<_, Failure>(match there {
            true => json!({
                "restored": true,
                "note": localized!("restored {file}, the lab's version", file = shown(&path)),
            }),
            false => json!({ "note": no_such_file(&path) }),
        })
    };
    answer(restored.await)
}

fn saved_note(path: &Path, kept: Option<&KeptFile>) -> String {
    match kept {
        None => localized!("saved: {file}", file = shown(path)),
        Some(kept) => localized!(
            "saved: {file}; what was there is now in {kept}",
            file = shown(path),
            kept = kept_name(kept)
        ),
    }
}

/// Returns the name under which a version was kept.
fn kept_name(kept: &KeptFile) -> String {
    let name = kept.kept.file_name().unwrap_or_default();
    sanitize(&name.to_string_lossy())
}

fn no_such_file(path: &Path) -> String {
    localized!("there is no such file: {file}", file = shown(path))
}

/// Returns the workspace of a run, or where that of the next one will be; `None` if the lab has none.
async fn workspace(site: &Site, app: &App, lab: &LabId) -> Result<Option<Workspace>, Failure> {
    let lab = site.lab(app, lab, &DrawOf::Run)?;
    let running = async {
        let engine = app.existing_engine().await?;
        Ok::<_, Failure>(app.running(&engine, &lab).await?.workspace)
    };
    Ok(match running.await {
        Ok(workspace) => workspace,
        // Without a run, or an engine that answers.
        Err(_) => app.workspace(&lab, None),
    })
}

/// Returns the lines that differ between two texts, with some around them: each with `-`, `+` or a space before it.
fn changes(original: &str, text: &str) -> Value {
    let mut config = TextDiff::configure();
    let diff = config.timeout(DIFF_TIME).diff_lines(original, text);
    let mut lines = Vec::new();
    for (at, group) in diff.grouped_ops(CONTEXT).iter().enumerate() {
        if at > 0 {
            lines.push("…".to_owned());
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let sign = match change.tag() {
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
                ChangeTag::Equal => ' ',
            };
            lines.push(format!("{sign}{}", change.value().trim_end_matches('\n')));
        }
    }
    json!(lines)
}

fn shown(path: &Path) -> String {
    sanitize(&path.display().to_string())
}

fn no_path() -> Reply {
    let sentence = localized!("a path of the folder is needed, such as `dags/night.py`");
    reply::text(StatusCode::BAD_REQUEST, &sentence)
}

fn answer(document: Result<Value, Failure>) -> Reply {
    match document {
        Ok(document) => reply::json(StatusCode::OK, &document),
        Err(failure) => {
            let lines = failure_lines(&failure);
            reply::text(StatusCode::CONFLICT, &lines.join("\n"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_changes_are_lines_with_their_surroundings() {
        assert_eq!(changes("a\n", "a\n"), json!([]));
        let before = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n";
        let after = before.replace("1\n2", "1\ntwo").replace("\n12", "");
        let expected = [
            " 1", "-2", "+two", " 3", " 4", " 5", "…", " 9", " 10", " 11", "-12",
        ];
        assert_eq!(changes(before, &after), json!(expected));
    }
}
