//! `roadlab man`: prints or writes man pages, made from the texts that `--help` shows.

use std::path::Path;

use anyhow::Context;
use clap_mangen::Man;

use crate::cli;
use crate::exit::Exit;
use crate::report::output;
use crate::runner::Failure;
use crate::text_plural;

pub(crate) fn man(folder: Option<&Path>) -> Result<Exit, Failure> {
    let pages = pages()?;
    let Some(folder) = folder else {
        let first = pages.first().map(|(_, text)| text.trim_end());
        output(first.unwrap_or_default());
        return Ok(Exit::Success);
    };
    std::fs::create_dir_all(folder).map_err(|error| Failure::cannot_write(folder, &error))?;
    for (name, text) in &pages {
        let path = folder.join(name);
        std::fs::write(&path, text).map_err(|error| Failure::cannot_write(&path, &error))?;
    }
    let written = text_plural!(
        "wrote {count} page to {folder}",
        "wrote {count} pages to {folder}",
        count = pages.len(),
        folder = folder.display()
    );
    output(&written.localized());
    Ok(Exit::Success)
}

/// Returns every page with its file name, the page of the program first.
fn pages() -> Result<Vec<(String, String)>, Failure> {
    fn add(command: &clap::Command, pages: &mut Vec<(String, String)>) -> anyhow::Result<()> {
        // clap_mangen joins the examples into one paragraph.
        let examples = command.get_after_help().map(ToString::to_string);
        let page = Man::new(command.clone().after_help(None::<&str>));
        let mut text = Vec::new();
        page.render(&mut text).context("cannot write the manual")?;
        let text = String::from_utf8(text).context("the manual is not UTF-8")?;
        let mut text = with_title(&text, &page.get_filename());
        if let Some(examples) = examples {
            text.push_str(&verbatim_section("EXAMPLES", examples.lines().skip(1)));
        }
        if command.get_name() == cli::NAME {
            text.push_str(&verbatim_section("EXIT STATUS", cli::exit_codes().lines()));
        }
        pages.push((page.get_filename(), text));
        let visible = command
            .get_subcommands()
            .filter(|command| !command.is_hide_set());
        for command in visible {
            add(command, pages)?;
        }
        Ok(())
    }
    let mut root = cli::command().disable_help_subcommand(true);
    root.build();
    let mut pages = Vec::new();
    add(&root, &mut pages)?;
    Ok(pages)
}

/// Replaces the title line: clap_mangen leaves out the date, so that the next field would be taken for it.
fn with_title(text: &str, file: &str) -> String {
    let name = file.trim_end_matches(".1").to_uppercase();
    let version = env!("CARGO_PKG_VERSION");
    let title = format!(".TH \"{name}\" \"1\" \"\" \"roadlab {version}\" \"roadlab\"");
    let lines = text.lines().map(|line| match line.starts_with(".TH ") {
        true => format!("{title}\n"),
        false => format!("{line}\n"),
    });
    lines.collect()
}

/// Returns a section whose lines are not filled.
fn verbatim_section<'a>(title: &str, lines: impl Iterator<Item = &'a str>) -> String {
    let line = |line: &str| {
        let line = line.replace('\\', "\\e").replace('-', "\\-");
        format!("\\&{}\n", line.replace('\'', "\\(aq"))
    };
    let lines: String = lines.map(line).collect();
    format!(".SH \"{title}\"\n.nf\n{lines}.fi\n")
}
