//! Markdown of guides as HTML. A guide is a stranger's text: its HTML is shown as text, its links lead to web addresses only,
//! and its images are links.

use maud::{Markup, PreEscaped};
use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, TagEnd};

use crate::report::sanitize;
use crate::web::leave;

/// Returns Markdown as HTML.
pub(super) fn markdown(text: &str) -> Markup {
    let text = sanitize(text);
    let mut filter = Filter::default();
    let events =
        Parser::new_ext(&text, Options::ENABLE_TABLES).flat_map(|event| filter.event(event));
    let mut html = String::new();
    pulldown_cmark::html::push_html(&mut html, events);
    PreEscaped(html)
}

/// Returns a line of Markdown, such as the sentence of a check, as HTML without a paragraph around it.
pub(super) fn markdown_line(text: &str) -> Markup {
    let whole = markdown(text).into_string();
    let inner = whole.trim().strip_prefix("<p>");
    let inner = inner.and_then(|rest| rest.strip_suffix("</p>"));
    match inner.filter(|inner| !inner.contains("<p>")) {
        Some(inner) => PreEscaped(inner.to_owned()),
        None => PreEscaped(whole),
    }
}

/// Turns events into harmless ones. What it makes HTML of is written here and escaped.
#[derive(Default)]
struct Filter {
    /// Whether each link and image that is open has a target, the innermost last.
    links: Vec<bool>,
}

impl Filter {
    fn event<'a>(&mut self, event: Event<'a>) -> Vec<Event<'a>> {
        match event {
            Event::Html(text) | Event::InlineHtml(text) => vec![Event::Text(text)],
            Event::Start(Tag::HtmlBlock) => vec![Event::Start(Tag::Paragraph)],
            Event::End(TagEnd::HtmlBlock) => vec![Event::End(TagEnd::Paragraph)],
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                let leads = is_web_address(&dest_url);
                self.links.push(leads);
                match leads {
                    true => vec![own(format!(
                        "<a href=\"{}\" target=\"_blank\" rel=\"noopener noreferrer\">",
                        leave::path(&dest_url)
                    ))],
                    false => Vec::new(),
                }
            }
            Event::End(TagEnd::Link | TagEnd::Image) => match self.links.pop() {
                Some(true) => vec![own("</a>".to_owned())],
                Some(false) | None => Vec::new(),
            },
            // A wide table scrolls by itself.
            Event::Start(Tag::Table(columns)) => vec![
                own("<div class=\"wide\">".to_owned()),
                Event::Start(Tag::Table(columns)),
            ],
            Event::End(TagEnd::Table) => {
                vec![Event::End(TagEnd::Table), own("</div>".to_owned())]
            }
            // The id of a heading would be one of the page.
            Event::Start(Tag::Heading { level, .. }) => vec![Event::Start(Tag::Heading {
                level,
                id: None,
                classes: Vec::new(),
                attrs: Vec::new(),
            })],
            event => vec![event],
        }
    }
}

fn own<'a>(html: String) -> Event<'a> {
    Event::InlineHtml(CowStr::from(html))
}

/// Returns whether a link leads to a page of the web, or of a service of the lab.
fn is_web_address(target: &str) -> bool {
    let target = target.to_ascii_lowercase();
    target.starts_with("https://") || target.starts_with("http://")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(markdown(text).into_string().trim(), expected, "{text}");
    }

    #[test]
    fn headings_lists_tables_and_code_are_html() {
        check("# A *b*", "<h1>A <em>b</em></h1>");
        check(
            "- a\n- `b`",
            "<ul>\n<li>a</li>\n<li><code>b</code></li>\n</ul>",
        );
        check(
            "```sh\nls <a>\n```",
            "<pre><code class=\"language-sh\">ls &lt;a&gt;\n</code></pre>",
        );
        check(
            "|a|\n|-|\n|b|",
            "<div class=\"wide\"><table><thead><tr><th>a</th></tr></thead><tbody>\n<tr><td>b</td></tr>\n</tbody></table>\n</div>",
        );
        assert_eq!(markdown_line("a `b`").into_string(), "a <code>b</code>");
        assert_eq!(
            markdown_line("a\n\nb").into_string(),
            "<p>a</p>\n<p>b</p>\n"
        );
    }

    #[test]
    fn links_lead_to_web_addresses_only() {
        let open = "<p><a href=\"/leave?to=https%3A%2F%2Fx.test%2F%3Fa%3D1%26b%3D2\" target=\"_blank\" rel=\"noopener noreferrer\">";
        check("[a](https://x.test/?a=1&b=2)", &format!("{open}a</a></p>"));
        check("![a](https://x.test/?a=1&b=2)", &format!("{open}a</a></p>"));
        for target in [
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            "data:text/html,x",
            "/labs/redis/down",
            "//x.test",
            "vbscript:x",
            "file:///etc/passwd",
            "",
        ] {
            check(&format!("[a](<{target}>)"), "<p>a</p>");
            check(&format!("![a](<{target}>)"), "<p>a</p>");
        }
        let quote = markdown("[a](https://x.test/\"onclick=\"alert)").into_string();
        assert!(
            quote.contains("href=\"/leave?to=https%3A%2F%2Fx.test%2F%22onclick%3D%22alert\""),
            "{quote}"
        );
    }

    #[test]
    fn nothing_that_a_guide_contains_is_an_element_or_an_attribute() {
        let attacks = [
            "<script>alert(1)</script>",
            "a <img src=x onerror=alert(1)> b",
            "<div onclick='x'>\n\n# a\n\n</div>",
            "<!-- --><svg/onload=alert(1)>",
            "<?php ?>\n<![CDATA[<script>]]>",
            "`<script>`",
            "```\"><script>alert(1)</script>\nx\n```",
            "```html onload=alert(1)\n<script>\n```",
            "# a {#id .class onclick=alert(1)}\n",
            "[a](https://x.test \"\"><script>\")",
            "![\"><script>](https://x.test)",
            "<https://x.test/\"><script>>",
            "[x]: javascript:alert(1)\n\n[x]",
            "&lt;script&gt; &#60;script&#62;",
            "| <script> |\n|---|\n| <b onclick=x> |",
            "\u{202e}<script>\u{0}\u{7}\u{1b}[31m",
        ];
        for attack in attacks {
            let html = markdown(attack).into_string();
            let tags: Vec<&str> = html.split('<').skip(1).collect();
            for tag in tags {
                let (tag, _) = tag.split_once('>').unwrap_or((tag, ""));
                let name = tag.trim_start_matches('/').split([' ', '\n']).next();
                let known = [
                    "p", "a", "em", "code", "pre", "h1", "div", "table", "thead", "tbody", "tr",
                    "th", "td", "br", "ul", "li",
                ];
                assert!(
                    known.contains(&name.unwrap_or_default()),
                    "{attack}: {html}"
                );
                let attributes = tag.split_once(' ').map_or("", |(_, rest)| rest);
                let harmless = attributes.is_empty()
                    || attributes.starts_with("href=\"/leave?to=http")
                    || attributes.starts_with("class=\"");
                assert!(harmless, "{attack}: {html}");
                assert!(!attributes.contains("onload"), "{attack}: {html}");
            }
            assert!(
                !html.contains('\u{202e}') && !html.contains('\u{1b}'),
                "{html}"
            );
        }
    }
}
