//! `roadlab catalogue`: the services that labs include.

use std::path::Path;

use serde_json::{Value, json};

use crate::app::{CATALOGUE_FOLDER, CatalogueEntry, ENTRY_FILE};
use crate::cli::CatalogueCommand;
use crate::commands::Context;
use crate::commands::error_output::problem_json;
use crate::exit::Exit;
use crate::lab::{Presence, Service};
use crate::localized;
use crate::report::{self, cut, memory, output, sanitize, table};
use crate::runner::Failure;

pub(crate) fn catalogue(context: &Context, command: &CatalogueCommand) -> Result<Exit, Failure> {
    match command {
        CatalogueCommand::List => list(context),
        CatalogueCommand::Show { name } => show(context, name),
        CatalogueCommand::Copy { name, lab } => copy(context, name, lab),
    }
}

fn as_json(entry: &CatalogueEntry) -> Value {
    let services = entry.services.iter().map(|service| {
        let interface = &service.interface;
        json!({
            "service": service.name.as_str(),
            "image": service.image.as_ref().map(|image| image.as_str()),
            "version": version(service),
            "recipe": service.recipe.as_ref().map(|recipe| report::json_path(&recipe.context)),
            "ports": service.ports.iter().map(|port| port.container).collect::<Vec<_>>(),
            "ready": interface.ready.iter().map(|step| step.act.to_string()).collect::<Vec<_>>(),
            "url": interface.url,
            "shell": interface.shell,
            "web": interface.web.iter().map(|web| json!({ "title": web.title, "port": web.port, "path": web.path, "login": web.login })).collect::<Vec<_>>(),
            "memory": service.limits.memory,
            "optional": interface.presence == Presence::Optional,
        })
    });
    json!({
        "entry": entry.name,
        "folder": report::json_path(&entry.folder),
        "services": services.collect::<Vec<_>>(),
        "needs": entry.needs,
        "problems": entry.problems.iter().map(problem_json).collect::<Vec<_>>(),
    })
}

fn version(service: &Service) -> Option<&str> {
    service.image.as_ref().map(|image| image.split().1)
}

fn ports(service: &Service) -> String {
    let ports = service.ports.iter().map(|port| port.container.to_string());
    ports.collect::<Vec<_>>().join(" ")
}

fn list(context: &Context) -> Result<Exit, Failure> {
    let entries = context.app.catalogue()?.entries();
    if context.global.json {
        report::document(&entries.iter().map(as_json).collect::<Vec<_>>());
        return Ok(Exit::Success);
    }
    let paint = context.paint;
    let head = [
        localized!("NAME"),
        localized!("IMAGE"),
        localized!("PORTS"),
        localized!("RECIPE"),
        localized!("READY"),
    ];
    let mut rows = vec![head.map(|title| paint.dim(&title)).to_vec()];
    for entry in &entries {
        let name = paint.bold(&sanitize(&entry.name));
        if !entry.problems.is_empty() {
            let folder = sanitize(&entry.folder.display().to_string());
            let text = localized!("has problems: `roadlab validate {folder}`", folder);
            rows.push(vec![paint.warn(&name), text]);
            continue;
        }
        for service in &entry.services {
            let image = service.image.as_ref().map(ToString::to_string);
            let ready = service.interface.ready.first();
            rows.push(vec![
                name.clone(),
                image.unwrap_or_else(|| "–".to_owned()),
                ports(service),
                match service.recipe {
                    Some(_) => localized!("yes"),
                    None => localized!("no"),
                },
                sanitize(&ready.map_or_else(|| "–".to_owned(), |step| step.act.to_string())),
            ]);
        }
    }
    let width = context.width();
    for line in table(&rows) {
        output(&width.map_or(line.clone(), |width| cut(&line, width)));
    }
    let next = localized!(
        "`roadlab catalogue show NAME` says how to use one, `roadlab new LAB --service NAME` begins a lab with it"
    );
    output("");
    for line in report::wrap(&next, 0, width) {
        output(&paint.dim(&line));
    }
    Ok(Exit::Success)
}

