//! A document that keeps to a size: its sections shrink and drop, least important first.

/// A section of a document.
#[derive(Clone, Debug)]
pub(crate) struct Section {
    /// The lower, the longer it stays; 0 stays always.
    priority: (u8, usize),
    /// Its text, and shorter forms of it.
    forms: Vec<String>,
}

impl Section {
    /// A section that stays as it is or goes.
    pub(crate) fn new(priority: (u8, usize), text: String) -> Self {
        Self { priority, forms: vec![text] }
    }

    /// The same with a shorter form.
    pub(crate) fn or(mut self, shorter: String) -> Self {
        let smaller = self.forms.last().is_none_or(|last| shorter.len() < last.len());
        if smaller {
            self.forms.push(shorter);
        }
        self
    }
}

/// The sections in their order, a blank line between them, in at most `max` bytes.
///
/// Where something had to shrink, `omitted` is added at the end. Where not even what must stay fits,
/// the answer is `last_resort`, cut to size: so it has to be plain text.
pub(crate) fn fit(sections: &[Section], max: usize, omitted: &str, last_resort: &str) -> String {
    let mut levels = vec![0_usize; sections.len()];
    let mut order: Vec<usize> = (0..sections.len()).collect();
    order.sort_by_key(|index| sections.get(*index).map(|section| section.priority));
    loop {
        let shrunk = levels.iter().any(|level| *level > 0);
        let end = if shrunk { omitted } else { "" };
        if length(sections, &levels, end) <= max {
            return join(sections, &levels, end);
        }
        if !shrink_one(sections, &mut levels, &order) {
            return cut(last_resort, max).to_owned();
        }
    }
}

/// Brings the least important section to its next form; false where nothing is left to shrink.
fn shrink_one(sections: &[Section], levels: &mut [usize], order: &[usize]) -> bool {
    for index in order.iter().rev() {
        let (Some(section), Some(level)) = (sections.get(*index), levels.get_mut(*index)) else {
            continue;
        };
        let stays = section.priority.0 == 0;
        if *level + usize::from(stays) < section.forms.len() {
            *level += 1;
            return true;
        }
    }
    false
}

/// The texts of the document at these levels.
fn texts<'a>(
    sections: &'a [Section],
    levels: &'a [usize],
    end: &'a str,
) -> impl Iterator<Item = &'a str> {
    let texts =
        sections.iter().zip(levels).filter_map(|(section, level)| section.forms.get(*level));
    texts.map(String::as_str).chain([end]).map(str::trim_end).filter(|text| !text.is_empty())
}

/// How long [`join`] would be, without building it: many sections shrink in many steps.
fn length(sections: &[Section], levels: &[usize], end: &str) -> usize {
    // Two new lines between any two texts, one after the last.
    let sum: usize = texts(sections, levels, end).map(|text| text.len() + 2).sum();
    sum.saturating_sub(1).max(1)
}

/// The document at these levels.
fn join(sections: &[Section], levels: &[usize], end: &str) -> String {
    let mut document = String::new();
    for text in texts(sections, levels, end) {
        if !document.is_empty() {
            document.push_str("\n\n");
        }
        document.push_str(text);
    }
    document.push('\n');
    document
}

/// The longest prefix of at most `max` bytes.
fn cut(text: &str, max: usize) -> &str {
    let mut end = max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_important_goes_first() {
        let sections = [
            Section::new((0, 0), "title".to_owned()),
            Section::new((2, 0), "long details".to_owned()).or("short".to_owned()),
            Section::new((1, 0), "table".to_owned()),
        ];
        for levels in [[0, 0, 0], [0, 1, 0], [0, 2, 1]] {
            for end in ["", "more"] {
                assert_eq!(length(&sections, &levels, end), join(&sections, &levels, end).len());
            }
        }
        let fitted = |max| fit(&sections, max, "more", "title").replace('\n', "/");
        assert_eq!(fitted(100), "title//long details//table/");
        assert_eq!(fitted(27), "title//long details//table/");
        assert_eq!(fitted(26), "title//short//table//more/");
        assert_eq!(fitted(25), "title//table//more/");
        assert_eq!(fitted(13), "title//more/");
        assert_eq!(fitted(11), "title");
        assert_eq!(fitted(3), "tit");
        assert_eq!(fitted(0), "");
    }
}
