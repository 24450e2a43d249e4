//! `roadlab list`: which labs there are.

use crate::commands::Context;
use crate::exit::Exit;
use crate::lab::{LabId, Lang, load};
use crate::report::{self, clean, memory, output, table};
use crate::runner::Failure;
use crate::store::Disk;

pub(crate) fn list(context: &Context) -> Result<Exit, Failure> {
    let mut rows = Vec::new();
    let mut documents = Vec::new();
    for (name, folder) in context.labs()?.all() {
        let (lab, problems) = load(folder, &Disk);
        let Some(lab) = lab.filter(|_| problems.is_empty()) else {
            let what = format!("has problems: `roadlab validate {}`", folder.display());
            rows.push(vec![context.paint.warn(&clean(name)), what]);
            documents.push(serde_json::json!({ "lab": name, "problems": problems.len() }));
            continue;
        };
        let done = LabId::new(name)
            .ok()
            .and_then(|id| context.progress(&id).ok())
            .unwrap_or_default();
        let count = lab
            .exercises
            .iter()
            .filter(|exercise| done.done.contains_key(&exercise.id))
            .count();
        let guide = lab.guide(&context.lang);
        let progress = format!("{count}/{}", lab.exercises.len());
        rows.push(vec![
            context.paint.bold(lab.id.as_str()),
            lab.level.name().to_owned(),
            format!("{} min", lab.minutes),
            memory(lab.memory() as u64),
            match count {
                0 => context.paint.dim(&progress),
                _ => context.paint.good(&progress),
            },
            clean(&guide.title),
        ]);
        documents.push(serde_json::json!({
            "lab": lab.id.as_str(), "title": guide.title, "summary": guide.summary, "level": lab.level.name(),
            "minutes": lab.minutes, "memory": lab.memory(), "roadmap": lab.roadmap, "exercises": lab.exercises.len(),
            "done": count, "languages": lab.guides.keys().map(Lang::as_str).collect::<Vec<_>>(),
            "folder": folder,
        }));
    }
    if context.global.json {
        report::document(&documents);
        return Ok(Exit::Fine);
    }
    for line in table(&rows) {
        output(&line);
    }
    output(&format!(
        "\n{}",
        context
            .paint
            .dim("roadlab show LAB tells more, roadlab run LAB begins")
    ));
    Ok(Exit::Fine)
}
