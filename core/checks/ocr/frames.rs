//! What the recogniser says of a line, step by step.

use super::marks::Scores;

/// Shares below this are left out: 18,710 classes a step would take megabytes a line.
const LEAST: f32 = 1e-6;

/// The classes that the recogniser thinks possible, for each step along a line.
#[derive(Clone, Debug, Default)]
pub struct Frames {
    entries: Vec<(u16, f32)>,
    ends: Vec<u32>,
    damage: Vec<f32>,
    marks: Vec<Scores>,
}

impl Frames {
    /// Keeps of each step the classes that are possible at all.
    pub fn new<'a>(steps: impl Iterator<Item = &'a [f32]>) -> Self {
        let mut frames = Self::default();
        for step in steps {
            for (class, share) in step.iter().enumerate().filter(|(_, share)| **share > LEAST) {
                if let Ok(class) = u16::try_from(class) {
                    frames.entries.push((class, share.min(1.0)));
                }
            }
            frames.ends.push(u32::try_from(frames.entries.len()).unwrap_or(u32::MAX));
        }
        frames
    }

    /// With the odds, step by step, that a letter read there is damaged; see [`super::damage`].
    #[must_use]
    pub fn with_damage(self, damage: Vec<f32>) -> Self {
        Self { damage, ..self }
    }

    /// The logarithm of the odds that a letter read at a step is damaged; very low where nobody looked.
    #[must_use]
    pub fn damage(&self, step: usize) -> f32 {
        self.damage.get(step).copied().unwrap_or(f32::MIN)
    }

    /// With how well each accent fits a letter there, step by step; see [`super::marks`].
    #[must_use]
    pub(super) fn with_marks(self, marks: Vec<Scores>) -> Self {
        Self { marks, ..self }
    }

    /// How well each accent fits a letter at a step; nothing where nobody looked.
    pub(super) fn marks(&self, step: usize) -> Option<&Scores> {
        self.marks.get(step)
    }

    /// How many steps there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no step.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Step by step: classes with their shares, by class.
    pub fn steps(&self) -> impl Iterator<Item = &[(u16, f32)]> {
        let starts = std::iter::once(&0).chain(&self.ends);
        starts
            .zip(&self.ends)
            .map(|(from, to)| self.entries.get(*from as usize..*to as usize).unwrap_or_default())
    }

    /// The most likely class of each step, with its share.
    pub(super) fn best(&self) -> impl Iterator<Item = (u16, f32)> {
        self.steps()
            .map(|step| step.iter().copied().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, 1.0)))
    }

    /// The characters that are read from one step to another, both included.
    pub(super) fn between(&self, from: usize, to: usize, characters: &[String]) -> String {
        let (mut text, mut before) = (String::new(), 0);
        for (class, _) in self.best().take(to.saturating_add(1)).skip(from) {
            if class != 0 && class != before {
                text.push_str(characters.get(usize::from(class)).map_or("", String::as_str));
            }
            before = class;
        }
        text
    }

    /// The text by greedy decoding: repeats joined, blanks dropped (Graves et al. 2006), and the mean share of
    /// the characters read.
    pub(super) fn greedy(&self, characters: &[String]) -> (String, f32) {
        let (mut text, mut sum, mut count, mut before) = (String::new(), 0.0, 0.0_f32, 0);
        for (class, share) in self.best() {
            if class != 0 && class != before {
                text.push_str(characters.get(usize::from(class)).map_or("", String::as_str));
                sum += share;
                count += 1.0;
            }
            before = class;
        }
        (text, if count > 0.0 { sum / count } else { 0.0 })
    }
}
