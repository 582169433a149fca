//! What `presscheck models` lists, and how that is worded: a table, whole entries, a document for machines.

mod document;
#[cfg(test)]
mod tests;

use jiff::civil::Date;
use serde_json::{Map, Value};
use wildmatch::WildMatch;

use super::{Commercial, Entry, ImagePrice, Licence, Lifecycle, TokenPrices, catalogue, find};
use crate::inert::{Newlines, one_line, terminal};
use crate::policy::{FromNode as _, Node, Problems, Task, nearest};
use crate::providers::REGISTRY;
use crate::report::{Colour, TerminalStyle, paragraph};

/// The most models that are shown whole where one is asked for; more are a table.
const WHOLE: usize = 3;
/// Where the values of a whole entry begin.
const INDENT: &str = "            ";

/// Which models are wanted, as the command line has it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted<'a> {
    /// Those of this kind of provider.
    pub kind: Option<&'a str>,
    /// Those for this task.
    pub task: Option<&'a str>,
    /// The one of this id, else those with this in their id or name, or whose id fits this pattern.
    pub model: Option<&'a str>,
}

/// The models that are wanted.
#[derive(Clone, Debug)]
pub struct Listing {
    entries: Vec<&'static Entry>,
    kind: Option<&'static str>,
    /// Whether a model was asked for.
    named: bool,
    today: Date,
}

/// Finds the models that are wanted.
///
/// # Errors
/// A sentence, where there is no such kind or task, or no model that fits.
pub fn list(wanted: &Wanted<'_>, today: Date) -> Result<Listing, String> {
    let kind = wanted.kind.map(known_kind).transpose()?;
    let task = wanted.task.map(known_task).transpose()?;
    let mut entries: Vec<&'static Entry> = catalogue()
        .iter()
        .filter(|entry| kind.is_none_or(|kind| entry.kinds.iter().any(|it| it == kind)))
        .filter(|entry| task.is_none_or(|task| entry.tasks.contains(&task)))
        .collect();
    if let Some(model) = wanted.model {
        let all = entries;
        entries = fitting(&all, model);
        if entries.is_empty() {
            let narrowed = kind.is_some() || task.is_some();
            return Err(unknown_model(&all, model, narrowed));
        }
    }
    Ok(Listing { entries, kind, named: wanted.model.is_some(), today })
}

fn known_kind(name: &str) -> Result<&'static str, String> {
    let kinds: Vec<_> = REGISTRY.iter().map(|kind| kind.vocabulary.kind).collect();
    if let Some(kind) = kinds.iter().copied().find(|kind| *kind == name) {
        return Ok(kind);
    }
    let shown = one_line(name, 60);
    Err(match nearest(name, &kinds) {
        Some(near) => format!("--kind: unknown kind `{shown}`, did you mean `{near}`?"),
        None => format!("--kind: unknown kind `{shown}`\n  help: known: {}", kinds.join(", ")),
    })
}

fn known_task(word: &str) -> Result<Task, String> {
    let mut problems = Problems::new();
    Task::from_node(&Node::from_json(&Value::from(word)), &mut problems).ok_or_else(|| {
        let problems = problems.sorted();
        let why = problems.first().map_or("unknown task", |problem| problem.message.as_str());
        format!("--task: {why}")
    })
}