fn show(context: &Context, name: &str) -> Result<Exit, Failure> {
    let entry = context.app.catalogue()?.entry(name);
    let entry = entry.map_err(|problem| Failure::Problems(vec![problem]))?;
    let snippet = snippet(context, &entry);
    if context.global.json {
        let mut document = as_json(&entry);
        document["snippet"] = snippet.into();
        report::document(&document);
        return Ok(Exit::Success);
    }
    if !entry.problems.is_empty() {
        return Err(Failure::Problems(entry.problems));
    }
    let paint = context.paint;
    for service in &entry.services {
        output(&paint.bold(&sanitize(service.name.as_str())));
        for line in table(&facts(service)) {
            output(&cut(&line, context.width().unwrap_or(usize::MAX)));
        }
    }
    if !entry.needs.is_empty() {
        let needs = entry.needs.join(", ");
        output(&localized!("  needs beside it: {needs}", needs));
    }
    output("");
    output(&paint.bold(&localized!("In the compose.yaml of a lab")));
    output(&sanitize(&snippet));
    if !is_beside(context, &entry) {
        output("");
        output(&paint.dim(&localized!(
            "first copy the entry into the lab: `roadlab catalogue copy {name} LAB`",
            name
        )));
    }
    Ok(Exit::Success)
}

/// Returns what is known of a service, as rows of a label and a value.
fn facts(service: &Service) -> Vec<Vec<String>> {
    let interface = &service.interface;
    let mut rows = Vec::new();
    let mut row = |label: String, value: Option<String>| {
        rows.extend(value.map(|value| vec![format!("  {label}"), sanitize(&value)]));
    };
    let image = service.image.as_ref().map(ToString::to_string);
    row(localized!("image"), image);
    let recipe = service.recipe.as_ref();
    row(
        localized!("recipe"),
        Some(match recipe {
            Some(recipe) => recipe.context.display().to_string(),
            None => localized!("none: the image must be pulled"),
        }),
    );
    row(
        localized!("ports"),
        Some(ports(service)).filter(|ports| !ports.is_empty()),
    );
    for step in &interface.ready {
        row(localized!("ready"), Some(step.act.to_string()));
    }
    row(localized!("url"), interface.url.clone());
    row(
        localized!("client"),
        interface.shell.as_ref().map(|words| words.join(" ")),
    );
    for web in &interface.web {
        let login = web.login.as_ref().map(|login| format!(", {login}"));
        row(
            localized!("page"),
            Some(format!("{}{}", web.title, login.unwrap_or_default())),
        );
    }
    row(
        localized!("memory"),
        service
            .limits
            .memory
            .map(|bytes| memory(bytes.unsigned_abs())),
    );
    if interface.presence == Presence::Optional {
        row(
            localized!("optional"),
            Some(localized!("the rest of a lab works without it")),
        );
    }
    for (name, value) in &service.environment {
        row(localized!("environment"), Some(format!("{name}={value}")));
    }
    rows
}

/// Returns whether labs can refer to the entry in the catalogue beside them.
fn is_beside(context: &Context, entry: &CatalogueEntry) -> bool {
    !entry.folder.starts_with(&context.app.paths.cache)
}

/// Returns the lines that bring an entry and those that it needs into the Compose file of a lab.
fn snippet(context: &Context, entry: &CatalogueEntry) -> String {
    let above = if is_beside(context, entry) {
        "../../"
    } else {
        ""
    };
    let names = entry.needs.iter().copied().chain([entry.name.as_str()]);
    let lines = names.map(|name| format!("  - {above}{CATALOGUE_FOLDER}/{name}/{ENTRY_FILE}"));
    format!("include:\n{}", lines.collect::<Vec<_>>().join("\n"))
}

fn copy(context: &Context, name: &str, lab: &str) -> Result<Exit, Failure> {
    let (folder, copied) = context.app.copy_entry(name, lab)?;
    let paths = copied
        .iter()
        .map(|entry| Path::new(CATALOGUE_FOLDER).join(&entry.name));
    let paths: Vec<_> = paths.collect();
    if context.global.json {
        report::document(&json!({
            "lab": report::json_path(&folder),
            "copied": paths.iter().map(|path| report::json_path(&folder.join(path))).collect::<Vec<_>>(),
        }));
        return Ok(Exit::Success);
    }
    for path in &paths {
        let path = folder.join(path).display().to_string();
        output(&localized!("copied to {folder}", folder = sanitize(&path)));
    }
    let next = match paths.len() {
        1 => localized!("add this line to compose.yaml below `include:`"),
        _ => localized!("add these lines to compose.yaml below `include:`"),
    };
    output(&context.paint.dim(&next));
    for path in &paths {
        output(&format!("  - {}/{ENTRY_FILE}", path.display()));
    }
    Ok(Exit::Success)
}