/// The entries of this id; where it is none, those that fit.
fn fitting(all: &[&'static Entry], model: &str) -> Vec<&'static Entry> {
    let pattern = model.contains(['*', '?']);
    let own = |entry: &Entry| {
        let found = |kind: &String| find(kind, model).is_some_and(|it| std::ptr::eq(it, entry));
        !pattern && entry.kinds.iter().any(found)
    };
    let named: Vec<_> = all.iter().copied().filter(|entry| own(entry)).collect();
    if !named.is_empty() {
        return named;
    }
    let part = model.to_lowercase();
    let fits = |entry: &Entry| {
        let id = entry.model.to_lowercase();
        if pattern {
            return WildMatch::new(&part).matches(&id);
        }
        id.contains(&part) || entry.name.to_lowercase().contains(&part)
    };
    all.iter().copied().filter(|entry| fits(entry)).collect()
}

fn unknown_model(all: &[&'static Entry], model: &str, narrowed: bool) -> String {
    let ids: Vec<_> = all.iter().map(|entry| entry.model.as_str()).collect();
    let shown = one_line(model, 80);
    let within = if narrowed { " of that kind and task" } else { "" };
    match nearest(model, &ids) {
        Some(near) => format!("no listed model{within} fits `{shown}`, did you mean `{near}`?"),
        None => format!(
            "no listed model{within} fits `{shown}`\n  help: `presscheck models` lists all; a policy may use others, at a `price` of its own"
        ),
    }
}

impl Listing {
    /// For a terminal: whole entries where a model was asked for and few fit, else a table. It ends in a new line.
    #[must_use]
    pub fn text(&self, style: TerminalStyle) -> String {
        let style = TerminalStyle { width: style.width.max(40), ..style };
        if self.entries.is_empty() {
            return self.nothing(style);
        }
        if self.named && self.entries.len() <= WHOLE {
            let whole: Vec<_> =
                self.entries.iter().map(|entry| whole(entry, self.today, style)).collect();
            return whole.join("\n");
        }
        let kinds = REGISTRY.iter().map(|kind| kind.vocabulary.kind);
        let mut out = String::new();
        for kind in kinds.filter(|kind| self.kind.is_none_or(|only| only == *kind)) {
            let of_kind = |entry: &&Entry| entry.kinds.iter().any(|it| it == kind);
            let entries: Vec<&Entry> = self.entries.iter().copied().filter(of_kind).collect();
            if !entries.is_empty() {
                group(&mut out, kind, &entries, self.today, style);
            }
        }
        let legend = "Prices are those of one image, in US dollars; a range goes by the model's parameters. \
            ~ is what is expected where tokens are paid. * means that something is not certain. \
            `presscheck models MODEL` shows all that is known of one.";
        paragraph(&mut out, "", legend, style.width);
        out
    }

    /// Why there is nothing to show.
    fn nothing(&self, style: TerminalStyle) -> String {
        let of_kind =
            |kind: &str| catalogue().iter().any(|entry| entry.kinds.iter().any(|it| it == kind));
        let text = match self.kind {
            Some(kind) if !of_kind(kind) => format!(
                "No models of the kind `{kind}` are listed: the policy says what they cost, as `price`, as `gpu_hour`, or by the kind's own keys."
            ),
            _ => "No listed model is of that kind and for that task.".to_owned(),
        };
        let mut out = String::new();
        paragraph(&mut out, "", &text, style.width);
        out
    }

    /// The document for machines; it ends in a new line.
    #[must_use]
    pub fn json(&self) -> String {
        let models: Vec<_> =
            self.entries.iter().map(|entry| document::model(entry, self.today)).collect();
        let today = self.today.to_string();
        let document = serde_json::json!({"schema": 1, "today": today, "models": models});
        let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
        text.push('\n');
        text
    }
}

/// The models of a kind: a row for each, and under which terms.
fn group(out: &mut String, kind: &str, entries: &[&Entry], today: Date, style: TerminalStyle) {
    out.push_str(kind);
    out.push('\n');
    let widest = |texts: &mut dyn Iterator<Item = usize>| texts.max().unwrap_or(0);
    let ids = widest(&mut entries.iter().map(|entry| entry.model.chars().count()));
    let prices = widest(&mut entries.iter().map(|entry| range(entry).chars().count()));
    let mut licences: Vec<(String, Vec<&str>)> = Vec::new();
    for entry in entries {
        let mark = if entry.doubt.is_some() { " *" } else { "" };
        let (price, tasks) = (range(entry), tasks(entry));
        let row = format!("  {:<ids$}  {price:<prices$}  {tasks}{mark}", entry.model);
        out.push_str(&terminal(&row, Newlines::Join));
        out.push('\n');
        if let Some((when, next)) = end(entry, today) {
            let mut line = String::new();
            paragraph(&mut line, "    ", &format!("{when}{next}"), style.width);
            out.push_str(&painted(&line, &when, entry, today, style));
        }
        let terms = terms(&entry.licence);
        match licences.iter_mut().find(|(known, _)| *known == terms) {
            Some((_, models)) => models.push(&entry.model),
            None => licences.push((terms, vec![entry.model.as_str()])),
        }
    }
    let alone = licences.len() == 1;
    for (terms, models) in licences {
        let of = if alone { String::new() } else { format!(" of {}", models.join(", ")) };
        paragraph(out, "  ", &format!("Licence{of}: {terms}."), style.width);
    }
    out.push('\n');
}

/// All that is known of a model.
fn whole(entry: &Entry, today: Date, style: TerminalStyle) -> String {
    let mut out = format!("{}\n", terminal(&entry.name, Newlines::Join));
    let mut field = |name: &str, text: &str| {
        let mut lines = String::new();
        paragraph(&mut lines, INDENT, &terminal(text, Newlines::Join), style.width);
        let lines = lines.strip_prefix(INDENT).unwrap_or(&lines).to_owned();
        out.push_str(&style.paint(Colour::Dim, &format!("  {name:<10}")));
        out.push_str(&painted(
            &lines,
            &end(entry, today).map(|(when, _)| when).unwrap_or_default(),
            entry,
            today,
            style,
        ));
    };
    field("model", &entry.model);
    field(if entry.kinds.len() == 1 { "kind" } else { "kinds" }, &entry.kinds.join(", "));
    field("tasks", &tasks(entry));
    field("price", &prices(&entry.image, entry.tokens.is_some()));
    if let Some(TokenPrices { text_in, image_in, text_out, image_out }) = &entry.tokens {
        field(
            "tokens",
            &format!(
                "a million cost {text_in} (prompt), {image_in} (input pictures), {text_out} (words and thoughts), {image_out} (the picture)"
            ),
        );
    }
    if let Some((when, next)) = end(entry, today) {
        field("end", &format!("{when}{next}"));
    }
    field("licence", &terms(&entry.licence));
    field("source", &format!("{} (as of {})", entry.source, entry.as_of.0));
    if let Some(doubt) = &entry.doubt {
        field("doubt", doubt);
    }
    out
}

fn tasks(entry: &Entry) -> String {
    entry.tasks.iter().map(|task| task.word()).collect::<Vec<_>>().join(", ")
}

/// The least and the most that an image costs: `$0.04`, `~$0.006–$0.211`.
fn range(entry: &Entry) -> String {
    let about = if entry.tokens.is_some() { "~" } else { "" };
    let amounts = || entry.image.0.iter().map(|(_, amount)| *amount);
    match (amounts().min(), amounts().max()) {
        (Some(least), Some(most)) if least < most => format!("{about}{least}–{most}"),
        (Some(only), _) => format!("{about}{only}"),
        _ => String::new(),
    }
}

/// Each price of an image, with its parameters.
fn prices(price: &ImagePrice, by_tokens: bool) -> String {
    let several = price.0.len() > 1;
    let rows: Vec<_> = price
        .0
        .iter()
        .map(|(when, amount)| {
            if !when.is_empty() {
                format!("{amount} with {}", conditions(when))
            } else if several {
                format!("else {amount}")
            } else {
                amount.to_string()
            }
        })
        .collect();
    let expected = if by_tokens { "; expected, since tokens are paid" } else { "" };
    format!("{} an image{expected}", rows.join(", "))
}

/// `image_size 4K and quality high`
fn conditions(when: &Map<String, Value>) -> String {
    let one = |(name, value): (&String, &Value)| {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        format!("{name} {value}")
    };
    when.iter().map(one).collect::<Vec<_>>().join(" and ")
}

/// When a model goes or went, and what follows it.
fn end(entry: &Entry, today: Date) -> Option<(String, String)> {
    let end = entry.retires.as_ref()?.0;
    let gone = matches!(entry.lifecycle(today), Lifecycle::Gone(_));
    let when = if gone { format!("retired on {end}") } else { format!("retires on {end}") };
    let next = entry.successor.as_ref();
    let next = next.map(|next| format!("; its vendor names {next} instead")).unwrap_or_default();
    Some((when, next))
}

/// The text with the words on a model's end in the colour of its haste.
fn painted(text: &str, when: &str, entry: &Entry, today: Date, style: TerminalStyle) -> String {
    let colour = match entry.lifecycle(today) {
        Lifecycle::Live => Colour::Dim,
        Lifecycle::Leaving(_) => Colour::Warning,
        Lifecycle::Gone(_) => Colour::Bad,
    };
    if when.is_empty() {
        text.to_owned()
    } else {
        text.replacen(when, &style.paint(colour, when), 1)
    }
}

/// A licence, and whether pictures may be used commercially.
fn terms(licence: &Licence) -> String {
    let commercial = match licence.commercial {
        Commercial::Yes => "commercial use is allowed",
        Commercial::Limited => "commercial use is limited",
        Commercial::No => "commercial use is not allowed",
    };
    let note = licence.note.as_ref().map(|note| format!(" ({note})")).unwrap_or_default();
    format!("{}; {commercial}{note}", licence.name)
}
